/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_SETTINGS_H
#define NDVAL_SETTINGS_H

#include <linux/types.h>

struct ndval_pair;
struct netlink_ext_ack;

/* Each setting; those of the pair come first. */
enum ndval_setting {
	NDVAL_SET_BIND,
	NDVAL_SET_COMMIT,
	NDVAL_SET_ON_PEER_LOSS,
	NDVAL_SET_ON_DIVERGENCE,
	NDVAL_PAIR_SETTINGS,		/* set on the primary, carried to secondaries */
	NDVAL_SET_RING_SIZE = NDVAL_PAIR_SETTINGS,
	NDVAL_SET_RETAIN,
	NDVAL_SET_PREFETCH,
	NDVAL_SET_MAX_STREAMS,
	NDVAL_SET_MEMORY_MAX,
	NDVAL_SET_OVERFLOW,
	NDVAL_SET_INSTANCES,
	NDVAL_SET_READ_TIMEOUT_MS,
	NDVAL_SET_PEER_TIMEOUT_MS,
	NDVAL_SET_INSPECT,
	NDVAL_SET_JOURNAL_SIZE,
	NDVAL_SET_SKEW_MAX_MS,
	NDVAL_SETTINGS
};

/**
 * struct ndval_settings - what an administrator can tune in a pair
 * @serial: counts changes of pair settings, which the primary carries to
 *	secondaries
 * @value: by enum ndval_setting; units as in the netlink spec
 *
 * Written under the pair's lock, read anywhere with READ_ONCE(): each value is
 * used by itself.
 */
struct ndval_settings {
	u64	serial;
	u64	value[NDVAL_SETTINGS];
};

/**
 * struct ndval_change - settings to change together
 * @mask: bit n, enum ndval_setting n is to change
 * @value: to what
 */
struct ndval_change {
	u32	mask;
	u64	value[NDVAL_SETTINGS];
};

void ndval_settings_init(struct ndval_settings *set);
int ndval_settings_check(const struct ndval_settings *old,
			 const struct ndval_change *change,
			 struct ndval_settings *new,
			 struct netlink_ext_ack *extack);
int ndval_pair_set(struct ndval_pair *pair, const struct ndval_change *change,
		   struct netlink_ext_ack *extack);
void ndval_pair_adopt_settings(struct ndval_pair *pair, u64 serial,
			       const u32 value[NDVAL_PAIR_SETTINGS]);
int ndval_pair_raise_epoch_seen(struct ndval_pair *pair, u64 incarnation, u64 epoch,
				struct netlink_ext_ack *extack);

#endif /* NDVAL_SETTINGS_H */
