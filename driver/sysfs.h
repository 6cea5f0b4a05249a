/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_SYSFS_H
#define NDVAL_SYSFS_H

struct attribute_group;
struct ndval_pair;

extern const struct attribute_group *ndval_sysfs_groups[];
void ndval_sysfs_update(struct ndval_pair *pair);

#endif /* NDVAL_SYSFS_H */
