/* SPDX-License-Identifier: GPL-2.0-only */
/* How a pair, and what belongs to it, looks in text and in JSON. */
#ifndef NDVALCTL_SHOW_H
#define NDVALCTL_SHOW_H

#include "format.h"
#include "model.h"

#define NODE_SIZE	(NAME_SIZE + 16)

const char *pair_node(const char *name, char *node);
enum colour health_colour(__u32 health);
const char *peer_commit(const struct peer *peer);
enum colour peer_colour(__u32 state);

void print_pair(const struct pair *pair);
void print_pairs(const struct pair *pairs, size_t count);

void json_pair(const char *key, const struct pair *pair);
void json_peer(const struct peer *peer);
void json_stream(const struct stream *stream);
void json_instance(const struct instance *instance);
void json_link(const struct link *link);

#endif /* NDVALCTL_SHOW_H */
