/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_CHARDEV_H
#define NDVAL_CHARDEV_H

struct ndval_pair;

/* Minor numbers, and so pairs, that there can be. */
#define NDVAL_MINORS	65536

int ndval_chardev_init(void);
void ndval_chardev_exit(void);
void ndval_chardev_prepare(struct ndval_pair *pair);
int ndval_chardev_add(struct ndval_pair *pair);

#endif /* NDVAL_CHARDEV_H */
