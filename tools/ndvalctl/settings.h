/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALCTL_SETTINGS_H
#define NDVALCTL_SETTINGS_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

struct nl;
struct nlattr;

#define SETTINGS		16

/* Where one of them stands. */
#define SETTING_SKEW_MAX_MS	15
#define SETTING_TEXT_SIZE	32

/**
 * struct change - settings that the command line names
 * @given: which
 * @value: by the same index
 */
struct change {
	bool	given[SETTINGS];
	__u64	value[SETTINGS];
};

const char *setting_name(unsigned int which);
void parse_change(int count, char *arguments[], struct change *change);
void put_change(struct nl *nl, const struct change *change);
void read_settings(const struct nlattr **tb, __u64 *values);
const char *setting_text(unsigned int which, __u64 value, char *text);
void json_settings(const __u64 *values);

#endif /* NDVALCTL_SETTINGS_H */
