/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_EVENT_H
#define NDVAL_EVENT_H

#include <linux/types.h>
#include <linux/ndval_netlink.h>

struct ndval_finding;
struct ndval_link;
struct ndval_pair;
struct ndval_peer;
struct ndval_stream;

/**
 * struct ndval_event - something that happened; unused fields are 0 or NULL
 * @kind: enum ndval_event_kind
 * @pair: the pair it happened to; role and health go with it
 * @member: name of the member
 * @peer: name of the other member
 * @stream: name of the stream
 * @reason: why, for people
 * @offset: in the stream
 * @length: bytes
 * @link: number of the link
 * @operation: that has ended
 * @error: errno with which it ended
 * @instance: the instance
 * @peer_state: enum ndval_peer_state
 * @role: role of the pair
 * @health: health of the pair
 * @clock: enum ndval_value_kind of the clock that was set
 * @step: by how much, in ns
 * @skew: by how much the peer's clock is ahead, in ns
 * @finding: how two copies differ
 * @has: bits of enum ndval_event_has: which of the numbers mean something
 */
struct ndval_event {
	u32			kind;
	const struct ndval_pair	*pair;
	const char		*member;
	const char		*peer;
	const char		*stream;
	const char		*reason;
	u64			offset;
	u32			length;
	u32			link;
	u32			operation;
	u32			error;
	u32			instance;
	u32			peer_state;
	u32			role;
	u32			health;
	u32			clock;
	s64			step;
	s64			skew;
	const struct ndval_finding *finding;
	u32			has;
};

enum ndval_event_has {
	NDVAL_HAS_OFFSET	= 1,
	NDVAL_HAS_INSTANCE	= 2,
	NDVAL_HAS_PEER_STATE	= 4,
	NDVAL_HAS_HEALTH	= 8,
	NDVAL_HAS_CALLER	= 16,
	NDVAL_HAS_JOURNAL	= 32,
	NDVAL_HAS_CLOCK		= 64,
	NDVAL_HAS_SKEW		= 128,
};

void ndval_event(const struct ndval_event *event);
void ndval_event_pair(u32 kind, struct ndval_pair *pair);
void ndval_event_peer(struct ndval_peer *peer, u32 state);
void ndval_event_stream(u32 kind, struct ndval_stream *stream);
void ndval_event_instance(u32 kind, struct ndval_stream *stream,
			  unsigned int instance, u64 offset);
void ndval_event_diverged(struct ndval_stream *stream, unsigned int instance,
			  struct ndval_peer *peer, const struct ndval_finding *finding);
void ndval_event_clock_step(struct ndval_pair *pair, u32 kind, s64 step);
void ndval_event_clock_skew(struct ndval_peer *peer, s64 skew, const char *reason);
void ndval_event_peer_lost(struct ndval_peer *peer);
void ndval_event_op(u32 operation, int err);
void ndval_event_op_reason(u32 operation, int err, const char *reason);
u32 ndval_operation(void);
void ndval_event_listen(bool on);

#endif /* NDVAL_EVENT_H */
