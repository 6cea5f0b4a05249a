/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The epochs of pairs, from the module to the disk and back.
 */
#ifndef NDVALD_EPOCH_H
#define NDVALD_EPOCH_H

void epochs_follow(void);

#endif /* NDVALD_EPOCH_H */
