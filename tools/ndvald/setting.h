/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a pair can be made with: the keys of a [pair NAME] section that become
 * one number each in pair-new.
 */
#ifndef NDVALD_SETTING_H
#define NDVALD_SETTING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SETTINGS		19
#define SETTING_PROBLEM_MAX	200

struct setting {
	const char *name;
	uint16_t attr;			/* NDVAL_A_PAIR_* */
	bool wide;			/* u64, else u32 */
	bool (*parse)(const struct setting *setting, const char *text, uint64_t *value);
	uint64_t min;
	uint64_t max;
	const char *expects;		/* after "use ": what is right */
};

extern const struct setting settings[SETTINGS];

const struct setting *setting_find(const char *name);
bool setting_parse(const struct setting *setting, const char *text, uint64_t *value,
		   char *problem);

#endif /* NDVALD_SETTING_H */
