/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configured peers: each is to have a link.
 */
#ifndef NDVALD_PEER_H
#define NDVALD_PEER_H

#include <stdint.h>

struct config;
struct endpoint;

int peers_update(const struct config *config);
void peers_accept(int fd, const struct endpoint *endpoint);
void peers_refresh_links(void);
void peers_module_gone(void);
int64_t peers_tick(int64_t now);
void peers_free(void);

#endif /* NDVALD_PEER_H */
