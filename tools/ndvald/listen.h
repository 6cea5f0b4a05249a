/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALD_LISTEN_H
#define NDVALD_LISTEN_H

struct config;

int listen_update(const struct config *config);
void listen_close_all(void);

#endif /* NDVALD_LISTEN_H */
