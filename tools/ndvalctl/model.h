/* SPDX-License-Identifier: GPL-2.0-only */
/* ndval's objects as plain structs, got from the kernel. */
#ifndef NDVALCTL_MODEL_H
#define NDVALCTL_MODEL_H

#include <linux/ndval_netlink.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#include "settings.h"

#define NAME_SIZE	(NDVAL_NAME_MAX + 1)

struct nl;

/* Fields are the attributes of the netlink spec. */
struct member {
	char	name[NAME_SIZE];
	bool	host;
	__u64	id;
	__u32	pairs;
	__u32	links;
	bool	vm_clone_known;	/* on the host's own member */
	__u32	vm_clone;
};

struct pair_clock {
	__u32	kind;
	__u64	value;
	__u64	steps;
	__u64	stood;
	__s64	offset;
};

/* Those that can be read. */
#define CLOCKS		5

struct pair {
	char	name[NAME_SIZE];
	char	group[NAME_SIZE];
	char	member[NAME_SIZE];
	__u32	uid;
	__u32	gid;
	__u32	mode;
	__u64	settings[SETTINGS];
	__u32	role;
	__u32	health;
	__u64	incarnation;
	__u64	epoch;
	__u64	epoch_id;
	__u64	member_id;
	__u64	issued;
	__u64	committed;
	__u64	delivered;
	__u64	retained;
	__u64	memory;
	__u64	memory_max;	/* also in @settings */
	__u32	streams;
	__u32	peers;
	__u64	lag;
	__u64	lost;
	__u64	waits;
	__u32	minor;
	bool	in_sync;	/* on a secondary */
	bool	outdated;
	__u64	forced;
	__u64	epoch_seen;
	__u64	drops;
	__u64	divergences;
	__u64	recorded;
	struct pair_clock clocks[CLOCKS];
	size_t	clock_count;
};

/* The name of the pair comes first in what belongs to a pair. */
struct peer {
	char	pair[NAME_SIZE];
	char	name[NAME_SIZE];
	__u32	state;
	bool	heard;		/* @role and @member_id are known */
	__u32	role;
	__u64	member_id;
	__u64	epoch;
	__u64	lag;
	__u64	acknowledged;
	char	reason[256];
	bool	counts;		/* on a primary: @membership is known */
	__u32	membership;
	bool	outdated;
	bool	skew_known;
	__s64	clock_skew;
};

struct stream {
	char	pair[NAME_SIZE];
	char	name[NAME_SIZE];
	__u64	id;
	__u64	tail;
	__u64	head;
	__u64	committed;
	__u64	furthest;
	__u64	memory;
	__u32	error;
	bool	has_journal;	/* the next three are known */
	__u64	journal_tail;
	__u64	journal_head;
	__u64	journal_committed;
};

struct instance {
	char	pair[NAME_SIZE];
	char	stream[NAME_SIZE];
	__u32	instance;
	__u64	position;
	__u64	delivered;
	bool	lost;
	bool	diverged;
	__u64	divergences;
	__u32	files;
	bool	has_journal;	/* @journal_position is known */
	__u64	journal_position;
	bool	journal_lost;
};

struct link {
	__u32	id;
	char	member[NAME_SIZE];
	char	peer[NAME_SIZE];
	__u32	state;
	char	transport[16];
	char	security[32];
	__u64	peer_id;
	char	peer_software[64];
	__u32	rtt_us;
	__u64	tx_bytes;
	__u64	rx_bytes;
	__u64	tx_messages;
	__u64	rx_messages;
};

/*
 * Each gets a list that the caller frees, or a negative errno; nl_message()
 * then tells why. @pair: only what belongs to this pair, NULL for all.
 */
int get_members(struct nl *nl, struct member **members, size_t *count);
int get_pairs(struct nl *nl, struct pair **pairs, size_t *count);
int get_peers(struct nl *nl, const char *pair, struct peer **peers, size_t *count);
int get_streams(struct nl *nl, const char *pair, struct stream **streams, size_t *count);
int get_instances(struct nl *nl, const char *pair, struct instance **instances, size_t *count);
int get_links(struct nl *nl, struct link **links, size_t *count);

int get_pair(struct nl *nl, const char *name, struct pair *pair);
int get_member(struct nl *nl, const char *name, struct member *member);
int get_peer(struct nl *nl, const char *pair, const char *name, struct peer *peer);

#endif /* NDVALCTL_MODEL_H */
