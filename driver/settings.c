// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of a pair: their ranges and defaults, and the one function by
 * which netlink and sysfs change them.
 */
#include "settings.h"

#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/netlink.h>
#include <linux/sizes.h>

#include "event.h"
#include "extack.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"
#include "wire.h"

#define PEER_TIMEOUT_MIN	100
#define PEER_TIMEOUT_MAX	600000

static const struct {
	u64		min;
	u64		max;
	u64		initial;
	const char	*why;
} limits[NDVAL_SETTINGS] = {
	[NDVAL_SET_BIND] = { 0, NDVAL_BIND_REQUIRED, NDVAL_BIND_ANY,
		"bind is any or required" },
	[NDVAL_SET_COMMIT] = { 0, NDVAL_COMMIT_SYNC, NDVAL_COMMIT_SYNC,
		"commit is async or sync" },
	[NDVAL_SET_ON_PEER_LOSS] = { 0, NDVAL_ON_PEER_LOSS_SUSPEND,
		NDVAL_ON_PEER_LOSS_CONTINUE,
		"on_peer_loss is continue or suspend" },
	[NDVAL_SET_ON_DIVERGENCE] = { 0, NDVAL_ON_DIVERGENCE_REPORT,
		NDVAL_ON_DIVERGENCE_FAIL,
		"on_divergence is fail or report" },
	[NDVAL_SET_RING_SIZE] = { SZ_8K, SZ_64M, SZ_256K,
		"ring_size is a power of two from 8 KiB to 64 MiB" },
	[NDVAL_SET_RETAIN] = { 0, SZ_64M, SZ_256K,
		"retain is 0 to ring_size" },
	[NDVAL_SET_PREFETCH] = { 0, SZ_32M, SZ_16K,
		"prefetch is 0 to half of ring_size" },
	[NDVAL_SET_MAX_STREAMS] = { 1, 65536, 64,
		"max_streams is 1 to 65536" },
	[NDVAL_SET_MEMORY_MAX] = { SZ_64K, S64_MAX, SZ_64M,
		"memory_max is at least 64 KiB" },
	[NDVAL_SET_OVERFLOW] = { 0, NDVAL_OVERFLOW_STALL, NDVAL_OVERFLOW_DROP,
		"overflow is drop or stall" },
	[NDVAL_SET_INSTANCES] = { 0, (1 << NDVAL_INSTANCES) - 1, 1,
		"instances are a set of 0 to 7" },
	[NDVAL_SET_READ_TIMEOUT_MS] = { 0, INT_MAX, 0,
		"read_timeout_ms is 0 to 2147483647" },
	[NDVAL_SET_PEER_TIMEOUT_MS] = { PEER_TIMEOUT_MIN, PEER_TIMEOUT_MAX, 3000,
		"peer_timeout_ms is 100 to 600000" },
	[NDVAL_SET_INSPECT] = { 0, NDVAL_SWITCH_ON, NDVAL_SWITCH_OFF,
		"inspect is off or on" },
	[NDVAL_SET_JOURNAL_SIZE] = { SZ_8K, SZ_16M, SZ_64K,
		"journal_size is a power of two from 8 KiB to 16 MiB" },
	[NDVAL_SET_SKEW_MAX_MS] = { 0, INT_MAX, 1000,
		"skew_max_ms is 0 to 2147483647" },
};

/**
 * ndval_settings_init() - Set the defaults.
 * @set: the settings
 */
void ndval_settings_init(struct ndval_settings *set)
{
	unsigned int i;

	set->serial = 0;
	for (i = 0; i < NDVAL_SETTINGS; i++)
		set->value[i] = limits[i].initial;
}

/* In PAIR they stand in the same order. */
static_assert(NDVAL_WIRE_A_SETTINGS_COMMIT ==
	      NDVAL_WIRE_A_SETTINGS_BIND + (int)NDVAL_SET_COMMIT);
static_assert(NDVAL_WIRE_A_SETTINGS_ON_PEER_LOSS ==
	      NDVAL_WIRE_A_SETTINGS_BIND + (int)NDVAL_SET_ON_PEER_LOSS);
static_assert(NDVAL_WIRE_A_SETTINGS_ON_DIVERGENCE ==
	      NDVAL_WIRE_A_SETTINGS_BIND + (int)NDVAL_SET_ON_DIVERGENCE);

/* The settings that the primary carries to secondaries. */
#define PAIR_SETTINGS	GENMASK(NDVAL_PAIR_SETTINGS - 1, 0)

static bool changes(const struct ndval_change *change, enum ndval_setting which)
{
	return change->mask & (1U << which);
}

static int refuse(enum ndval_setting which, struct netlink_ext_ack *extack)
{
	ndval_extack(extack, limits[which].why);
	return -EINVAL;
}

/* What follows ring_size unless it is set itself. */
static void follow_ring_size(const struct ndval_settings *old,
			     const struct ndval_change *change,
			     struct ndval_settings *new)
{
	u64 size = new->value[NDVAL_SET_RING_SIZE];

	if (!changes(change, NDVAL_SET_RETAIN)) {
		if (old->value[NDVAL_SET_RETAIN] == old->value[NDVAL_SET_RING_SIZE])
			new->value[NDVAL_SET_RETAIN] = size;
		new->value[NDVAL_SET_RETAIN] = min(new->value[NDVAL_SET_RETAIN], size);
	}
	if (!changes(change, NDVAL_SET_PREFETCH))
		new->value[NDVAL_SET_PREFETCH] =
			min(new->value[NDVAL_SET_PREFETCH], size / 2);
}

