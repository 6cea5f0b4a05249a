// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family "ndval", as seen from a program. See nl.h for
 * the way to use it.
 */
#define _DEFAULT_SOURCE
#include "nl.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NL_BUFFER_SIZE	65536
#define NL_MESSAGE_SIZE	256
#define NL_EVENTS_RCVBUF	0x100000

struct nl {
	struct mnl_socket	*socket;
	struct mnl_socket	*events;	/* NULL until nl_join_events() */
	__u16		family;
	__u32		group;		/* multicast group "events" */
	__u32		seq;
	bool			too_long;	/* the request did not fit */
	char			message[NL_MESSAGE_SIZE];
	struct nlmsghdr		*request;	/* points to request_buffer */
	char			request_buffer[NL_BUFFER_SIZE];
	char			reply_buffer[NL_BUFFER_SIZE];
};

/* Why the last nl_open() failed; there is no struct nl to keep it in. */
static char open_message[NL_MESSAGE_SIZE];

static void set_message(struct nl *nl, const char *text)
{
	snprintf(nl->message, sizeof(nl->message), "%s", text);
}

static void set_message_errno(struct nl *nl, int err)
{
	if (err == -EPERM)
		set_message(nl, "not permitted: this needs CAP_NET_ADMIN, run it as root");
	else
		set_message(nl, strerror(-err));
}

/*
 * The attributes behind an error or the end of a dump: keep the kernel's text.
 * @offset: where they start, from the start of the payload.
 */
static void keep_extack(struct nl *nl, const struct nlmsghdr *nlh, size_t offset, int err)
{
	const struct nlattr *attr;

	set_message_errno(nl, err);
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || offset > mnl_nlmsg_get_payload_len(nlh))
		return;

	mnl_attr_for_each(attr, nlh, offset) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG &&
		    !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			set_message(nl, mnl_attr_get_str(attr));
	}
}

/* Return: 0 or the negative errno that the kernel answered with. */
static int read_error(struct nl *nl, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*answer);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*answer))
		return -EBADMSG;
	if (!answer->error)
		return 0;

	if (!(nlh->nlmsg_flags & NLM_F_CAPPED))
		offset += MNL_ALIGN(mnl_nlmsg_get_payload_len(&answer->msg));
	keep_extack(nl, nlh, offset, answer->error);
	return answer->error;
}

/* Return: 0 or the negative errno that ended the dump. */
static int read_done(struct nl *nl, const struct nlmsghdr *nlh)
{
	const int *err = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*err) || *err >= 0)
		return 0;

	keep_extack(nl, nlh, MNL_ALIGN(sizeof(*err)), *err);
	return *err;
}

/* A socket that gets the kernel's words on a refusal, and strict checks. */
static struct mnl_socket *open_socket(void)
{
	struct mnl_socket *socket;
	int one = 1;

	socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!socket)
		return NULL;

	mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(socket, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int saved = errno;

		mnl_socket_close(socket);
		errno = saved;
		return NULL;
	}
	return socket;
}

