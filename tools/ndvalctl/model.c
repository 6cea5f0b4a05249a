// SPDX-License-Identifier: GPL-2.0-only
#include "model.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <linux/genetlink.h>
#include <string.h>

#include "nl.h"

/* A dump that changed under our hands is begun again, so many times. */
#define TRIES	20

/**
 * struct collection - objects of one type while a dump brings them
 * @items: array
 * @size: of one
 * @count: of items
 * @room: for so many
 * @fill: reads one
 */
struct collection {
	char	*items;
	size_t	size;
	size_t	count;
	size_t	room;
	void	(*fill)(const struct nlmsghdr *nlh, void *item);
};

static int add_item(const struct nlmsghdr *nlh, void *data)
{
	struct collection *all = data;
	char *item;

	if (all->count == all->room) {
		size_t room = all->room ? 2 * all->room : 16;
		char *items = reallocarray(all->items, room, all->size);

		if (!items) {
			errno = ENOMEM;
			return MNL_CB_ERROR;
		}
		all->items = items;
		all->room = room;
	}
	item = all->items + all->count++ * all->size;
	memset(item, 0, all->size);
	all->fill(nlh, item);
	return MNL_CB_OK;
}

/* Leave only what belongs to a pair; each item begins with its pair's name. */
static void keep_pair(struct collection *all, const char *pair)
{
	size_t i, kept = 0;

	for (i = 0; i < all->count; i++) {
		const char *item = all->items + i * all->size;

		if (strcmp(item, pair))
			continue;
		memmove(all->items + kept * all->size, item, all->size);
		kept++;
	}
	all->count = kept;
}

/* Get all objects of a type; those of one pair, unless @pair is NULL. */
static int collect(struct nl *nl, __u8 cmd, struct collection *all, const char *pair)
{
	int err, tries = 0;

	do {
		all->count = 0;
		nl_request(nl, cmd, NLM_F_DUMP);
		err = nl_call(nl, add_item, all);
	} while (err == -EINTR && ++tries < TRIES);

	if (err) {
		free(all->items);
		return err;
	}
	if (pair)
		keep_pair(all, pair);
	return 0;
}

static void copy_name(char *name, size_t size, const struct nlattr *attr)
{
	snprintf(name, size, "%s", nl_str(attr));
}

#define COPY(field, attr)	copy_name(field, sizeof(field), attr)

static void fill_member(const struct nlmsghdr *nlh, void *item)
{
	const struct nlattr *tb[NDVAL_A_MEMBER_MAX + 1];
	struct member *member = item;

	nl_parse(nlh, tb, NDVAL_A_MEMBER_MAX);
	COPY(member->name, tb[NDVAL_A_MEMBER_NAME]);
	member->host = tb[NDVAL_A_MEMBER_HOST];
	member->id = nl_u64(tb[NDVAL_A_MEMBER_ID]);
	member->pairs = nl_u32(tb[NDVAL_A_MEMBER_PAIRS]);
	member->links = nl_u32(tb[NDVAL_A_MEMBER_LINKS]);
	member->vm_clone_known = tb[NDVAL_A_MEMBER_VM_CLONE];
	member->vm_clone = nl_u32(tb[NDVAL_A_MEMBER_VM_CLONE]);
}

static void fill_clock(const struct nlattr *nest, struct pair_clock *clock)
{
	const struct nlattr *tb[NDVAL_A_CLOCK_MAX + 1];

	nl_parse_nest(nest, tb, NDVAL_A_CLOCK_MAX);
	clock->kind = nl_u32(tb[NDVAL_A_CLOCK_KIND]);
	clock->value = nl_u64(tb[NDVAL_A_CLOCK_VALUE]);
	clock->steps = nl_u64(tb[NDVAL_A_CLOCK_STEPS]);
	clock->stood = nl_u64(tb[NDVAL_A_CLOCK_STOOD]);
	clock->offset = nl_u64(tb[NDVAL_A_CLOCK_OFFSET]);
}

/* There is one for each clock that was ever read. */
static void fill_clocks(const struct nlmsghdr *nlh, struct pair *pair)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == NDVAL_A_PAIR_CLOCK && pair->clock_count < CLOCKS)
			fill_clock(attr, &pair->clocks[pair->clock_count++]);
	}
}

