/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ndval-wire.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_NDVAL_WIRE_GEN_H
#define _LINUX_NDVAL_WIRE_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include "wire_enum_gen.h"

/* Common nested types */
extern const struct nla_policy ndval_wire_settings_nl_policy[NDVAL_WIRE_A_SETTINGS_PAD + 1];
extern const struct nla_policy ndval_wire_value_nl_policy[NDVAL_WIRE_A_VALUE_PAD + 1];

extern const struct nla_policy ndval_wire_hello_nl_policy[NDVAL_WIRE_A_SOFTWARE + 1];

extern const struct nla_policy ndval_wire_pair_nl_policy[NDVAL_WIRE_A_CLOCKS + 1];

extern const struct nla_policy ndval_wire_fetch_nl_policy[NDVAL_WIRE_A_JOURNAL + 1];

extern const struct nla_policy ndval_wire_values_nl_policy[NDVAL_WIRE_A_JOURNAL + 1];

extern const struct nla_policy ndval_wire_stream_del_nl_policy[NDVAL_WIRE_A_JOURNAL + 1];

extern const struct nla_policy ndval_wire_ping_nl_policy[NDVAL_WIRE_A_TIME + 1];

extern const struct nla_policy ndval_wire_pong_nl_policy[NDVAL_WIRE_A_REALTIME + 1];

extern const struct nla_policy ndval_wire_bye_nl_policy[NDVAL_WIRE_A_REASON + 1];

extern const struct nla_policy ndval_wire_sync_nl_policy[NDVAL_WIRE_A_JOURNAL + 1];

extern const struct nla_policy ndval_wire_takeover_nl_policy[NDVAL_WIRE_A_ERROR + 1];

extern const struct nla_policy ndval_wire_handover_nl_policy[NDVAL_WIRE_A_PAIR_ID + 1];

extern const struct nla_policy ndval_wire_check_nl_policy[NDVAL_WIRE_A_JOURNAL + 1];

extern const struct nla_policy ndval_wire_propose_nl_policy[NDVAL_WIRE_A_RECORD + 1];



#endif /* _LINUX_NDVAL_WIRE_GEN_H */
