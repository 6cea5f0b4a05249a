/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_SKEW_H
#define NDVAL_SKEW_H

#include <linux/types.h>

struct ndval_pair;
struct ndval_peer;
struct ndval_remote;

void ndval_skew_measured(struct ndval_remote *remote, u32 link_id, u64 realtime, u64 rtt);
bool ndval_peer_skew(struct ndval_peer *peer, s64 *skew);
s64 ndval_pair_skew(struct ndval_pair *pair);
void ndval_skew_report(struct ndval_peer *peer);

#endif /* NDVAL_SKEW_H */
