// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ndval-wire.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "wire_gen.h"

#include "wire_enum_gen.h"

/* Common nested types */
const struct nla_policy ndval_wire_settings_nl_policy[NDVAL_WIRE_A_SETTINGS_PAD + 1] = {
	[NDVAL_WIRE_A_SETTINGS_SERIAL] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_SETTINGS_BIND] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_SETTINGS_COMMIT] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_SETTINGS_ON_PEER_LOSS] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_SETTINGS_ON_DIVERGENCE] = { .type = NLA_U32, },
};

const struct nla_policy ndval_wire_value_nl_policy[NDVAL_WIRE_A_VALUE_PAD + 1] = {
	[NDVAL_WIRE_A_VALUE_OFFSET] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_VALUE_DATA] = { .type = NLA_BINARY, },
};

/* NDVAL_WIRE_CMD_HELLO - do */
const struct nla_policy ndval_wire_hello_nl_policy[NDVAL_WIRE_A_SOFTWARE + 1] = {
	[NDVAL_WIRE_A_VERSION] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_FEATURES] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_MEMBER] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_MEMBER_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_TO] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_SERIAL] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_SOFTWARE] = { .type = NLA_NUL_STRING, .len = 31, },
};

/* NDVAL_WIRE_CMD_PAIR - do */
const struct nla_policy ndval_wire_pair_nl_policy[NDVAL_WIRE_A_CLOCKS + 1] = {
	[NDVAL_WIRE_A_PAIR] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_PAIR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_ROLE] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_SEEN_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_MAX_STREAMS] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_RING_SIZE] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_DIVERGED] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_GONE] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_IN_SYNC] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_SETTINGS] = NLA_POLICY_NESTED(ndval_wire_settings_nl_policy),
	[NDVAL_WIRE_A_HISTORY] = { .type = NLA_BINARY, },
	[NDVAL_WIRE_A_BEHIND] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_FOR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_COPY_DIVERGED] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_CLOCKS] = { .type = NLA_BINARY, },
};

/* NDVAL_WIRE_CMD_FETCH - do */
const struct nla_policy ndval_wire_fetch_nl_policy[NDVAL_WIRE_A_JOURNAL + 1] = {
	[NDVAL_WIRE_A_PAIR] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_PAIR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_STREAM] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_STREAM_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_HAVE] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_WANT] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_DEMAND] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_NEED] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_AGAIN] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_END] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_TAKEOVER] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_JOURNAL] = { .type = NLA_FLAG, },
};

/* NDVAL_WIRE_CMD_VALUES - do */
const struct nla_policy ndval_wire_values_nl_policy[NDVAL_WIRE_A_JOURNAL + 1] = {
	[NDVAL_WIRE_A_PAIR] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_PAIR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_STREAM] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_STREAM_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_COMMITTED] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_TAIL] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_NEED] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_VALUE] = NLA_POLICY_NESTED(ndval_wire_value_nl_policy),
	[NDVAL_WIRE_A_LIMIT] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_DROPS] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_STARTS] = { .type = NLA_BINARY, },
	[NDVAL_WIRE_A_AGAIN] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_JOURNAL] = { .type = NLA_FLAG, },
};

/* NDVAL_WIRE_CMD_STREAM_DEL - do */
const struct nla_policy ndval_wire_stream_del_nl_policy[NDVAL_WIRE_A_JOURNAL + 1] = {
	[NDVAL_WIRE_A_PAIR] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_PAIR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_STREAM] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_STREAM_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_ERROR] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_JOURNAL] = { .type = NLA_FLAG, },
};

/* NDVAL_WIRE_CMD_PING - do */
const struct nla_policy ndval_wire_ping_nl_policy[NDVAL_WIRE_A_TIME + 1] = {
	[NDVAL_WIRE_A_TIME] = { .type = NLA_U64, },
};

/* NDVAL_WIRE_CMD_PONG - do */
const struct nla_policy ndval_wire_pong_nl_policy[NDVAL_WIRE_A_REALTIME + 1] = {
	[NDVAL_WIRE_A_TIME] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_REALTIME] = { .type = NLA_U64, },
};

/* NDVAL_WIRE_CMD_BYE - do */
const struct nla_policy ndval_wire_bye_nl_policy[NDVAL_WIRE_A_REASON + 1] = {
	[NDVAL_WIRE_A_REASON] = { .type = NLA_NUL_STRING, .len = 127, },
};

/* NDVAL_WIRE_CMD_SYNC - do */
const struct nla_policy ndval_wire_sync_nl_policy[NDVAL_WIRE_A_JOURNAL + 1] = {
	[NDVAL_WIRE_A_PAIR] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_PAIR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_STREAM] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_STREAM_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_END] = { .type = NLA_FLAG, },
	[NDVAL_WIRE_A_STARTS] = { .type = NLA_BINARY, },
	[NDVAL_WIRE_A_FOR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_JOURNAL] = { .type = NLA_FLAG, },
};

/* NDVAL_WIRE_CMD_TAKEOVER - do */
const struct nla_policy ndval_wire_takeover_nl_policy[NDVAL_WIRE_A_ERROR + 1] = {
	[NDVAL_WIRE_A_PAIR] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_PAIR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_ERROR] = { .type = NLA_U32, },
};

/* NDVAL_WIRE_CMD_HANDOVER - do */
const struct nla_policy ndval_wire_handover_nl_policy[NDVAL_WIRE_A_PAIR_ID + 1] = {
	[NDVAL_WIRE_A_PAIR] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_PAIR_ID] = { .type = NLA_U64, },
};

/* NDVAL_WIRE_CMD_CHECK - do */
const struct nla_policy ndval_wire_check_nl_policy[NDVAL_WIRE_A_JOURNAL + 1] = {
	[NDVAL_WIRE_A_PAIR] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_PAIR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_STREAM] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_STREAM_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_INSTANCE] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_RUN] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_STOPS] = { .type = NLA_BINARY, },
	[NDVAL_WIRE_A_KIND] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_LENGTH] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_PID] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_COMM] = { .type = NLA_NUL_STRING, .len = 15, },
	[NDVAL_WIRE_A_FOUND_AT] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_FOUND_INSTANCE] = { .type = NLA_U32, },
	[NDVAL_WIRE_A_JOURNAL] = { .type = NLA_FLAG, },
};

/* NDVAL_WIRE_CMD_PROPOSE - do */
const struct nla_policy ndval_wire_propose_nl_policy[NDVAL_WIRE_A_RECORD + 1] = {
	[NDVAL_WIRE_A_PAIR] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_EPOCH_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_PAIR_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_STREAM] = { .type = NLA_NUL_STRING, .len = 63, },
	[NDVAL_WIRE_A_STREAM_ID] = { .type = NLA_U64, },
	[NDVAL_WIRE_A_RECORD] = { .type = NLA_BINARY, },
};

