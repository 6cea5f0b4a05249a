/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_CHECK_H
#define NDVAL_CHECK_H

#include <linux/types.h>

#include "digest.h"

struct ndval_cursor;
struct ndval_flow;
struct ndval_pair;
struct ndval_peer;
struct ndval_record;
struct ndval_stream;

/**
 * struct ndval_check - what a CHECK says
 * @told: what the copy tells of itself
 * @id: identity of the stream
 * @epoch_id: of the stream
 * @found: a finding comes with it; then the piece of @told is the one by which the
 *	copy differs
 * @found_at: where
 * @found_journal: that is a place in the journal
 * @found_instance: from which instance of the receiver
 */
struct ndval_check {
	struct ndval_told	told;
	u64			id;
	u64			epoch_id;
	bool			found;
	u64			found_at;
	bool			found_journal;
	u32			found_instance;
};

void ndval_check_begin(struct ndval_stream *stream, unsigned int instance,
		       struct ndval_digest *digest);
void ndval_check_clear(struct ndval_stream *stream, unsigned int instance);
void ndval_check_truncate(struct ndval_stream *stream, u64 to);
void ndval_check_forget_peer(struct ndval_flow *flow);
int ndval_check_found(struct ndval_stream *stream, struct ndval_cursor *cursor);
int ndval_check_kind(struct ndval_stream *journal, unsigned int instance,
		     const struct ndval_record *record, const struct ndval_record *asked);
void ndval_check_moved(struct ndval_stream *stream);
void ndval_check_commit(struct ndval_stream *stream, unsigned int instance);
void ndval_check_start(struct ndval_pair *pair);
void ndval_check_exit(void);
void ndval_check_flow(struct ndval_flow *flow);
bool ndval_check_take(struct ndval_flow *flow, u32 link_id, struct ndval_check *check);
void ndval_check_heard(struct ndval_stream *stream, struct ndval_peer *peer,
		       const struct ndval_check *check);
void ndval_check_report(struct ndval_stream *stream);
bool ndval_pair_has_diverged(const struct ndval_pair *pair);

#endif /* NDVAL_CHECK_H */
