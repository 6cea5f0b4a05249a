/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_LINKS_H
#define NDVAL_LINKS_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>

struct ndval_link;

/* Protects the list of links; innermost but for events. */
extern struct mutex ndval_links_lock;
extern struct list_head ndval_links;

struct ndval_link *ndval_link_find(u32 id);
struct ndval_link *ndval_link_find_peer(const char *member, const char *peer);
struct ndval_link *ndval_link_next(u32 id);
bool ndval_link_has_successor(const struct ndval_link *link);

#endif /* NDVAL_LINKS_H */