static struct nlmsghdr *start_request(struct nl *nl, __u16 type, __u8 cmd,
				      __u8 version, __u16 flags)
{
	struct genlmsghdr *genl;

	nl->too_long = false;
	nl->message[0] = '\0';
	nl->request = mnl_nlmsg_put_header(nl->request_buffer);
	nl->request->nlmsg_type = type;
	nl->request->nlmsg_flags = NLM_F_REQUEST | flags;
	if ((flags & NLM_F_DUMP) != NLM_F_DUMP)
		nl->request->nlmsg_flags |= NLM_F_ACK;
	nl->request->nlmsg_seq = ++nl->seq;

	genl = mnl_nlmsg_put_extra_header(nl->request, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nl->request;
}

/* The family's number and that of its group "events", from the controller. */
static int read_family(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[CTRL_ATTR_MCAST_GROUPS + 1];
	const struct nlattr *group;
	struct nl *nl = data;

	nl_parse(nlh, tb, CTRL_ATTR_MCAST_GROUPS);
	if (tb[CTRL_ATTR_FAMILY_ID])
		nl->family = mnl_attr_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
	if (!tb[CTRL_ATTR_MCAST_GROUPS])
		return MNL_CB_OK;

	mnl_attr_for_each_nested(group, tb[CTRL_ATTR_MCAST_GROUPS]) {
		const struct nlattr *entry[CTRL_ATTR_MCAST_GRP_ID + 1];

		nl_parse_nest(group, entry, CTRL_ATTR_MCAST_GRP_ID);
		if (!strcmp(nl_str(entry[CTRL_ATTR_MCAST_GRP_NAME]), NDVAL_MCGRP_EVENTS))
			nl->group = nl_u32(entry[CTRL_ATTR_MCAST_GRP_ID]);
	}
	return MNL_CB_OK;
}

/**
 * nl_open() - find the family "ndval" and get ready for requests
 *
 * Return: NULL with errno set on failure: ENOENT, the module is not loaded;
 * nl_message(NULL) then says why and what to do.
 */
struct nl *nl_open(void)
{
	struct nl *nl;
	int err;

	nl = calloc(1, sizeof(*nl));
	if (!nl) {
		err = -errno;
		goto fail;
	}
	nl->socket = open_socket();
	if (!nl->socket) {
		err = -errno;
		goto fail;
	}

	start_request(nl, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 0);
	nl_put_str(nl, CTRL_ATTR_FAMILY_NAME, NDVAL_FAMILY_NAME);
	err = nl_call(nl, read_family, nl);
	if (!err && !nl->family)
		err = -ENOENT;
	if (!err)
		return nl;
fail:
	snprintf(open_message, sizeof(open_message), "%s",
		 err == -ENOENT ? "the ndval module is not loaded: modprobe ndval" :
				  strerror(-err));
	nl_close(nl);
	errno = -err;
	return NULL;
}

/**
 * nl_close() - the opposite of nl_open()
 * @nl: may be NULL
 */
void nl_close(struct nl *nl)
{
	if (!nl)
		return;
	if (nl->events)
		mnl_socket_close(nl->events);
	if (nl->socket)
		mnl_socket_close(nl->socket);
	free(nl);
}

/**
 * nl_request() - begin a request
 * @nl: from nl_open()
 * @cmd: NDVAL_CMD_*
 * @flags: 0 or NLM_F_DUMP
 *
 * Return: the message, for mnl_attr_put_*(); the nl_put_*() need only @nl and
 * check the length. It is overwritten by the next nl_request().
 */
struct nlmsghdr *nl_request(struct nl *nl, __u8 cmd, __u16 flags)
{
	return start_request(nl, nl->family, cmd, NDVAL_FAMILY_VERSION, flags);
}

/* What does not fit makes nl_call() fail with EMSGSIZE. */
void nl_put_str(struct nl *nl, __u16 type, const char *value)
{
	if (!mnl_attr_put_strz_check(nl->request, NL_BUFFER_SIZE, type, value))
		nl->too_long = true;
}

void nl_put_u32(struct nl *nl, __u16 type, __u32 value)
{
	if (!mnl_attr_put_u32_check(nl->request, NL_BUFFER_SIZE, type, value))
		nl->too_long = true;
}

void nl_put_u64(struct nl *nl, __u16 type, __u64 value)
{
	if (!mnl_attr_put_u64_check(nl->request, NL_BUFFER_SIZE, type, value))
		nl->too_long = true;
}

void nl_put_flag(struct nl *nl, __u16 type)
{
	if (!mnl_attr_put_check(nl->request, NL_BUFFER_SIZE, type, 0, NULL))
		nl->too_long = true;
}

/* The state of a call while its answers come in. */
struct nl_answer {
	bool	ended;
	bool	interrupted;	/* objects changed during the dump */
	int	err;		/* of the kernel, else of the callback */
};

static void read_answer(struct nl *nl, const struct nlmsghdr *nlh,
			mnl_cb_t cb, void *data, struct nl_answer *answer)
{
	int err = 0;

	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		answer->interrupted = true;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		err = read_error(nl, nlh);
		answer->ended = true;
	} else if (nlh->nlmsg_type == NLMSG_DONE) {
		err = read_done(nl, nlh);
		answer->ended = true;
	} else if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && cb && !answer->err) {
		errno = 0;
		if (cb(nlh, data) == MNL_CB_ERROR)
			err = errno ? -errno : -EBADMSG;
	}
	if (err)
		answer->err = err;
}

/**
 * nl_call() - send the request and handle all that the kernel answers
 * @nl: with a request from nl_request()
 * @cb: called for each reply, may be NULL; MNL_CB_ERROR with errno set makes
 *	the call fail, the remaining replies are then skipped
 * @data: for @cb
 *
 * Return: 0, or a negative errno, and then nl_message() has the kernel's
 * words. EINTR after a dump: objects changed meanwhile, what @cb got may be
 * incomplete, so forget it and ask again.
 */
