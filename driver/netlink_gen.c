// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ndval.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink_gen.h"

#include <linux/ndval_netlink.h>

/* NDVAL_CMD_MEMBER_NEW - do */
static const struct nla_policy ndval_member_new_nl_policy[NDVAL_A_MEMBER_HOST + 1] = {
	[NDVAL_A_MEMBER_NAME] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_MEMBER_HOST] = { .type = NLA_FLAG, },
};

/* NDVAL_CMD_MEMBER_DEL - do */
static const struct nla_policy ndval_member_del_nl_policy[NDVAL_A_MEMBER_NAME + 1] = {
	[NDVAL_A_MEMBER_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_MEMBER_GET - do */
static const struct nla_policy ndval_member_get_nl_policy[NDVAL_A_MEMBER_NAME + 1] = {
	[NDVAL_A_MEMBER_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_PAIR_NEW - do */
static const struct nla_policy ndval_pair_new_nl_policy[NDVAL_A_PAIR_SKEW_MAX_MS + 1] = {
	[NDVAL_A_PAIR_NAME] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PAIR_GROUP] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PAIR_MEMBER] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PAIR_PEER] = { .type = NLA_STRING, },
	[NDVAL_A_PAIR_UID] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_GID] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_MODE] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_BIND] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_RING_SIZE] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_RETAIN] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_PREFETCH] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_MAX_STREAMS] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_MEMORY_MAX] = { .type = NLA_U64, },
	[NDVAL_A_PAIR_OVERFLOW] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_INSTANCES] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_READ_TIMEOUT_MS] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_PEER_TIMEOUT_MS] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_INSPECT] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_COMMIT] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_ON_PEER_LOSS] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_ON_DIVERGENCE] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_JOURNAL_SIZE] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_SKEW_MAX_MS] = { .type = NLA_U32, },
};

/* NDVAL_CMD_PAIR_DEL - do */
static const struct nla_policy ndval_pair_del_nl_policy[NDVAL_A_PAIR_NAME + 1] = {
	[NDVAL_A_PAIR_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_PAIR_SET - do */
static const struct nla_policy ndval_pair_set_nl_policy[NDVAL_A_PAIR_SKEW_MAX_MS + 1] = {
	[NDVAL_A_PAIR_NAME] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PAIR_BIND] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_RING_SIZE] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_RETAIN] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_PREFETCH] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_MAX_STREAMS] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_MEMORY_MAX] = { .type = NLA_U64, },
	[NDVAL_A_PAIR_OVERFLOW] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_INSTANCES] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_READ_TIMEOUT_MS] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_PEER_TIMEOUT_MS] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_INSPECT] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_COMMIT] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_ON_PEER_LOSS] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_ON_DIVERGENCE] = NLA_POLICY_MAX(NLA_U32, 1),
	[NDVAL_A_PAIR_INCARNATION] = { .type = NLA_U64, },
	[NDVAL_A_PAIR_EPOCH_SEEN] = { .type = NLA_U64, },
	[NDVAL_A_PAIR_JOURNAL_SIZE] = { .type = NLA_U32, },
	[NDVAL_A_PAIR_SKEW_MAX_MS] = { .type = NLA_U32, },
};

