/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_NETLINK_H
#define NDVAL_NETLINK_H

#include "netlink_gen.h"

struct genl_info;
struct ndval_pair;
struct ndval_stream;
struct netlink_callback;
struct sk_buff;

/* Puts the attributes of an object; the object is what the caller says. */
typedef int (*ndval_nl_fill_t)(struct sk_buff *skb, void *object);

int ndval_netlink_init(void);
void ndval_netlink_exit(void);

const char *ndval_nl_string(struct genl_info *info, int type);
const char *ndval_nl_need_string(struct genl_info *info, int type, const char *what);
struct ndval_pair *ndval_nl_pair(struct genl_info *info, int type);
int ndval_nl_explain(struct genl_info *info, int err);
int ndval_nl_put_u64(struct sk_buff *skb, int type, u64 value, int pad);
int ndval_nl_reply(struct genl_info *info, ndval_nl_fill_t fill, void *object);
struct sk_buff *ndval_nl_answer_begin(struct genl_info *info);
int ndval_nl_answer(struct genl_info *info, struct sk_buff *skb, int err, int type,
		    u32 value);
int ndval_nl_dump_check(struct netlink_callback *cb);
int ndval_nl_dump_one(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		      ndval_nl_fill_t fill, void *object);

#endif /* NDVAL_NETLINK_H */
