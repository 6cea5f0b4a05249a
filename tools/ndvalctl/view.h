/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALCTL_VIEW_H
#define NDVALCTL_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "model.h"

/**
 * struct status - everything, at one time; lists in the order of pairs' names
 * @pairs: all, or the one that is asked for
 * @pair_count: of @pairs
 * @peers: of all pairs; none if @hidden
 * @peer_count: of @peers
 * @streams: of all pairs
 * @stream_count: of @streams
 * @instances: of all streams
 * @instance_count: of @instances
 * @members: all
 * @member_count: of @members
 * @links: all; none if @hidden
 * @link_count: of @links
 * @hidden: the user may not see peers and links
 */
struct status {
	struct pair	*pairs;
	size_t		pair_count;
	struct peer	*peers;
	size_t		peer_count;
	struct stream	*streams;
	size_t		stream_count;
	struct instance	*instances;
	size_t		instance_count;
	struct member	*members;
	size_t		member_count;
	struct link	*links;
	size_t		link_count;
	bool		hidden;
};

/**
 * struct view - a pair with all that belongs to it, of which it owns nothing
 * @pair: the pair
 * @peers: its peers; none if @peers_hidden
 * @peer_count: of @peers
 * @peers_hidden: the user may not see them
 * @streams: its streams
 * @stream_count: of @streams
 * @instances: of all its streams
 * @instance_count: of @instances
 */
struct view {
	const struct pair	*pair;
	const struct peer	*peers;
	size_t			peer_count;
	bool			peers_hidden;
	const struct stream	*streams;
	size_t			stream_count;
	const struct instance	*instances;
	size_t			instance_count;
};

void get_status(struct nl *nl, const char *name, struct status *status);
void put_status(struct status *status);
void get_view(const struct status *status, const struct pair *pair, struct view *view);

#endif /* NDVALCTL_VIEW_H */
