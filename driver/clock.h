/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_CLOCK_H
#define NDVAL_CLOCK_H

#include <linux/spinlock_types.h>
#include <linux/types.h>
#include <linux/ndval_netlink.h>

#include "journal.h"

struct ndval_pair;

/* Clocks that can be read, enum ndval_value_kind from NDVAL_VALUE_KIND_REALTIME on. */
#define NDVAL_CLOCKS	5

/**
 * struct ndval_clock_state - a clock of a pair
 * @floor: no new reading is below this: the last one, here or at the primary
 * @heard: when a secondary heard of @floor, in ns of CLOCK_BOOTTIME
 * @offset: what the pair's clock is ahead of the host's; of realtime and TAI 0
 * @base: of realtime and TAI, what they are ahead of CLOCK_BOOTTIME: changes only when
 *	the clock is set
 * @stood: ns for which it stood still, or will until the host's reaches @floor
 * @stands: it does
 * @step: by how much it was set, told to nobody yet; 0 for not
 */
struct ndval_clock_state {
	struct ndval_reading	floor;
	u64			heard;
	u64			offset;
	s64			base;
	u64			stood;
	bool			stands;
	s64			step;
};

/**
 * struct ndval_clocks - the clocks of a pair
 * @lock: protects all that follows; a leaf
 * @reads: readings taken here; read without the lock too
 * @of: by kind
 */
struct ndval_clocks {
	spinlock_t			lock;	/* protects all that follows */
	u64				reads;
	struct ndval_clock_state	of[NDVAL_CLOCKS];
};

/**
 * struct ndval_clocks_told - what a primary tells of its pair's clocks; as in PAIR
 * @floor: by kind; its @value 0, it was never read
 */
struct ndval_clocks_told {
	struct ndval_reading	floor[NDVAL_CLOCKS];
};

int ndval_clocks_create(struct ndval_pair *pair, gfp_t gfp);
void ndval_clocks_destroy(struct ndval_pair *pair);
u64 ndval_clocks_reads(const struct ndval_pair *pair);
void ndval_clocks_begin(struct ndval_pair *pair);
void ndval_clocks_take_over(struct ndval_pair *pair);
void ndval_clock_read(struct ndval_pair *pair, u32 kind, struct ndval_reading *reading);
void ndval_clock_heard(struct ndval_pair *pair, u32 kind, const struct ndval_reading *reading);
bool ndval_clocks_tell(struct ndval_pair *pair, struct ndval_clocks_told *told);
bool ndval_clocks_are_sane(const struct ndval_clocks_told *told);
void ndval_clocks_hear(struct ndval_pair *pair, const struct ndval_clocks_told *told);
bool ndval_clock_get(struct ndval_pair *pair, u32 kind, struct ndval_clock_state *clock);
void ndval_clocks_report(struct ndval_pair *pair);

#endif /* NDVAL_CLOCK_H */