static void fill_pair(const struct nlmsghdr *nlh, void *item)
{
	const struct nlattr *tb[NDVAL_A_PAIR_MAX + 1];
	struct pair *pair = item;

	nl_parse(nlh, tb, NDVAL_A_PAIR_MAX);
	COPY(pair->name, tb[NDVAL_A_PAIR_NAME]);
	COPY(pair->group, tb[NDVAL_A_PAIR_GROUP]);
	COPY(pair->member, tb[NDVAL_A_PAIR_MEMBER]);
	pair->uid = nl_u32(tb[NDVAL_A_PAIR_UID]);
	pair->gid = nl_u32(tb[NDVAL_A_PAIR_GID]);
	pair->mode = nl_u32(tb[NDVAL_A_PAIR_MODE]);
	read_settings(tb, pair->settings);
	pair->role = nl_u32(tb[NDVAL_A_PAIR_ROLE]);
	pair->health = nl_u32(tb[NDVAL_A_PAIR_HEALTH]);
	pair->incarnation = nl_u64(tb[NDVAL_A_PAIR_INCARNATION]);
	pair->epoch = nl_u64(tb[NDVAL_A_PAIR_EPOCH]);
	pair->epoch_id = nl_u64(tb[NDVAL_A_PAIR_EPOCH_ID]);
	pair->member_id = nl_u64(tb[NDVAL_A_PAIR_MEMBER_ID]);
	pair->issued = nl_u64(tb[NDVAL_A_PAIR_ISSUED]);
	pair->committed = nl_u64(tb[NDVAL_A_PAIR_COMMITTED]);
	pair->delivered = nl_u64(tb[NDVAL_A_PAIR_DELIVERED]);
	pair->retained = nl_u64(tb[NDVAL_A_PAIR_RETAINED]);
	pair->memory = nl_u64(tb[NDVAL_A_PAIR_MEMORY]);
	pair->memory_max = nl_u64(tb[NDVAL_A_PAIR_MEMORY_MAX]);
	pair->streams = nl_u32(tb[NDVAL_A_PAIR_STREAMS]);
	pair->peers = nl_u32(tb[NDVAL_A_PAIR_PEERS]);
	pair->lag = nl_u64(tb[NDVAL_A_PAIR_LAG]);
	pair->lost = nl_u64(tb[NDVAL_A_PAIR_LOST]);
	pair->waits = nl_u64(tb[NDVAL_A_PAIR_WAITS]);
	pair->minor = nl_u32(tb[NDVAL_A_PAIR_MINOR]);
	pair->in_sync = tb[NDVAL_A_PAIR_IN_SYNC];
	pair->outdated = tb[NDVAL_A_PAIR_OUTDATED];
	pair->forced = nl_u64(tb[NDVAL_A_PAIR_FORCED]);
	pair->epoch_seen = nl_u64(tb[NDVAL_A_PAIR_EPOCH_SEEN]);
	pair->drops = nl_u64(tb[NDVAL_A_PAIR_DROPS]);
	pair->divergences = nl_u64(tb[NDVAL_A_PAIR_DIVERGENCES]);
	pair->recorded = nl_u64(tb[NDVAL_A_PAIR_RECORDED]);
	fill_clocks(nlh, pair);
}

static void fill_peer(const struct nlmsghdr *nlh, void *item)
{
	const struct nlattr *tb[NDVAL_A_PEER_MAX + 1];
	struct peer *peer = item;

	nl_parse(nlh, tb, NDVAL_A_PEER_MAX);
	COPY(peer->pair, tb[NDVAL_A_PEER_PAIR]);
	COPY(peer->name, tb[NDVAL_A_PEER_NAME]);
	peer->state = nl_u32(tb[NDVAL_A_PEER_STATE]);
	peer->role = nl_u32(tb[NDVAL_A_PEER_ROLE]);
	peer->member_id = nl_u64(tb[NDVAL_A_PEER_MEMBER_ID]);
	peer->heard = tb[NDVAL_A_PEER_ROLE] && peer->member_id;
	peer->epoch = nl_u64(tb[NDVAL_A_PEER_EPOCH]);
	peer->lag = nl_u64(tb[NDVAL_A_PEER_LAG]);
	peer->acknowledged = nl_u64(tb[NDVAL_A_PEER_ACKNOWLEDGED]);
	COPY(peer->reason, tb[NDVAL_A_PEER_REASON]);
	peer->counts = tb[NDVAL_A_PEER_MEMBERSHIP];
	peer->membership = nl_u32(tb[NDVAL_A_PEER_MEMBERSHIP]);
	peer->outdated = tb[NDVAL_A_PEER_OUTDATED];
	peer->skew_known = tb[NDVAL_A_PEER_CLOCK_SKEW];
	peer->clock_skew = nl_u64(tb[NDVAL_A_PEER_CLOCK_SKEW]);
}

