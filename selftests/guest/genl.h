/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Requests to the family "ndval", for tests that need more than ndvalctl, or
 * need it faster. Wants libs="-lmnl".
 */
#ifndef NDVAL_TEST_GENL_H
#define NDVAL_TEST_GENL_H

#include <errno.h>
#include <stdint.h>
#include <stdio.h>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/ndval_netlink.h>

#include "common.h"

/**
 * struct genl - a socket for requests
 * @nl: the socket
 * @family: number of the family
 * @seq: of the last request
 * @why: what the kernel said to the last request that it refused
 */
struct genl {
	struct mnl_socket *nl;
	uint16_t family;
	uint32_t seq;
	char why[256];
};

static UNUSED struct nlmsghdr *genl_message(char *buffer, int type, int cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

/* The kernel's sentence about a refusal, if there is one. */
static UNUSED void genl_keep_why(struct genl *genl, const struct nlmsghdr *reply)
{
	const struct nlmsgerr *err = mnl_nlmsg_get_payload(reply);
	size_t skip = sizeof(*err);
	const struct nlattr *attr;

	if (!(reply->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(reply->nlmsg_flags & NLM_F_CAPPED))
		skip += err->msg.nlmsg_len - sizeof(struct nlmsghdr);
	mnl_attr_for_each(attr, reply, skip)
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			snprintf(genl->why, sizeof(genl->why), "%s", mnl_attr_get_str(attr));
}

/* Sends a request and waits for its end; returns 0 or an errno. */
static UNUSED int genl_ask(struct genl *genl, struct nlmsghdr *nlh)
{
	char answer[8192];
	int lost = EIO;
	ssize_t len;

	genl->why[0] = '\0';
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++genl->seq;
	if (mnl_socket_sendto(genl->nl, nlh, nlh->nlmsg_len) < 0)
		return errno;
	while ((len = mnl_socket_recvfrom(genl->nl, answer, sizeof(answer))) > 0) {
		const struct nlmsghdr *reply = (struct nlmsghdr *)answer;
		int left = len;

		for (; mnl_nlmsg_ok(reply, left); reply = mnl_nlmsg_next(reply, &left)) {
			const struct nlmsgerr *err = mnl_nlmsg_get_payload(reply);
			const struct nlattr *attr;

			if (reply->nlmsg_type == NLMSG_ERROR) {
				if (err->error)
					genl_keep_why(genl, reply);
				return -err->error;
			}
			if (reply->nlmsg_type != GENL_ID_CTRL)
				continue;
			mnl_attr_for_each(attr, reply, sizeof(struct genlmsghdr))
				if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID)
					genl->family = mnl_attr_get_u16(attr);
		}
	}
	return lost;
}

static UNUSED bool genl_open(struct genl *genl)
{
	char buffer[512];
	struct nlmsghdr *nlh = genl_message(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	int on = 1;

	*genl = (struct genl){ .nl = mnl_socket_open(NETLINK_GENERIC) };
	if (!genl->nl || mnl_socket_bind(genl->nl, 0, MNL_SOCKET_AUTOPID))
		return false;
	mnl_socket_setsockopt(genl->nl, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NDVAL_FAMILY_NAME);
	return !genl_ask(genl, nlh) && genl->family;
}

static UNUSED void genl_close(struct genl *genl)
{
	mnl_socket_close(genl->nl);
}

/* A request about a pair; attributes may be added before it is sent. */
static UNUSED struct nlmsghdr *genl_pair(struct genl *genl, char *buffer, int cmd,
					 const char *pair)
{
	struct nlmsghdr *nlh = genl_message(buffer, genl->family, cmd);

	mnl_attr_put_strz(nlh, NDVAL_A_PAIR_NAME, pair);
	return nlh;
}

#endif /* NDVAL_TEST_GENL_H */
