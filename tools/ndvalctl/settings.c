// SPDX-License-Identifier: GPL-2.0-only
/*
 * Settings of a pair: the words SETTING=VALUE, the netlink attributes, and what
 * is shown. The names are those of the files in sysfs.
 */
#include "settings.h"

#include <stdio.h>
#include <string.h>

#include "args.h"
#include "format.h"
#include "json.h"
#include "names.h"
#include "ndvalctl.h"
#include "nl.h"

enum kind {
	KIND_CHOICE,	/* one of @names */
	KIND_INSTANCES,	/* a set of instances */
	KIND_NUMBER,
	KIND_SIZE,	/* bytes */
};

struct setting {
	const char		*name;
	__u16			type;	/* netlink attribute */
	enum kind		kind;
	const char * const	*names;
	__u64			max;	/* what the attribute can hold */
};

static const struct setting settings[] = {
	{ "bind", NDVAL_A_PAIR_BIND, KIND_CHOICE, bind_names, 0 },
	{ "commit", NDVAL_A_PAIR_COMMIT, KIND_CHOICE, commit_names, 0 },
	{ "on_peer_loss", NDVAL_A_PAIR_ON_PEER_LOSS, KIND_CHOICE, on_peer_loss_names, 0 },
	{ "on_divergence", NDVAL_A_PAIR_ON_DIVERGENCE, KIND_CHOICE, on_divergence_names, 0 },
	{ "ring_size", NDVAL_A_PAIR_RING_SIZE, KIND_SIZE, NULL, ~0U },
	{ "retain", NDVAL_A_PAIR_RETAIN, KIND_SIZE, NULL, ~0U },
	{ "prefetch", NDVAL_A_PAIR_PREFETCH, KIND_SIZE, NULL, ~0U },
	{ "max_streams", NDVAL_A_PAIR_MAX_STREAMS, KIND_NUMBER, NULL, ~0U },
	{ "memory_max", NDVAL_A_PAIR_MEMORY_MAX, KIND_SIZE, NULL, ~0ULL },
	{ "overflow", NDVAL_A_PAIR_OVERFLOW, KIND_CHOICE, overflow_names, 0 },
	{ "instances", NDVAL_A_PAIR_INSTANCES, KIND_INSTANCES, NULL, 0 },
	{ "read_timeout_ms", NDVAL_A_PAIR_READ_TIMEOUT_MS, KIND_NUMBER, NULL, ~0U },
	{ "peer_timeout_ms", NDVAL_A_PAIR_PEER_TIMEOUT_MS, KIND_NUMBER, NULL, ~0U },
	{ "inspect", NDVAL_A_PAIR_INSPECT, KIND_CHOICE, switch_names, 0 },
	{ "journal_size", NDVAL_A_PAIR_JOURNAL_SIZE, KIND_SIZE, NULL, ~0U },
	{ "skew_max_ms", NDVAL_A_PAIR_SKEW_MAX_MS, KIND_NUMBER, NULL, ~0U },
};

_Static_assert(ARRAY_SIZE(settings) == SETTINGS, "settings.h must tell how many there are");

const char *setting_name(unsigned int which)
{
	return settings[which].name;
}

/* Which setting the words before '=' name. */
static unsigned int find_setting(const char *argument)
{
	size_t length = strcspn(argument, "=");
	char all[256] = "";
	unsigned int i;

	if (argument[length] != '=')
		die_usage("'%s' should look like SETTING=VALUE", argument);
	for (i = 0; i < SETTINGS; i++) {
		if (strlen(settings[i].name) == length &&
		    !strncmp(settings[i].name, argument, length))
			return i;
	}

	for (i = 0; i < SETTINGS; i++) {
		strncat(all, i ? ", " : "", sizeof(all) - strlen(all) - 1);
		strncat(all, settings[i].name, sizeof(all) - strlen(all) - 1);
	}
	die_usage("there is no setting '%.*s'; there are %s", (int)length, argument, all);
}

