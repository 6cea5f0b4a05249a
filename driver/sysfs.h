/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_SYSFS_H
#define NDVAL_SYSFS_H

struct attribute_group;

extern const struct attribute_group *ndval_sysfs_groups[];

#endif /* NDVAL_SYSFS_H */
