/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_PROPOSE_H
#define NDVAL_PROPOSE_H

#include <linux/refcount.h>
#include <linux/types.h>

#include "journal.h"

struct ndval_flow;
struct ndval_mem;
struct ndval_stream;

/**
 * struct ndval_proposal - what a copy asks for: a reading of a clock, or to agree on a
 *	value
 * @ref: the call's, the cursor's, the sender's
 * @mem: account that it is charged to
 * @record: as it would be recorded; its @place is not set
 * @place: for which place the cursor has it; protected by the journal's lock
 * @value: of kind agreed, the value that is offered; of a clock nothing, for whoever
 *	records it takes the reading
 *
 * Else it does not change once made.
 */
struct ndval_proposal {
	refcount_t		ref;
	struct ndval_mem	*mem;
	struct ndval_record	record;
	u64			place;
	u8			value[];
};

/**
 * struct ndval_propose - what a PROPOSE says
 * @proposal: what is asked for, with a reference
 * @place: for which place
 * @id: identity of the stream's journal
 * @epoch_id: of it
 */
struct ndval_propose {
	struct ndval_proposal	*proposal;
	u64			place;
	u64			id;
	u64			epoch_id;
};

/**
 * struct ndval_drawn - the record that a call gets
 * @record: what stands before its value
 * @reading: its value, if it is of a clock
 * @agreed: gets its value else, if not NULL; room for NDVAL_AGREED_MAX
 */
struct ndval_drawn {
	struct ndval_record	record;
	struct ndval_reading	reading;
	u8			*agreed;
};

struct ndval_proposal *ndval_proposal_create(struct ndval_mem *mem, u32 kind, u32 length,
					     unsigned int instance, gfp_t gfp);
void ndval_proposal_put(struct ndval_proposal *proposal);
int ndval_propose(struct ndval_stream *journal, unsigned int instance,
		  struct ndval_proposal *proposal, struct ndval_drawn *drawn, bool nowait,
		  int (*give)(const struct ndval_drawn *drawn, void __user *to),
		  void __user *to);
void ndval_propose_forget(struct ndval_stream *journal);
void ndval_propose_forget_one(struct ndval_stream *journal, unsigned int instance);
void ndval_propose_again(struct ndval_flow *flow);
bool ndval_propose_take(struct ndval_flow *flow, u32 link_id, struct ndval_propose *propose);

int ndval_stream_record(struct ndval_stream *journal, u64 place,
			const struct ndval_record *record, const u8 *value, gfp_t gfp);
int ndval_stream_store_records(struct ndval_stream *journal, u64 epoch_id, u64 place,
			       const u8 *data, size_t len);

#endif /* NDVAL_PROPOSE_H */