int nl_call(struct nl *nl, mnl_cb_t cb, void *data)
{
	struct nl_answer answer = { 0 };

	if (nl->too_long) {
		set_message(nl, "the request is too long");
		return -EMSGSIZE;
	}
	if (mnl_socket_sendto(nl->socket, nl->request, nl->request->nlmsg_len) < 0) {
		answer.err = -errno;
		answer.ended = true;
	}

	while (!answer.ended) {
		const struct nlmsghdr *nlh = (const void *)nl->reply_buffer;
		ssize_t received;
		int left;

		received = mnl_socket_recvfrom(nl->socket, nl->reply_buffer, NL_BUFFER_SIZE);
		if (received < 0 && errno == EINTR)
			continue;
		if (received < 0) {
			answer.err = -errno;
			break;
		}
		left = received;
		for (; mnl_nlmsg_ok(nlh, left) && !answer.ended; nlh = mnl_nlmsg_next(nlh, &left)) {
			if (nlh->nlmsg_seq == nl->seq)
				read_answer(nl, nlh, cb, data, &answer);
		}
	}
	if (!answer.err && answer.interrupted)
		answer.err = -EINTR;
	if (answer.err && !nl->message[0])
		set_message_errno(nl, answer.err);
	return answer.err;
}

/**
 * nl_message() - the kernel's words on the last call that failed
 * @nl: NULL for the last nl_open() that failed
 *
 * Return: one line without a newline; valid until the next request.
 */
const char *nl_message(const struct nl *nl)
{
	return nl ? nl->message : open_message;
}

/**
 * nl_join_events() - from now on, keep events for nl_receive_event()
 * @nl: from nl_open()
 *
 * Join before the request whose event is waited for.
 *
 * Return: 0 or a negative errno (EPERM: needs CAP_NET_ADMIN).
 */
int nl_join_events(struct nl *nl)
{
	int size = NL_EVENTS_RCVBUF;
	struct mnl_socket *events;
	int err;

	events = open_socket();
	if (!events) {
		err = -errno;
		set_message_errno(nl, err);
		return err;
	}
	if (setsockopt(mnl_socket_get_fd(events), SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) < 0)
		setsockopt(mnl_socket_get_fd(events), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (mnl_socket_setsockopt(events, NETLINK_ADD_MEMBERSHIP, &nl->group,
				  sizeof(nl->group)) < 0) {
		err = -errno;
		set_message_errno(nl, err);
		mnl_socket_close(events);
		return err;
	}
	nl->events = events;
	return 0;
}

/**
 * nl_fd() - what to poll for events
 * @nl: after nl_join_events()
 *
 * Return: a file descriptor, -1 without nl_join_events().
 */
int nl_fd(const struct nl *nl)
{
	return nl->events ? mnl_socket_get_fd(nl->events) : -1;
}

/**
 * nl_receive_event() - wait for events and handle those of one datagram
 * @nl: after nl_join_events()
 * @cb: called for each event; MNL_CB_STOP leaves the rest of the datagram
 * @data: for @cb
 *
 * Return: 0, or a negative errno: ENOBUFS, events were lost, so get
 * the state anew; EINTR, a signal; EAGAIN, the descriptor is non-blocking
 * and there is none.
 */
int nl_receive_event(struct nl *nl, mnl_cb_t cb, void *data)
{
	ssize_t received;

	received = mnl_socket_recvfrom(nl->events, nl->reply_buffer, NL_BUFFER_SIZE);
	if (received < 0)
		return -errno;

	errno = 0;
	if (mnl_cb_run(nl->reply_buffer, received, 0, 0, cb, data) < 0)
		return errno ? -errno : -EBADMSG;
	return 0;
}

static void keep_attr(const struct nlattr *attr, const struct nlattr **tb, __u16 max)
{
	__u16 type = mnl_attr_get_type(attr);

	if (type <= max)
		tb[type] = attr;
}

/**
 * nl_parse() - sort the attributes of a message into a table
 * @nlh: reply or event
 * @tb: @max + 1 entries; NULL where there is no such attribute
 * @max: highest type of interest; higher ones are left out
 */
void nl_parse(const struct nlmsghdr *nlh, const struct nlattr **tb, __u16 max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		keep_attr(attr, tb, max);
}

/* The same for the attributes inside @nest, which may be NULL. */
void nl_parse_nest(const struct nlattr *nest, const struct nlattr **tb, __u16 max)
{
	const struct nlattr *attr;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	if (!nest)
		return;
	mnl_attr_for_each_nested(attr, nest)
		keep_attr(attr, tb, max);
}

/* Values of attributes; 0 or "" where one is missing or not of that type. */
__u32 nl_u32(const struct nlattr *attr)
{
	if (!attr || mnl_attr_validate(attr, MNL_TYPE_U32) < 0)
		return 0;
	return mnl_attr_get_u32(attr);
}

__u64 nl_u64(const struct nlattr *attr)
{
	if (!attr || mnl_attr_validate(attr, MNL_TYPE_U64) < 0)
		return 0;
	return mnl_attr_get_u64(attr);
}

const char *nl_str(const struct nlattr *attr)
{
	if (!attr || mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
		return "";
	return mnl_attr_get_str(attr);
}