/* NDVAL_CMD_PAIR_GET - do */
static const struct nla_policy ndval_pair_get_nl_policy[NDVAL_A_PAIR_NAME + 1] = {
	[NDVAL_A_PAIR_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_PROMOTE - do */
static const struct nla_policy ndval_promote_nl_policy[NDVAL_A_PAIR_FENCED + 1] = {
	[NDVAL_A_PAIR_NAME] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PAIR_NEW] = { .type = NLA_FLAG, },
	[NDVAL_A_PAIR_FORCE] = { .type = NLA_FLAG, },
	[NDVAL_A_PAIR_FENCED] = { .type = NLA_FLAG, },
};

/* NDVAL_CMD_RESYNC - do */
static const struct nla_policy ndval_resync_nl_policy[NDVAL_A_PAIR_NAME + 1] = {
	[NDVAL_A_PAIR_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_PEER_ADD - do */
static const struct nla_policy ndval_peer_add_nl_policy[NDVAL_A_PEER_NAME + 1] = {
	[NDVAL_A_PEER_PAIR] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PEER_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_PEER_DEL - do */
static const struct nla_policy ndval_peer_del_nl_policy[NDVAL_A_PEER_NAME + 1] = {
	[NDVAL_A_PEER_PAIR] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PEER_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_PEER_GET - do */
static const struct nla_policy ndval_peer_get_nl_policy[NDVAL_A_PEER_NAME + 1] = {
	[NDVAL_A_PEER_PAIR] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PEER_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_LINK_ATTACH - do */
static const struct nla_policy ndval_link_attach_nl_policy[NDVAL_A_LINK_FD + 1] = {
	[NDVAL_A_LINK_MEMBER] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_LINK_PEER] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_LINK_FD] = { .type = NLA_U32, },
};

/* NDVAL_CMD_LINK_DETACH - do */
static const struct nla_policy ndval_link_detach_nl_policy[NDVAL_A_LINK_PEER + 1] = {
	[NDVAL_A_LINK_ID] = { .type = NLA_U32, },
	[NDVAL_A_LINK_MEMBER] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_LINK_PEER] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_LINK_GET - do */
static const struct nla_policy ndval_link_get_nl_policy[NDVAL_A_LINK_PEER + 1] = {
	[NDVAL_A_LINK_ID] = { .type = NLA_U32, },
	[NDVAL_A_LINK_MEMBER] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_LINK_PEER] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_STREAM_GET - do */
static const struct nla_policy ndval_stream_get_nl_policy[NDVAL_A_STREAM_NAME + 1] = {
	[NDVAL_A_STREAM_PAIR] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_STREAM_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_STREAM_DEL - do */
static const struct nla_policy ndval_stream_del_nl_policy[NDVAL_A_STREAM_NAME + 1] = {
	[NDVAL_A_STREAM_PAIR] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_STREAM_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_INSTANCE_GET - do */
static const struct nla_policy ndval_instance_get_nl_policy[NDVAL_A_INSTANCE_INSTANCE + 1] = {
	[NDVAL_A_INSTANCE_PAIR] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_INSTANCE_STREAM] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_INSTANCE_INSTANCE] = { .type = NLA_U32, },
};

/* NDVAL_CMD_INSTANCE_SET - do */
static const struct nla_policy ndval_instance_set_nl_policy[NDVAL_A_INSTANCE_JOURNAL_POSITION + 1] = {
	[NDVAL_A_INSTANCE_PAIR] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_INSTANCE_STREAM] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_INSTANCE_INSTANCE] = { .type = NLA_U32, },
	[NDVAL_A_INSTANCE_POSITION] = { .type = NLA_U64, },
	[NDVAL_A_INSTANCE_JOURNAL_POSITION] = { .type = NLA_U64, },
};

/* NDVAL_CMD_VALUES_GET - do */
static const struct nla_policy ndval_values_get_nl_policy[NDVAL_A_VALUES_JOURNAL + 1] = {
	[NDVAL_A_VALUES_PAIR] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_VALUES_STREAM] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_VALUES_OFFSET] = { .type = NLA_U64, },
	[NDVAL_A_VALUES_LENGTH] = { .type = NLA_U32, },
	[NDVAL_A_VALUES_JOURNAL] = { .type = NLA_FLAG, },
};

