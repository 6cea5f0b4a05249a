/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * nl: the boundary between ndval's programs and the kernel's generic netlink
 * family "ndval". A program fills a request, calls, and gets replies in a
 * callback:
 *
 *	nl = nl_open();
 *	nl_request(nl, NDVAL_CMD_PAIR_GET, 0);
 *	nl_put_str(nl, NDVAL_A_PAIR_NAME, "web");
 *	err = nl_call(nl, show_pair, NULL);
 *	if (err)
 *		errx(1, "%s", nl_message(nl));
 *
 * Requests and events use two sockets, so that events which wait to be read
 * never get between a request and its reply.
 */
#ifndef NDVAL_NL_H
#define NDVAL_NL_H

#include <libmnl/libmnl.h>
#include <linux/ndval_netlink.h>
#include <linux/types.h>
#include <stdbool.h>

struct nl;

struct nl *nl_open(void);
void nl_close(struct nl *nl);

struct nlmsghdr *nl_request(struct nl *nl, __u8 cmd, __u16 flags);
void nl_put_str(struct nl *nl, __u16 type, const char *value);
void nl_put_u32(struct nl *nl, __u16 type, __u32 value);
void nl_put_u64(struct nl *nl, __u16 type, __u64 value);
void nl_put_flag(struct nl *nl, __u16 type);
int nl_call(struct nl *nl, mnl_cb_t cb, void *data);
const char *nl_message(const struct nl *nl);

int nl_join_events(struct nl *nl);
int nl_fd(const struct nl *nl);
int nl_receive_event(struct nl *nl, mnl_cb_t cb, void *data);

void nl_parse(const struct nlmsghdr *nlh, const struct nlattr **tb, __u16 max);
void nl_parse_nest(const struct nlattr *nest, const struct nlattr **tb, __u16 max);
__u32 nl_u32(const struct nlattr *attr);
__u64 nl_u64(const struct nlattr *attr);
const char *nl_str(const struct nlattr *attr);

#endif /* NDVAL_NL_H */
