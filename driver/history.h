/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_HISTORY_H
#define NDVAL_HISTORY_H

#include <linux/bits.h>
#include <linux/types.h>

/* Most epochs that are remembered; the oldest two become one beyond that. */
#define NDVAL_EPOCHS	16

/* Numbers of epochs are below this. */
#define NDVAL_EPOCH_END	BIT_ULL(63)

/**
 * struct ndval_history - the epochs of a pair, as one member knows them
 * @n: how many there are
 * @epochs: the oldest first; the last is the current one
 * @epochs.number: who is newer
 * @epochs.id: who is who
 *
 * Where each of them began is told by every stream for itself, in an array of
 * the same order (struct ndval_stream, starts).
 */
struct ndval_history {
	unsigned int	n;
	struct {
		u64	number;
		u64	id;
	} epochs[NDVAL_EPOCHS];
};

bool ndval_history_push(struct ndval_history *history, u64 number, u64 id);
void ndval_history_push_start(const struct ndval_history *history, bool merged,
			      u64 *starts, u64 start);
u64 ndval_history_common(const struct ndval_history *a, const u64 *a_starts,
			 const struct ndval_history *b, const u64 *b_starts);
void ndval_history_adopt(const struct ndval_history *own, u64 *starts,
			 const struct ndval_history *new, u64 common);

#endif /* NDVAL_HISTORY_H */
