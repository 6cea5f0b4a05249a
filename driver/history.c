// SPDX-License-Identifier: GPL-2.0-only
/*
 * Histories: which epochs led to what a member stores, and how much of it two
 * members have in common. Arithmetic alone: knows no pairs and no locks.
 */
#include "history.h"

#include <linux/minmax.h>
#include <linux/string.h>

/* Where an epoch is in a history, or -1. */
static int find(const struct ndval_history *history, u64 id)
{
	int i;

	for (i = history->n - 1; i >= 0; i--)
		if (history->epochs[i].id == id)
			break;
	return i;
}

/**
 * ndval_history_push() - Add a new epoch, which is the current one from now on.
 * @history: the history
 * @number: number of the epoch
 * @id: its identity
 *
 * Return: true if the two oldest became one to make room, the newer one's
 * identity being kept: ndval_history_push_start() must know.
 */
bool ndval_history_push(struct ndval_history *history, u64 number, u64 id)
{
	bool merged = history->n == NDVAL_EPOCHS;

	if (merged) {
		memmove(&history->epochs[0], &history->epochs[1],
			sizeof(history->epochs[0]) * (NDVAL_EPOCHS - 1));
		history->n--;
	}
	history->epochs[history->n].number = number;
	history->epochs[history->n].id = id;
	history->n++;
	return merged;
}

/**
 * ndval_history_push_start() - Where the epoch just added begins in one stream.
 * @history: the history, to which the epoch has been added
 * @merged: what ndval_history_push() returned
 * @starts: the stream's starts, NDVAL_EPOCHS of them
 * @start: the offset
 *
 * Of two epochs that became one, the smaller start counts.
 */
void ndval_history_push_start(const struct ndval_history *history, bool merged,
			      u64 *starts, u64 start)
{
	if (merged) {
		u64 least = min(starts[0], starts[1]);

		memmove(&starts[0], &starts[1], sizeof(*starts) * (NDVAL_EPOCHS - 1));
		starts[0] = least;
	}
	starts[history->n - 1] = start;
}

/*
 * The least start of the epochs of @a that are not in @b. An epoch is promoted
 * once, by one member with one history, so whatever led to an epoch that is in
 * both is in both too, even if one of them has merged it away.
 */
static u64 only_in(const struct ndval_history *a, const u64 *starts,
		   const struct ndval_history *b)
{
	u64 least = U64_MAX;
	int i;

	for (i = a->n - 1; i >= 0 && find(b, a->epochs[i].id) < 0; i--)
		least = min(least, starts[i]);
	return least;
}

/**
 * ndval_history_common() - How far two copies of a stream are the same.
 * @a: history of one
 * @a_starts: where its epochs began in the stream
 * @b: history of the other
 * @b_starts: likewise
 *
 * It is the minimum of the starts of *all* epochs that are in exactly one of
 * the two: the newest one's alone would overlook an epoch in between that
 * began earlier and drew its own values (protocol rule 5).
 *
 * Return: an offset; U64_MAX if the histories hold the same epochs.
 */
u64 ndval_history_common(const struct ndval_history *a, const u64 *a_starts,
			 const struct ndval_history *b, const u64 *b_starts)
{
	return min(only_in(a, a_starts, b), only_in(b, b_starts, a));
}

/**
 * ndval_history_adopt() - Where the epochs of another's history began, as far as is
 *	known here.
 * @own: the history so far
 * @starts: where its epochs began in a stream; set to where those of @new did
 * @new: the history that replaces it
 * @common: ndval_history_common() of the two: no epoch that is not known here began
 *	before it
 *
 * The oldest of @new may stand for older ones too: the smallest start counts.
 */
void ndval_history_adopt(const struct ndval_history *own, u64 *starts,
			 const struct ndval_history *new, u64 common)
{
	u64 known[NDVAL_EPOCHS];
	unsigned int i;
	int at;

	memcpy(known, starts, sizeof(known));
	for (i = 0; i < new->n; i++) {
		at = find(own, new->epochs[i].id);
		starts[i] = at < 0 ? common : known[at];
	}
	for (at = find(own, new->epochs[0].id); at >= 0; at--)
		starts[0] = min(starts[0], known[at]);
}
