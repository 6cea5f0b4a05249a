/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALCTL_JOURNAL_H
#define NDVALCTL_JOURNAL_H

#include <linux/types.h>
#include <stdbool.h>

struct nl;
struct pair;

/**
 * struct excerpt - which part of a journal is to be shown
 * @pair: of it
 * @stream: of it
 * @at_given: else from the journal's tail on
 * @place: of the first record
 * @length_given: else up to the journal's head
 * @length: records begin within so many bytes
 * @hex: agreed values as digits, also where they are text
 */
struct excerpt {
	const struct pair	*pair;
	const char		*stream;
	bool			at_given;
	__u64			place;
	bool			length_given;
	__u64			length;
	bool			hex;
};

void show_journal(struct nl *nl, const struct excerpt *excerpt);

#endif /* NDVALCTL_JOURNAL_H */
