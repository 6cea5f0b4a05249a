// SPDX-License-Identifier: GPL-2.0-only
/*
 * The attributes of a pair in /sys/class/ndval/NODE/, one value a file, as
 * told in Documentation/ABI/testing/sysfs-class-ndval.
 */
#include "sysfs.h"

#include <linux/capability.h>
#include <linux/device.h>
#include <linux/kstrtox.h>
#include <linux/math64.h>
#include <linux/string.h>
#include <linux/sysfs.h>
#include <linux/time64.h>

#include "pair.h"
#include "skew.h"

static struct ndval_pair *to_pair(struct device *dev)
{
	return container_of(dev, struct ndval_pair, dev);
}

/* How a setting is written. */
enum form {
	FORM_NUMBER,
	FORM_WORD,
	FORM_SET,
};

struct setting_attribute {
	struct device_attribute	attr;
	enum ndval_setting	which;
	enum form		form;
	const char * const	*words;		/* FORM_WORD, ends with NULL */
};

static struct setting_attribute *to_setting(struct device_attribute *attr)
{
	return container_of(attr, struct setting_attribute, attr);
}

static ssize_t show_set(u64 set, char *buf)
{
	ssize_t len = 0;
	unsigned int i;

	for (i = 0; i < NDVAL_INSTANCES; i++)
		if (set & (1U << i))
			len += sysfs_emit_at(buf, len, "%s%u", len ? "," : "", i);
	if (!len)
		len = sysfs_emit(buf, "none");
	return len + sysfs_emit_at(buf, len, "\n");
}

static int parse_set(const char *buf, u64 *set)
{
	char text[32];
	char *rest = text, *word;

	*set = 0;
	if (sysfs_streq(buf, "none"))
		return 0;
	if (strscpy(text, buf, sizeof(text)) < 0)
		return -EINVAL;
	while ((word = strsep(&rest, ","))) {
		unsigned int instance;

		if (kstrtouint(word, 10, &instance) || instance >= NDVAL_INSTANCES)
			return -EINVAL;
		*set |= 1U << instance;
	}
	return 0;
}

static ssize_t setting_show(struct device *dev, struct device_attribute *attr,
			    char *buf)
{
	const struct setting_attribute *setting = to_setting(attr);
	u64 value = ndval_pair_setting(to_pair(dev), setting->which);

	switch (setting->form) {
	case FORM_WORD:
		return sysfs_emit(buf, "%s\n", setting->words[value]);
	case FORM_SET:
		return show_set(value, buf);
	default:
		return sysfs_emit(buf, "%llu\n", value);
	}
}

static int parse(const struct setting_attribute *setting, const char *buf, u64 *value)
{
	int word;

	switch (setting->form) {
	case FORM_WORD:
		word = __sysfs_match_string(setting->words, -1, buf);
		*value = word;
		return word < 0 ? -EINVAL : 0;
	case FORM_SET:
		return parse_set(buf, value);
	default:
		return kstrtou64(buf, 0, value) ? -EINVAL : 0;
	}
}

static ssize_t setting_store(struct device *dev, struct device_attribute *attr,
			     const char *buf, size_t count)
{
	const struct setting_attribute *setting = to_setting(attr);
	struct ndval_change change = { .mask = 1U << setting->which };
	struct ndval_pair *pair = to_pair(dev);
	int err;

	if (!capable(CAP_NET_ADMIN))
		return -EPERM;
	err = parse(setting, buf, &change.value[setting->which]);
	if (err)
		return err;
	mutex_lock(&pair->lock);
	err = ndval_pair_set(pair, &change, NULL);
	mutex_unlock(&pair->lock);
	return err ?: count;
}

static const char * const bind_words[] = { "any", "required", NULL };
static const char * const commit_words[] = { "async", "sync", NULL };
static const char * const on_peer_loss_words[] = { "continue", "suspend", NULL };
static const char * const overflow_words[] = { "drop", "stall", NULL };
static const char * const switch_words[] = { "off", "on", NULL };

#define SETTING(_name, _which, _form, _words)				\
	static struct setting_attribute setting_##_name = {		\
		.attr	= __ATTR(_name, 0644, setting_show, setting_store),	\
		.which	= (_which),					\
		.form	= (_form),					\
		.words	= (_words),					\
	}

SETTING(bind, NDVAL_SET_BIND, FORM_WORD, bind_words);
SETTING(commit, NDVAL_SET_COMMIT, FORM_WORD, commit_words);
SETTING(on_peer_loss, NDVAL_SET_ON_PEER_LOSS, FORM_WORD, on_peer_loss_words);
SETTING(ring_size, NDVAL_SET_RING_SIZE, FORM_NUMBER, NULL);
SETTING(retain, NDVAL_SET_RETAIN, FORM_NUMBER, NULL);
SETTING(prefetch, NDVAL_SET_PREFETCH, FORM_NUMBER, NULL);
SETTING(max_streams, NDVAL_SET_MAX_STREAMS, FORM_NUMBER, NULL);
SETTING(memory_max, NDVAL_SET_MEMORY_MAX, FORM_NUMBER, NULL);
SETTING(overflow, NDVAL_SET_OVERFLOW, FORM_WORD, overflow_words);
SETTING(instances, NDVAL_SET_INSTANCES, FORM_SET, NULL);
SETTING(read_timeout_ms, NDVAL_SET_READ_TIMEOUT_MS, FORM_NUMBER, NULL);
SETTING(peer_timeout_ms, NDVAL_SET_PEER_TIMEOUT_MS, FORM_NUMBER, NULL);
SETTING(inspect, NDVAL_SET_INSPECT, FORM_WORD, switch_words);

