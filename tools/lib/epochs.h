/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * epochs: the highest epoch number of each pair, on disk, so that no number is
 * used twice in a pair's life even if the power of all hosts is cut. A text file,
 * epochs, in a directory; one line for each pair:
 *
 *	INCARNATION EPOCH PAIR
 *
 * ndvald and ndvalctl write it, whichever hears of a promotion first.
 */
#ifndef NDVAL_EPOCHS_H
#define NDVAL_EPOCHS_H

#include <linux/ndval_netlink.h>
#include <linux/types.h>
#include <stddef.h>

#define EPOCHS_DIR	"/var/lib/ndval"

/**
 * struct epoch - an epoch that has been
 * @pair: local name
 * @incarnation: the life of the pair to which it belongs
 * @number: the highest
 */
struct epoch {
	char	pair[NDVAL_NAME_MAX + 1];
	__u64	incarnation;
	__u64	number;
};

/**
 * struct epochs - those of all pairs, each pair once
 * @list: array
 * @count: of @list
 */
struct epochs {
	struct epoch	*list;
	size_t		count;
};

int epochs_make_directory(const char *directory);
int epochs_read(const char *directory, struct epochs *epochs);
int epochs_add(struct epochs *epochs, const struct epoch *epoch);
int epochs_store(const char *directory, const struct epochs *news);
__u64 epochs_find(const struct epochs *epochs, const char *pair, __u64 incarnation);
void epochs_free(struct epochs *epochs);

#endif /* NDVAL_EPOCHS_H */
