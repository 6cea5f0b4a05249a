/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ndval.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_NDVAL_GEN_H
#define _LINUX_NDVAL_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <linux/ndval_netlink.h>

int ndval_nl_member_new_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_member_del_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_member_get_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_member_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int ndval_nl_pair_new_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_pair_del_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_pair_set_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_pair_get_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_pair_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int ndval_nl_promote_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_resync_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_peer_add_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int ndval_nl_link_attach_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_link_detach_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_link_get_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_link_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int ndval_nl_stream_get_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_stream_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int ndval_nl_stream_del_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_instance_get_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_instance_get_dumpit(struct sk_buff *skb,
				 struct netlink_callback *cb);
int ndval_nl_instance_set_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_values_get_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_demote_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_switchover_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_outdate_doit(struct sk_buff *skb, struct genl_info *info);
int ndval_nl_peer_outdate_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	NDVAL_NLGRP_EVENTS,
};

extern struct genl_family ndval_nl_family;

#endif /* _LINUX_NDVAL_GEN_H */