static void fill_stream(const struct nlmsghdr *nlh, void *item)
{
	const struct nlattr *tb[NDVAL_A_STREAM_MAX + 1];
	struct stream *stream = item;

	nl_parse(nlh, tb, NDVAL_A_STREAM_MAX);
	COPY(stream->pair, tb[NDVAL_A_STREAM_PAIR]);
	COPY(stream->name, tb[NDVAL_A_STREAM_NAME]);
	stream->id = nl_u64(tb[NDVAL_A_STREAM_ID]);
	stream->tail = nl_u64(tb[NDVAL_A_STREAM_TAIL]);
	stream->head = nl_u64(tb[NDVAL_A_STREAM_HEAD]);
	stream->committed = nl_u64(tb[NDVAL_A_STREAM_COMMITTED]);
	stream->furthest = nl_u64(tb[NDVAL_A_STREAM_FURTHEST]);
	stream->memory = nl_u64(tb[NDVAL_A_STREAM_MEMORY]);
	stream->error = nl_u32(tb[NDVAL_A_STREAM_ERROR]);
	stream->has_journal = tb[NDVAL_A_STREAM_JOURNAL_HEAD];
	stream->journal_tail = nl_u64(tb[NDVAL_A_STREAM_JOURNAL_TAIL]);
	stream->journal_head = nl_u64(tb[NDVAL_A_STREAM_JOURNAL_HEAD]);
	stream->journal_committed = nl_u64(tb[NDVAL_A_STREAM_JOURNAL_COMMITTED]);
}

static void fill_instance(const struct nlmsghdr *nlh, void *item)
{
	const struct nlattr *tb[NDVAL_A_INSTANCE_MAX + 1];
	struct instance *instance = item;

	nl_parse(nlh, tb, NDVAL_A_INSTANCE_MAX);
	COPY(instance->pair, tb[NDVAL_A_INSTANCE_PAIR]);
	COPY(instance->stream, tb[NDVAL_A_INSTANCE_STREAM]);
	instance->instance = nl_u32(tb[NDVAL_A_INSTANCE_INSTANCE]);
	instance->position = nl_u64(tb[NDVAL_A_INSTANCE_POSITION]);
	instance->delivered = nl_u64(tb[NDVAL_A_INSTANCE_DELIVERED]);
	instance->lost = tb[NDVAL_A_INSTANCE_LOST];
	instance->diverged = tb[NDVAL_A_INSTANCE_DIVERGED];
	instance->divergences = nl_u64(tb[NDVAL_A_INSTANCE_DIVERGENCES]);
	instance->files = nl_u32(tb[NDVAL_A_INSTANCE_FILES]);
	instance->has_journal = tb[NDVAL_A_INSTANCE_JOURNAL_POSITION];
	instance->journal_position = nl_u64(tb[NDVAL_A_INSTANCE_JOURNAL_POSITION]);
	instance->journal_lost = tb[NDVAL_A_INSTANCE_JOURNAL_LOST];
}

static void fill_link(const struct nlmsghdr *nlh, void *item)
{
	const struct nlattr *tb[NDVAL_A_LINK_MAX + 1];
	struct link *link = item;

	nl_parse(nlh, tb, NDVAL_A_LINK_MAX);
	link->id = nl_u32(tb[NDVAL_A_LINK_ID]);
	COPY(link->member, tb[NDVAL_A_LINK_MEMBER]);
	COPY(link->peer, tb[NDVAL_A_LINK_PEER]);
	link->state = nl_u32(tb[NDVAL_A_LINK_STATE]);
	COPY(link->transport, tb[NDVAL_A_LINK_TRANSPORT]);
	COPY(link->security, tb[NDVAL_A_LINK_SECURITY]);
	link->peer_id = nl_u64(tb[NDVAL_A_LINK_PEER_ID]);
	COPY(link->peer_software, tb[NDVAL_A_LINK_PEER_SOFTWARE]);
	link->rtt_us = nl_u32(tb[NDVAL_A_LINK_RTT_US]);
	link->tx_bytes = nl_u64(tb[NDVAL_A_LINK_TX_BYTES]);
	link->rx_bytes = nl_u64(tb[NDVAL_A_LINK_RX_BYTES]);
	link->tx_messages = nl_u64(tb[NDVAL_A_LINK_TX_MESSAGES]);
	link->rx_messages = nl_u64(tb[NDVAL_A_LINK_RX_MESSAGES]);
}

