/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALD_PRIVILEGE_H
#define NDVALD_PRIVILEGE_H

int privilege_drop(void);

#endif /* NDVALD_PRIVILEGE_H */
