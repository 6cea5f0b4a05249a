/* SPDX-License-Identifier: GPL-2.0-only */
/* Nodes of pairs, used as an application uses them; what their errors mean. */
#ifndef NDVALCTL_NODE_H
#define NDVALCTL_NODE_H

#include <linux/types.h>

struct ndval;

/**
 * struct place - where values are drawn
 * @pair: local name of the pair
 * @stream: of it
 * @instance: as which
 */
struct place {
	const char	*pair;
	const char	*stream;
	__u32		instance;
};

void parse_place_option(int option, struct place *place);
int open_node(const char *pair);
struct ndval *open_place(const struct place *place);
void json_place(const struct place *place);
_Noreturn void die_node(const char *pair, const char *after, int err);

#endif /* NDVALCTL_NODE_H */