static ssize_t role_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	return sysfs_emit(buf, "%s\n", ndval_pair_is_primary(to_pair(dev)) ?
			  "primary" : "secondary");
}
static DEVICE_ATTR_RO(role);

static ssize_t health_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	static const char * const words[] = {
		[NDVAL_HEALTH_STANDALONE]	= "standalone",
		[NDVAL_HEALTH_PROTECTED]	= "protected",
		[NDVAL_HEALTH_AT_RISK]		= "at-risk",
		[NDVAL_HEALTH_ALONE]		= "alone",
		[NDVAL_HEALTH_SUSPENDED]	= "suspended",
		[NDVAL_HEALTH_FENCED]		= "fenced",
		[NDVAL_HEALTH_DIVERGED]		= "diverged",
	};
	struct ndval_pair *pair = to_pair(dev);
	u32 health;

	mutex_lock(&pair->lock);
	health = ndval_pair_health(pair);
	mutex_unlock(&pair->lock);
	return sysfs_emit(buf, "%s\n", words[health]);
}
static DEVICE_ATTR_RO(health);

#define COUNT(_name, _value)						\
	static ssize_t _name##_show(struct device *dev,			\
				    struct device_attribute *attr, char *buf)	\
	{								\
		struct ndval_pair *pair = to_pair(dev);			\
		u64 value;						\
									\
		mutex_lock(&pair->lock);				\
		value = (_value);					\
		mutex_unlock(&pair->lock);				\
		return sysfs_emit(buf, "%llu\n", value);		\
	}								\
	static DEVICE_ATTR_RO(_name)

static struct ndval_pair_sums sums_of(struct ndval_pair *pair)
{
	struct ndval_pair_sums sums;

	ndval_pair_sums(pair, &sums);
	return sums;
}

COUNT(epoch, pair->epoch);
COUNT(issued, sums_of(pair).issued);
COUNT(committed, sums_of(pair).committed);
COUNT(retained, sums_of(pair).retained);
COUNT(streams, pair->nstreams);
COUNT(peers, pair->npeers);
COUNT(lost, atomic64_read(&pair->lost));
COUNT(memory, ndval_mem_used(&pair->mem));

static ssize_t clock_skew_us_show(struct device *dev, struct device_attribute *attr, char *buf)
{
	struct ndval_pair *pair = to_pair(dev);
	s64 skew;

	mutex_lock(&pair->lock);
	skew = ndval_pair_skew(pair);
	mutex_unlock(&pair->lock);
	return sysfs_emit(buf, "%lld\n", div_s64(skew, NSEC_PER_USEC));
}
static DEVICE_ATTR_RO(clock_skew_us);

static struct attribute *ndval_attrs[] = {
	&setting_bind.attr.attr,
	&setting_commit.attr.attr,
	&setting_on_peer_loss.attr.attr,
	&setting_ring_size.attr.attr,
	&setting_retain.attr.attr,
	&setting_prefetch.attr.attr,
	&setting_max_streams.attr.attr,
	&setting_memory_max.attr.attr,
	&setting_overflow.attr.attr,
	&setting_instances.attr.attr,
	&setting_read_timeout_ms.attr.attr,
	&setting_peer_timeout_ms.attr.attr,
	&setting_inspect.attr.attr,
	&dev_attr_role.attr,
	&dev_attr_health.attr,
	&dev_attr_epoch.attr,
	&dev_attr_issued.attr,
	&dev_attr_committed.attr,
	&dev_attr_retained.attr,
	&dev_attr_streams.attr,
	&dev_attr_peers.attr,
	&dev_attr_lost.attr,
	&dev_attr_memory.attr,
	NULL
};

static const struct attribute_group ndval_group = {
	.attrs = ndval_attrs,
};

static struct attribute *peer_attrs[] = {
	&dev_attr_clock_skew_us.attr,
	NULL
};

static umode_t peer_is_visible(struct kobject *kobj, struct attribute *attr, int n)
{
	return READ_ONCE(to_pair(kobj_to_dev(kobj))->npeers) ? attr->mode : 0;
}

/* What a pair without peers has not: each file costs memory, and most pairs may be such. */
static const struct attribute_group peer_group = {
	.attrs		= peer_attrs,
	.is_visible	= peer_is_visible,
};

const struct attribute_group *ndval_sysfs_groups[] = {
	&ndval_group,
	&peer_group,
	NULL
};

/**
 * ndval_sysfs_update() - A pair has got a peer: there is more to tell.
 * @pair: the pair
 *
 * Context: process, sleeps; no lock of ours is held. A file that can't be made for want
 * of memory is made with the next peer.
 */
void ndval_sysfs_update(struct ndval_pair *pair)
{
	if (sysfs_update_group(&pair->dev.kobj, &peer_group))
		pr_debug("pair %s: clock_skew_us could not be made\n", pair->name);
}
