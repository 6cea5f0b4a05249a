/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALD_NOTIFY_H
#define NDVALD_NOTIFY_H

void notify(const char *format, ...) __attribute__((format(printf, 1, 2)));
void notify_reloading(void);

#endif /* NDVALD_NOTIFY_H */