static __u64 parse_choice(const struct setting *setting, const char *text)
{
	__u64 value;

	if (!number_of(setting->names, text, &value))
		die_usage("%s must be %s or %s, not '%s'", setting->name, setting->names[0],
			  setting->names[1], text);
	return value;
}

static __u64 parse_setting(const struct setting *setting, const char *text)
{
	switch (setting->kind) {
	case KIND_CHOICE:
		return parse_choice(setting, text);
	case KIND_INSTANCES:
		return parse_instances(setting->name, text);
	case KIND_NUMBER:
		return parse_number(setting->name, text, 0, setting->max);
	case KIND_SIZE:
		break;
	}
	return parse_size(setting->name, text, setting->max);
}

/**
 * parse_change() - read the settings of a command line
 * @count: how many words
 * @arguments: words SETTING=VALUE
 * @change: result
 */
void parse_change(int count, char *arguments[], struct change *change)
{
	int i;

	memset(change, 0, sizeof(*change));
	for (i = 0; i < count; i++) {
		unsigned int which = find_setting(arguments[i]);
		const struct setting *setting = &settings[which];

		if (change->given[which])
			die_usage("%s is given twice", setting->name);
		change->given[which] = true;
		change->value[which] = parse_setting(setting, strchr(arguments[i], '=') + 1);
	}
}

/* Add them to a request of NDVAL_CMD_PAIR_NEW or NDVAL_CMD_PAIR_SET. */
void put_change(struct nl *nl, const struct change *change)
{
	unsigned int i;

	for (i = 0; i < SETTINGS; i++) {
		if (!change->given[i])
			continue;
		if (settings[i].type == NDVAL_A_PAIR_MEMORY_MAX)
			nl_put_u64(nl, settings[i].type, change->value[i]);
		else
			nl_put_u32(nl, settings[i].type, change->value[i]);
	}
}

/* Settings from a reply: SETTINGS values. */
void read_settings(const struct nlattr **tb, __u64 *values)
{
	unsigned int i;

	for (i = 0; i < SETTINGS; i++) {
		__u16 type = settings[i].type;

		values[i] = type == NDVAL_A_PAIR_MEMORY_MAX ? nl_u64(tb[type]) : nl_u32(tb[type]);
	}
}

/**
 * setting_text() - a value in the form in which 'pair set' takes it
 * @which: 0 to SETTINGS - 1
 * @value: from read_settings()
 * @text: SETTING_TEXT_SIZE bytes for the result
 *
 * Return: @text.
 */
const char *setting_text(unsigned int which, __u64 value, char *text)
{
	const struct setting *setting = &settings[which];

	switch (setting->kind) {
	case KIND_CHOICE:
		snprintf(text, SETTING_TEXT_SIZE, "%s", name_of(setting->names, value));
		break;
	case KIND_INSTANCES:
		format_instances(value, text, SETTING_TEXT_SIZE);
		break;
	case KIND_NUMBER:
		snprintf(text, SETTING_TEXT_SIZE, "%llu", value);
		break;
	case KIND_SIZE:
		format_size(value, text, SETTING_TEXT_SIZE);
		break;
	}
	return text;
}

/* Each setting as a member of the JSON object that is open. */
void json_settings(const __u64 *values)
{
	unsigned int i;
	int n;

	for (i = 0; i < SETTINGS; i++) {
		const struct setting *setting = &settings[i];

		if (setting->kind == KIND_CHOICE) {
			json_string(setting->name, name_of(setting->names, values[i]));
		} else if (setting->kind == KIND_INSTANCES) {
			json_begin_array(setting->name);
			for (n = 0; n < NDVAL_INSTANCES_MAX; n++) {
				if (values[i] & (1U << n))
					json_number(NULL, n);
			}
			json_end_array();
		} else {
			json_number(setting->name, values[i]);
		}
	}
}
