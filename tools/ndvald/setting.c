// SPDX-License-Identifier: GPL-2.0-only
#include "setting.h"

#include <errno.h>
#include <grp.h>
#include <linux/ndval_netlink.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A number that begins with a digit: no sign, no blanks, all of the text. */
static bool parse_digits(const char *text, int base, uint64_t *value, const char **end)
{
	char *stop;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	*value = strtoull(text, &stop, base);
	*end = stop;
	return !errno;
}

static bool in_range(const struct setting *setting, uint64_t value)
{
	return value >= setting->min && value <= setting->max;
}

static bool parse_number(const struct setting *setting, const char *text, uint64_t *value)
{
	const char *end;

	return parse_digits(text, 10, value, &end) && !*end && in_range(setting, *value);
}

/* Bytes, with K, M or G for powers of 1024. */
static bool parse_size(const struct setting *setting, const char *text, uint64_t *value)
{
	static const char units[] = "kKmMgG";
	const char *end, *unit;
	int shift;

	if (!parse_digits(text, 10, value, &end))
		return false;
	if (*end) {
		unit = strchr(units, *end);
		if (!unit || end[1])
			return false;
		shift = 10 + 10 * (int)((unit - units) / 2);
		if (*value > UINT64_MAX >> shift)
			return false;
		*value <<= shift;
	}
	return in_range(setting, *value);
}

static bool parse_power(const struct setting *setting, const char *text, uint64_t *value)
{
	return parse_size(setting, text, value) && !(*value & (*value - 1));
}

static bool parse_mode(const struct setting *setting, const char *text, uint64_t *value)
{
	const char *end;

	return parse_digits(text, 8, value, &end) && !*end && in_range(setting, *value);
}

/* 0,2 or 0-3, both mixed, or none: a mask with bit n for instance n. */
static bool parse_instances(const struct setting *setting, const char *text, uint64_t *value)
{
	uint64_t first, last;

	(void)setting;
	*value = 0;
	if (!*text || !strcmp(text, "none"))
		return true;
	for (;;) {
		if (!parse_digits(text, 10, &first, &text))
			return false;
		last = first;
		if (*text == '-' && !parse_digits(text + 1, 10, &last, &text))
			return false;
		if (first > last || last >= NDVAL_INSTANCES_MAX)
			return false;
		for (; first <= last; first++)
			*value |= 1U << first;
		if (!*text)
			return true;
		if (*text++ != ',')
			return false;
		text += strspn(text, " \t");
	}
}

static bool parse_owner(const struct setting *setting, const char *text, uint64_t *value)
{
	const struct passwd *user;

	if (parse_number(setting, text, value))
		return true;
	user = getpwnam(text);
	if (user)
		*value = user->pw_uid;
	return user;
}

static bool parse_group(const struct setting *setting, const char *text, uint64_t *value)
{
	const struct group *group;

	if (parse_number(setting, text, value))
		return true;
	group = getgrnam(text);
	if (group)
		*value = group->gr_gid;
	return group;
}

/* The words of @expects, "WORD or WORD", are the values 0 and 1. */
static bool parse_word(const struct setting *setting, const char *text, uint64_t *value)
{
	const char *separator = strstr(setting->expects, " or ");
	size_t first = separator - setting->expects;

	if (strlen(text) == first && !strncmp(text, setting->expects, first))
		*value = 0;
	else if (!strcmp(text, separator + strlen(" or ")))
		*value = 1;
	else
		return false;
	return true;
}

#define KIB	1024ULL
#define MIB	(1024 * KIB)

