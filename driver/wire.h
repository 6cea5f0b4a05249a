/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_WIRE_H
#define NDVAL_WIRE_H

#include <linux/types.h>
#include <net/netlink.h>

#include "wire_gen.h"

/* One more than the highest command, and than the highest attribute. */
#define NDVAL_WIRE_CMDS		(NDVAL_WIRE_CMD_MAX + 1)
#define NDVAL_WIRE_ATTRS	(NDVAL_WIRE_A_MAX + 1)

/* Where in VALUES the bytes are: behind the headers of message, value and data. */
#define NDVAL_WIRE_VALUE_AT	(NLMSG_HDRLEN + GENL_HDRLEN + 2 * NLA_HDRLEN)

struct nlmsghdr *ndval_wire_begin(struct sk_buff *skb, u8 cmd);
void ndval_wire_end(struct sk_buff *skb, struct nlmsghdr *header);
int ndval_wire_put_u64(struct sk_buff *skb, int type, u64 value);
int ndval_wire_put_value(struct sk_buff *skb, u64 offset, u16 len);
int ndval_wire_check(const struct nlmsghdr *header);
int ndval_wire_parse(const struct nlmsghdr *header, struct nlattr **attrs,
		     struct netlink_ext_ack *extack);
int ndval_wire_parse_nested(const struct nlattr *nest, struct nlattr **attrs, int max,
			    const struct nla_policy *policy);
u64 ndval_wire_u64(struct nlattr **attrs, int type);

/* A string that the policy has checked, and that has to be there. */
static inline const char *ndval_wire_text(struct nlattr **attrs, int type)
{
	return nla_data(attrs[type]);
}

/* The attribute of a pair setting, by enum ndval_setting. */
static inline int ndval_wire_setting(unsigned int which)
{
	return NDVAL_WIRE_A_SETTINGS_BIND + which;
}

#endif /* NDVAL_WIRE_H */