/* NDVAL_CMD_DEMOTE - do */
static const struct nla_policy ndval_demote_nl_policy[NDVAL_A_PAIR_NAME + 1] = {
	[NDVAL_A_PAIR_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_SWITCHOVER - do */
static const struct nla_policy ndval_switchover_nl_policy[NDVAL_A_PAIR_PEER + 1] = {
	[NDVAL_A_PAIR_NAME] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PAIR_PEER] = { .type = NLA_STRING, },
};

/* NDVAL_CMD_OUTDATE - do */
static const struct nla_policy ndval_outdate_nl_policy[NDVAL_A_PAIR_NAME + 1] = {
	[NDVAL_A_PAIR_NAME] = { .type = NLA_NUL_STRING, },
};

/* NDVAL_CMD_PEER_OUTDATE - do */
static const struct nla_policy ndval_peer_outdate_nl_policy[NDVAL_A_PEER_NAME + 1] = {
	[NDVAL_A_PEER_PAIR] = { .type = NLA_NUL_STRING, },
	[NDVAL_A_PEER_NAME] = { .type = NLA_NUL_STRING, },
};

/* Ops table for ndval */
static const struct genl_ops ndval_nl_ops[] = {
	{
		.cmd		= NDVAL_CMD_MEMBER_NEW,
		.doit		= ndval_nl_member_new_doit,
		.policy		= ndval_member_new_nl_policy,
		.maxattr	= NDVAL_A_MEMBER_HOST,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_MEMBER_DEL,
		.doit		= ndval_nl_member_del_doit,
		.policy		= ndval_member_del_nl_policy,
		.maxattr	= NDVAL_A_MEMBER_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_MEMBER_GET,
		.doit		= ndval_nl_member_get_doit,
		.dumpit		= ndval_nl_member_get_dumpit,
		.policy		= ndval_member_get_nl_policy,
		.maxattr	= NDVAL_A_MEMBER_NAME,
	},
	{
		.cmd		= NDVAL_CMD_PAIR_NEW,
		.doit		= ndval_nl_pair_new_doit,
		.policy		= ndval_pair_new_nl_policy,
		.maxattr	= NDVAL_A_PAIR_SKEW_MAX_MS,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_PAIR_DEL,
		.doit		= ndval_nl_pair_del_doit,
		.policy		= ndval_pair_del_nl_policy,
		.maxattr	= NDVAL_A_PAIR_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_PAIR_SET,
		.doit		= ndval_nl_pair_set_doit,
		.policy		= ndval_pair_set_nl_policy,
		.maxattr	= NDVAL_A_PAIR_SKEW_MAX_MS,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_PAIR_GET,
		.doit		= ndval_nl_pair_get_doit,
		.dumpit		= ndval_nl_pair_get_dumpit,
		.policy		= ndval_pair_get_nl_policy,
		.maxattr	= NDVAL_A_PAIR_NAME,
	},
	{
		.cmd		= NDVAL_CMD_PROMOTE,
		.doit		= ndval_nl_promote_doit,
		.policy		= ndval_promote_nl_policy,
		.maxattr	= NDVAL_A_PAIR_FENCED,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_RESYNC,
		.doit		= ndval_nl_resync_doit,
		.policy		= ndval_resync_nl_policy,
		.maxattr	= NDVAL_A_PAIR_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_PEER_ADD,
		.doit		= ndval_nl_peer_add_doit,
		.policy		= ndval_peer_add_nl_policy,
		.maxattr	= NDVAL_A_PEER_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_PEER_DEL,
		.doit		= ndval_nl_peer_del_doit,
		.policy		= ndval_peer_del_nl_policy,
		.maxattr	= NDVAL_A_PEER_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_PEER_GET,
		.doit		= ndval_nl_peer_get_doit,
		.dumpit		= ndval_nl_peer_get_dumpit,
		.policy		= ndval_peer_get_nl_policy,
		.maxattr	= NDVAL_A_PEER_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_LINK_ATTACH,
		.doit		= ndval_nl_link_attach_doit,
		.policy		= ndval_link_attach_nl_policy,
		.maxattr	= NDVAL_A_LINK_FD,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_LINK_DETACH,
		.doit		= ndval_nl_link_detach_doit,
		.policy		= ndval_link_detach_nl_policy,
		.maxattr	= NDVAL_A_LINK_PEER,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_LINK_GET,
		.doit		= ndval_nl_link_get_doit,
		.dumpit		= ndval_nl_link_get_dumpit,
		.policy		= ndval_link_get_nl_policy,
		.maxattr	= NDVAL_A_LINK_PEER,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_STREAM_GET,
		.doit		= ndval_nl_stream_get_doit,
		.dumpit		= ndval_nl_stream_get_dumpit,
		.policy		= ndval_stream_get_nl_policy,
		.maxattr	= NDVAL_A_STREAM_NAME,
	},
	{
		.cmd		= NDVAL_CMD_STREAM_DEL,
		.doit		= ndval_nl_stream_del_doit,
		.policy		= ndval_stream_del_nl_policy,
		.maxattr	= NDVAL_A_STREAM_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_INSTANCE_GET,
		.doit		= ndval_nl_instance_get_doit,
		.dumpit		= ndval_nl_instance_get_dumpit,
		.policy		= ndval_instance_get_nl_policy,
		.maxattr	= NDVAL_A_INSTANCE_INSTANCE,
	},
	{
		.cmd		= NDVAL_CMD_INSTANCE_SET,
		.doit		= ndval_nl_instance_set_doit,
		.policy		= ndval_instance_set_nl_policy,
		.maxattr	= NDVAL_A_INSTANCE_JOURNAL_POSITION,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_VALUES_GET,
		.doit		= ndval_nl_values_get_doit,
		.policy		= ndval_values_get_nl_policy,
		.maxattr	= NDVAL_A_VALUES_JOURNAL,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_DEMOTE,
		.doit		= ndval_nl_demote_doit,
		.policy		= ndval_demote_nl_policy,
		.maxattr	= NDVAL_A_PAIR_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_SWITCHOVER,
		.doit		= ndval_nl_switchover_doit,
		.policy		= ndval_switchover_nl_policy,
		.maxattr	= NDVAL_A_PAIR_PEER,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_OUTDATE,
		.doit		= ndval_nl_outdate_doit,
		.policy		= ndval_outdate_nl_policy,
		.maxattr	= NDVAL_A_PAIR_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
	{
		.cmd		= NDVAL_CMD_PEER_OUTDATE,
		.doit		= ndval_nl_peer_outdate_doit,
		.policy		= ndval_peer_outdate_nl_policy,
		.maxattr	= NDVAL_A_PEER_NAME,
		.flags		= GENL_ADMIN_PERM,
	},
};

static const struct genl_multicast_group ndval_nl_mcgrps[] = {
	[NDVAL_NLGRP_EVENTS] = { "events", },
};

struct genl_family ndval_nl_family __ro_after_init = {
	.name		= NDVAL_FAMILY_NAME,
	.version	= NDVAL_FAMILY_VERSION,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.ops		= ndval_nl_ops,
	.n_ops		= ARRAY_SIZE(ndval_nl_ops),
	.mcgrps		= ndval_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(ndval_nl_mcgrps),
};