int get_members(struct nl *nl, struct member **members, size_t *count)
{
	struct collection all = { .size = sizeof(**members), .fill = fill_member };
	int err = collect(nl, NDVAL_CMD_MEMBER_GET, &all, NULL);

	*members = err ? NULL : (void *)all.items;
	*count = err ? 0 : all.count;
	return err;
}

int get_pairs(struct nl *nl, struct pair **pairs, size_t *count)
{
	struct collection all = { .size = sizeof(**pairs), .fill = fill_pair };
	int err = collect(nl, NDVAL_CMD_PAIR_GET, &all, NULL);

	*pairs = err ? NULL : (void *)all.items;
	*count = err ? 0 : all.count;
	return err;
}

int get_peers(struct nl *nl, const char *pair, struct peer **peers, size_t *count)
{
	struct collection all = { .size = sizeof(**peers), .fill = fill_peer };
	int err = collect(nl, NDVAL_CMD_PEER_GET, &all, pair);

	*peers = err ? NULL : (void *)all.items;
	*count = err ? 0 : all.count;
	return err;
}

int get_streams(struct nl *nl, const char *pair, struct stream **streams, size_t *count)
{
	struct collection all = { .size = sizeof(**streams), .fill = fill_stream };
	int err = collect(nl, NDVAL_CMD_STREAM_GET, &all, pair);

	*streams = err ? NULL : (void *)all.items;
	*count = err ? 0 : all.count;
	return err;
}

int get_instances(struct nl *nl, const char *pair, struct instance **instances, size_t *count)
{
	struct collection all = { .size = sizeof(**instances), .fill = fill_instance };
	int err = collect(nl, NDVAL_CMD_INSTANCE_GET, &all, pair);

	*instances = err ? NULL : (void *)all.items;
	*count = err ? 0 : all.count;
	return err;
}

int get_links(struct nl *nl, struct link **links, size_t *count)
{
	struct collection all = { .size = sizeof(**links), .fill = fill_link };
	int err = collect(nl, NDVAL_CMD_LINK_GET, &all, NULL);

	*links = err ? NULL : (void *)all.items;
	*count = err ? 0 : all.count;
	return err;
}

/* One object: what its type's fill function reads from the one reply. */
struct single {
	void	*item;
	void	(*fill)(const struct nlmsghdr *nlh, void *item);
};

static int fill_single(const struct nlmsghdr *nlh, void *data)
{
	struct single *single = data;

	single->fill(nlh, single->item);
	return MNL_CB_OK;
}

int get_pair(struct nl *nl, const char *name, struct pair *pair)
{
	struct single single = { .item = pair, .fill = fill_pair };

	memset(pair, 0, sizeof(*pair));
	nl_request(nl, NDVAL_CMD_PAIR_GET, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
	return nl_call(nl, fill_single, &single);
}

int get_member(struct nl *nl, const char *name, struct member *member)
{
	struct single single = { .item = member, .fill = fill_member };

	memset(member, 0, sizeof(*member));
	nl_request(nl, NDVAL_CMD_MEMBER_GET, 0);
	nl_put_str(nl, NDVAL_A_MEMBER_NAME, name);
	return nl_call(nl, fill_single, &single);
}

int get_peer(struct nl *nl, const char *pair, const char *name, struct peer *peer)
{
	struct single single = { .item = peer, .fill = fill_peer };

	memset(peer, 0, sizeof(*peer));
	nl_request(nl, NDVAL_CMD_PEER_GET, 0);
	nl_put_str(nl, NDVAL_A_PEER_PAIR, pair);
	nl_put_str(nl, NDVAL_A_PEER_NAME, name);
	return nl_call(nl, fill_single, &single);
}
