/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_DIGEST_H
#define NDVAL_DIGEST_H

#include <linux/sched.h>
#include <linux/types.h>
#include <linux/ndval_netlink.h>

struct ndval_mem;

/* Bytes after which a digest begins anew, at the next stop. */
#define NDVAL_SEGMENT	(64U << 10)

/* Most stops that a copy knows of itself, that it tells, and that it awaits. */
#define NDVAL_STOPS	16

/**
 * struct ndval_stop - a place where a copy ended a piece; as in CHECK
 * @offset: the place
 * @digest: of the pieces of its segment up to there
 */
struct ndval_stop {
	u64	offset;
	u64	digest;
};

/**
 * struct ndval_piece - what was delivered at once
 * @kind: enum ndval_value_kind
 * @length: bytes
 * @pid: process that got it
 * @comm: its name; a peer's may have any bytes
 */
struct ndval_piece {
	u32	kind;
	u32	length;
	u32	pid;
	char	comm[TASK_COMM_LEN];
};

/**
 * struct ndval_copy - another copy of the application
 * @id: pair object of its member; 0, it is on this member
 * @instance: there
 * @run: how often it had been repositioned
 * @piece: what it got last
 */
struct ndval_copy {
	u64			id;
	u32			instance;
	u32			run;
	struct ndval_piece	piece;
};

/**
 * struct ndval_told - what a copy tells of itself
 * @copy: who
 * @n: how many stops
 * @stops: the oldest first
 */
struct ndval_told {
	struct ndval_copy	copy;
	unsigned int		n;
	struct ndval_stop	stops[NDVAL_STOPS];
};

/**
 * struct ndval_finding - two copies differ
 * @offset: from here on
 * @reason: how, for people
 * @other: the other copy
 * @own: piece of this copy
 * @journal: @offset is a place in the stream's journal
 * @due: listeners are to be told
 * @untold: the other's member is to be told
 */
struct ndval_finding {
	u64			offset;
	const char		*reason;
	struct ndval_copy	other;
	struct ndval_piece	own;
	bool			journal;
	bool			due;
	bool			untold;
};

/**
 * struct ndval_sum - the pieces of a segment, so far
 * @state: siphash of those that are in it
 * @kind: of the last pieces, that are the same
 * @length: likewise
 * @times: how many they are; they are not in @state yet
 */
struct ndval_sum {
	u64	state[4];
	u32	kind;
	u32	length;
	u32	times;
};

/**
 * struct ndval_pending - a stop of another copy that is still ahead
 * @stop: the stop
 * @copy: whose
 */
struct ndval_pending {
	struct ndval_stop	stop;
	struct ndval_copy	copy;
};

/**
 * struct ndval_others - what a copy knows of others
 * @pending: stops of theirs that are still ahead
 * @heard: a peer found that one of its copies differs from this one
 */
struct ndval_others {
	struct ndval_pending	pending[NDVAL_STOPS];
	struct ndval_finding	heard;
};

/**
 * struct ndval_digest - what one copy of the application was given, in short
 * @sum: of the segment, if @known and @begun
 * @segment: stop at which the segment began
 * @stop: last stop
 * @next: least offset of @pending, U64_MAX for none
 * @told: last stop when the copy told of itself last
 * @open: bytes of the piece that has not ended yet
 * @run: how often the copy was repositioned
 * @divergences: findings since then
 * @known: all pieces of the segment are in @sum
 * @begun: there were some
 * @nstops: how many
 * @npending: how many are pending
 * @last: the last piece
 * @stops: stops that it knows of itself, the oldest first
 * @others: what it knows of others; NULL before there was something
 * @found: it was found here that it differs
 * @mem: account that it is charged to
 *
 * Protected by the cursor's @move. @stop and @open make the cursor's position.
 */
struct ndval_digest {
	struct ndval_sum	sum;
	u64			segment;
	u64			stop;
	u64			next;
	u64			told;
	u32			open;
	u32			run;
	u32			divergences;
	bool			known;
	bool			begun;
	u8			nstops;
	u8			npending;
	struct ndval_piece	last;
	struct ndval_stop	stops[NDVAL_STOPS];
	struct ndval_others	*others;
	struct ndval_finding	found;
	struct ndval_mem	*mem;
};

struct ndval_others *ndval_others_create(struct ndval_mem *mem, gfp_t gfp);
void ndval_others_destroy(struct ndval_others *others, struct ndval_mem *mem);
struct ndval_digest *ndval_digest_create(struct ndval_mem *mem, gfp_t gfp);
void ndval_digest_destroy(struct ndval_digest *digest);
void ndval_digest_start(struct ndval_digest *digest, u64 pos);
void ndval_digest_forget(struct ndval_digest *digest);
bool ndval_digest_add(struct ndval_digest *digest, u64 key, u32 kind, u32 len,
		      bool complete);
void ndval_digest_tell(struct ndval_digest *digest, struct ndval_told *told);
bool ndval_digest_hear(struct ndval_digest *digest, u64 end,
		       const struct ndval_told *told, u64 *offset);
void ndval_digest_find_kind(struct ndval_digest *digest, u64 place,
			    const struct ndval_piece *own, const struct ndval_copy *other);
void ndval_digest_hear_finding(struct ndval_digest *digest,
			       const struct ndval_finding *finding);
void ndval_digest_blame(struct ndval_digest *digest, u64 offset,
			const struct ndval_copy *other);
void ndval_digest_drop(struct ndval_digest *digest);
void ndval_digest_drop_copy(struct ndval_digest *digest, const struct ndval_copy *copy);
void ndval_digest_drop_member(struct ndval_digest *digest, u64 id);

#endif /* NDVAL_DIGEST_H */