const struct setting settings[SETTINGS] = {
	{
		"owner", NDVAL_A_PAIR_UID, false, parse_owner, 0, UINT32_MAX - 1,
		"the name or number of a user of this host",
	}, {
		"owner_group", NDVAL_A_PAIR_GID, false, parse_group, 0, UINT32_MAX - 1,
		"the name or number of a group of this host",
	}, {
		"mode", NDVAL_A_PAIR_MODE, false, parse_mode, 0, 0777,
		"octal permission bits up to 777, such as 0640",
	}, {
		"bind", NDVAL_A_PAIR_BIND, false, parse_word, 0, 0,
		"any or required",
	}, {
		"commit", NDVAL_A_PAIR_COMMIT, false, parse_word, 0, 0,
		"async or sync",
	}, {
		"on_peer_loss", NDVAL_A_PAIR_ON_PEER_LOSS, false, parse_word, 0, 0,
		"continue or suspend",
	}, {
		"on_divergence", NDVAL_A_PAIR_ON_DIVERGENCE, false, parse_word, 0, 0,
		"fail or report",
	}, {
		"ring_size", NDVAL_A_PAIR_RING_SIZE, false, parse_power, 8 * KIB, 64 * MIB,
		"a power of two from 8K to 64M",
	}, {
		"retain", NDVAL_A_PAIR_RETAIN, false, parse_size, 0, 64 * MIB,
		"a number of bytes up to ring_size",
	}, {
		"prefetch", NDVAL_A_PAIR_PREFETCH, false, parse_size, 0, 32 * MIB,
		"a number of bytes up to half of ring_size",
	}, {
		"max_streams", NDVAL_A_PAIR_MAX_STREAMS, false, parse_number, 1, 65536,
		"a number from 1 to 65536",
	}, {
		"memory_max", NDVAL_A_PAIR_MEMORY_MAX, true, parse_size, 64 * KIB, INT64_MAX,
		"a number of bytes, 64K or more",
	}, {
		"overflow", NDVAL_A_PAIR_OVERFLOW, false, parse_word, 0, 0,
		"drop or stall",
	}, {
		"instances", NDVAL_A_PAIR_INSTANCES, false, parse_instances, 0, 0,
		"numbers from 0 to 7 such as 0 or 0,2 or 0-3, or none",
	}, {
		"read_timeout_ms", NDVAL_A_PAIR_READ_TIMEOUT_MS, false, parse_number, 0, INT32_MAX,
		"a number of milliseconds, 0 to wait for ever",
	}, {
		"peer_timeout_ms", NDVAL_A_PAIR_PEER_TIMEOUT_MS, false, parse_number, 100, 600000,
		"a number of milliseconds from 100 to 600000",
	}, {
		"inspect", NDVAL_A_PAIR_INSPECT, false, parse_word, 0, 0,
		"off or on",
	}, {
		"journal_size", NDVAL_A_PAIR_JOURNAL_SIZE, false, parse_power, 8 * KIB, 16 * MIB,
		"a number of bytes from 8K to 16M, a power of two",
	}, {
		"skew_max_ms", NDVAL_A_PAIR_SKEW_MAX_MS, false, parse_number, 0, INT32_MAX,
		"a number of milliseconds, 0 for no warning",
	},
};

/**
 * setting_find() - look up a setting
 * @name: as in the configuration, and in sysfs
 *
 * Return: the setting or NULL.
 */
const struct setting *setting_find(const char *name)
{
	size_t i;

	for (i = 0; i < SETTINGS; i++) {
		if (!strcmp(settings[i].name, name))
			return &settings[i];
	}
	return NULL;
}

/**
 * setting_parse() - read the value of a setting
 * @setting: which
 * @text: as in the configuration
 * @value: for the attribute, if it is right
 * @problem: SETTING_PROBLEM_MAX bytes; what to write instead, if it is not
 *
 * Return: whether it is right.
 */
bool setting_parse(const struct setting *setting, const char *text, uint64_t *value,
		   char *problem)
{
	if (setting->parse(setting, text, value))
		return true;
	snprintf(problem, SETTING_PROBLEM_MAX, "%s cannot be '%.60s': use %s",
		 setting->name, text, setting->expects);
	return false;
}