/**
 * ndval_settings_check() - What the settings would be after a change.
 * @old: settings now
 * @change: what is to change
 * @new: set to the settings after it
 * @extack: gets the reason of a refusal
 *
 * When ring_size changes and retain and prefetch do not, retain stays the
 * whole ring if it was, and both are cut to what fits.
 *
 * Return: 0 or -EINVAL.
 */
int ndval_settings_check(const struct ndval_settings *old,
			 const struct ndval_change *change,
			 struct ndval_settings *new,
			 struct netlink_ext_ack *extack)
{
	unsigned int i;

	*new = *old;
	for (i = 0; i < NDVAL_SETTINGS; i++) {
		if (!changes(change, i))
			continue;
		if (change->value[i] < limits[i].min || change->value[i] > limits[i].max)
			return refuse(i, extack);
		new->value[i] = change->value[i];
	}
	if (!is_power_of_2(new->value[NDVAL_SET_RING_SIZE]))
		return refuse(NDVAL_SET_RING_SIZE, extack);
	if (!is_power_of_2(new->value[NDVAL_SET_JOURNAL_SIZE]))
		return refuse(NDVAL_SET_JOURNAL_SIZE, extack);
	follow_ring_size(old, change, new);
	if (new->value[NDVAL_SET_RETAIN] > new->value[NDVAL_SET_RING_SIZE])
		return refuse(NDVAL_SET_RETAIN, extack);
	if (new->value[NDVAL_SET_PREFETCH] > new->value[NDVAL_SET_RING_SIZE] / 2)
		return refuse(NDVAL_SET_PREFETCH, extack);
	return 0;
}

/* Readers, windows and peers see the new settings. */
static void apply(struct ndval_pair *pair, bool instances)
{
	struct ndval_stream *stream;

	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		if (instances)
			ndval_stream_void(stream);
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
		ndval_stream_progress(stream);
	}
}

static void assign(struct ndval_pair *pair, const struct ndval_settings *new)
{
	unsigned int i;

	for (i = 0; i < NDVAL_SETTINGS; i++)
		WRITE_ONCE(pair->set.value[i], new->value[i]);
	WRITE_ONCE(pair->mem.max, new->value[NDVAL_SET_MEMORY_MAX]);
}

/**
 * ndval_pair_set() - Change settings of a pair, all of them or none.
 * @pair: the pair; the caller holds its lock
 * @change: what is to change
 * @extack: gets the reason of a refusal
 *
 * Context: process. Takes the locks of streams.
 * Return: 0, -EINVAL, -ENODEV, or -EPERM for a pair setting on a secondary.
 */
int ndval_pair_set(struct ndval_pair *pair, const struct ndval_change *change,
		   struct netlink_ext_ack *extack)
{
	struct ndval_settings new;
	bool sync;
	int err;

	lockdep_assert_held(&pair->lock);
	if (pair->dead)
		return -ENODEV;
	if (change->mask & PAIR_SETTINGS && pair->role != NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack,
			       "bind, commit, on_peer_loss and on_divergence are set on the pair's primary, and carried to secondaries");
		return -EPERM;
	}
	err = ndval_settings_check(&pair->set, change, &new, extack);
	if (err)
		return err;
	sync = new.value[NDVAL_SET_COMMIT] == NDVAL_COMMIT_SYNC && !ndval_pair_is_sync(pair);
	assign(pair, &new);
	if (change->mask & PAIR_SETTINGS)
		pair->set.serial++;
	if (sync && pair->role == NDVAL_ROLE_PRIMARY)
		ndval_pair_recount(pair);
	apply(pair, changes(change, NDVAL_SET_INSTANCES));
	ndval_pair_tell(pair);
	if (pair->ready)
		ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
	return 0;
}

/**
 * ndval_pair_adopt_settings() - Take over the primary's pair settings.
 * @pair: the pair, a secondary; the caller holds its lock
 * @serial: the primary's serial
 * @value: by enum ndval_setting; all are left alone if one is not known
 */
void ndval_pair_adopt_settings(struct ndval_pair *pair, u64 serial,
			       const u32 value[NDVAL_PAIR_SETTINGS])
{
	bool changed = false;
	unsigned int i;

	lockdep_assert_held(&pair->lock);
	for (i = 0; i < NDVAL_PAIR_SETTINGS; i++)
		if (value[i] > limits[i].max)
			return;
	pair->set.serial = serial;
	for (i = 0; i < NDVAL_PAIR_SETTINGS; i++) {
		changed |= pair->set.value[i] != value[i];
		WRITE_ONCE(pair->set.value[i], value[i]);
	}
	if (!changed)
		return;
	apply(pair, false);
	ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
}

/**
 * ndval_pair_raise_epoch_seen() - An epoch of this number has been.
 * @pair: the pair; the caller holds its lock
 * @incarnation: the life to which it belonged; 0 for whichever the pair is in
 * @epoch: the number; lower ones than what is known change nothing
 * @extack: gets the reason of a refusal
 *
 * Return: 0; -EINVAL for a number that none can be; -ESTALE if the pair is in
 * another life, which has numbers of its own; -ENODEV.
 */
int ndval_pair_raise_epoch_seen(struct ndval_pair *pair, u64 incarnation, u64 epoch,
				struct netlink_ext_ack *extack)
{
	lockdep_assert_held(&pair->lock);
	if (pair->dead)
		return -ENODEV;
	if (epoch > S64_MAX) {
		NL_SET_ERR_MSG(extack, "an epoch's number is below 2^63");
		return -EINVAL;
	}
	if (incarnation && incarnation != pair->incarnation) {
		NL_SET_ERR_MSG(extack, "the pair is of another incarnation");
		return -ESTALE;
	}
	WRITE_ONCE(pair->epoch_seen, max(pair->epoch_seen, epoch));
	return 0;
}
