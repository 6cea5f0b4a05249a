/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What tests switch off to see that its absence is noticed. Only in a module
 * that is built for it (-DNDVAL_TEST_KNOBS): bits of /sys/kernel/debug/ndval/broken. In
 * any other the compiler sees 0.
 */
#ifndef NDVAL_KNOBS_H
#define NDVAL_KNOBS_H

#include <linux/bits.h>
#include <linux/types.h>

#define NDVAL_BROKEN_LIMIT	BIT(0)	/* a primary delivers what is not acknowledged */
#define NDVAL_BROKEN_L		BIT(1)	/* a secondary delivers beyond L */
#define NDVAL_BROKEN_BAR	BIT(2)	/* a member is in sync at once */
#define NDVAL_BROKEN_ACK	BIT(3)	/* acknowledgements outlive link and member */
#define NDVAL_BROKEN_TRUNCATE	BIT(4)	/* a secondary keeps what the new epoch has not */
#define NDVAL_BROKEN_HW		BIT(5)	/* what was delivered is not looked at */
#define NDVAL_BROKEN_PROMOTE	BIT(6)	/* anybody is promoted */
#define NDVAL_BROKEN_ALONE	BIT(7)	/* a new primary counts nobody */
#define NDVAL_BROKEN_COMMON	BIT(8)	/* only the newest epoch's start counts */

#ifdef NDVAL_TEST_KNOBS
extern u32 ndval_broken_mask;

static inline bool ndval_broken(u32 what)
{
	return READ_ONCE(ndval_broken_mask) & what;
}
#else
static inline bool ndval_broken(u32 what)
{
	return false;
}
#endif

#endif /* NDVAL_KNOBS_H */
