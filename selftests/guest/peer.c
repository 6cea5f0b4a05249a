// SPDX-License-Identifier: GPL-2.0-only
/*
 * A member that is not a kernel; peer.h tells how tests use it.
 *
 * vm: helper=yes
 */
#include "peer.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

/* A step of the test's own that fails makes the rest meaningless. */
#define must(condition)							\
	do {								\
		if (!(condition)) {					\
			printf("# %s:%d: %s\n", __FILE__, __LINE__,	\
			       #condition);				\
			fflush(stdout);					\
			abort();					\
		}							\
	} while (0)

static long long now_ms(void)
{
	return seconds() * 1000;
}

/* Waits until a file is ready, whatever signals come; false after @ms. */
bool file_is_ready(int fd, short events, long long ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	long long end = now_ms() + ms;
	int ready;

	while ((ready = poll(&p, 1, ms > 0 ? ms : 0)) < 0 && errno == EINTR)
		ms = end - now_ms();
	return ready == 1;
}

/* The kernel's side */

struct leftover {
	__u16	type;		/* of the attribute that names it */
	bool	found;
	char	name[64];
	__u32	number;
};

/* Keeps one that can be removed: not the default pair, not the host's member. */
static int take_leftover(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PAIR_MAX + 1];
	struct leftover *leftover = data;
	const struct nlattr *attr;

	nl_parse(nlh, tb, NDVAL_A_PAIR_MAX);
	attr = tb[leftover->type];
	if (!attr || !strcmp(nl_str(attr), "default") ||
	    (leftover->type == NDVAL_A_MEMBER_NAME && tb[NDVAL_A_MEMBER_HOST] &&
	     !mnl_attr_get_payload_len(tb[NDVAL_A_MEMBER_HOST])))
		return MNL_CB_OK;
	leftover->found = true;
	leftover->number = nl_u32(attr);
	snprintf(leftover->name, sizeof(leftover->name), "%s", nl_str(attr));
	return MNL_CB_OK;
}

static bool has_leftover(struct host *host, __u8 cmd, struct leftover *leftover)
{
	leftover->found = false;
	nl_request(host->nl, cmd, NLM_F_DUMP);
	nl_call(host->nl, take_leftover, leftover);
	return leftover->found;
}

/* Removes what a test that was cut short has left. */
static void clean(struct host *host)
{
	struct leftover pair = { .type = NDVAL_A_PAIR_NAME };
	struct leftover link = { .type = NDVAL_A_LINK_ID };
	struct leftover member = { .type = NDVAL_A_MEMBER_NAME };

	while (has_leftover(host, NDVAL_CMD_PAIR_GET, &pair))
		host_pair_del(host, pair.name);
	while (has_leftover(host, NDVAL_CMD_LINK_GET, &link)) {
		nl_request(host->nl, NDVAL_CMD_LINK_DETACH, 0);
		nl_put_u32(host->nl, NDVAL_A_LINK_ID, link.number);
		nl_call(host->nl, NULL, NULL);
	}
	while (has_leftover(host, NDVAL_CMD_MEMBER_GET, &member))
		must(host_member_del(host, member.name));
}

/**
 * host_open() - get ready for commands and events
 * @host: set
 *
 * Return: false if the module is not there.
 */
bool host_open(struct host *host)
{
	memset(host, 0, sizeof(*host));
	host->nl = nl_open();
	if (!host->nl)
		return false;
	clean(host);
	return !nl_join_events(host->nl);
}

void host_close(struct host *host)
{
	nl_close(host->nl);
	host->nl = NULL;
}

/* A command with a name as its only attribute; NULL for none. */
int host_call(struct host *host, __u8 cmd, __u16 type, const char *name)
{
	nl_request(host->nl, cmd, 0);
	if (name)
		nl_put_str(host->nl, type, name);
	return nl_call(host->nl, NULL, NULL);
}

struct number {
	__u16	type;
	bool	wide;
	__u64	value;
};

static int take_number(const struct nlmsghdr *nlh, void *data)
{
	struct number *number = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) != number->type)
			continue;
		switch (mnl_attr_get_payload_len(attr)) {
		case 0:		/* a flag */
			number->value = 1;
			break;
		case 8:
			number->value = mnl_attr_get_u64(attr);
			break;
		default:
			number->value = mnl_attr_get_u32(attr);
		}
	}
	return MNL_CB_OK;
}

/* Return: 0 and the link's number in @id, or a negative errno. */
int host_attach(struct host *host, const char *member, const char *peer, int fd,
		__u32 *id)
{
	struct number number = { .type = NDVAL_A_LINK_ID };
	int err;

	nl_request(host->nl, NDVAL_CMD_LINK_ATTACH, 0);
	if (member)
		nl_put_str(host->nl, NDVAL_A_LINK_MEMBER, member);
	if (peer)
		nl_put_str(host->nl, NDVAL_A_LINK_PEER, peer);
	nl_put_u32(host->nl, NDVAL_A_LINK_FD, fd);
	err = nl_call(host->nl, take_number, &number);
	if (!err && id)
		*id = number.value;
	return err;
}

/* A pair; without @peer it is a primary of its own. */
int host_pair(struct host *host, const char *name, const char *group,
	      const char *member, const char *peer)
{
	nl_request(host->nl, NDVAL_CMD_PAIR_NEW, 0);
	nl_put_str(host->nl, NDVAL_A_PAIR_NAME, name);
	if (group)
		nl_put_str(host->nl, NDVAL_A_PAIR_GROUP, group);
	if (member)
		nl_put_str(host->nl, NDVAL_A_PAIR_MEMBER, member);
	if (peer)
		nl_put_str(host->nl, NDVAL_A_PAIR_PEER, peer);
	return nl_call(host->nl, NULL, NULL);
}

int host_set(struct host *host, const char *pair, __u16 type, __u64 value)
{
	nl_request(host->nl, NDVAL_CMD_PAIR_SET, 0);
	nl_put_str(host->nl, NDVAL_A_PAIR_NAME, pair);
	if (type == NDVAL_A_PAIR_MEMORY_MAX)
		nl_put_u64(host->nl, type, value);
	else
		nl_put_u32(host->nl, type, value);
	return nl_call(host->nl, NULL, NULL);
}

int host_promote(struct host *host, const char *pair)
{
	nl_request(host->nl, NDVAL_CMD_PROMOTE, 0);
	nl_put_str(host->nl, NDVAL_A_PAIR_NAME, pair);
	nl_put_flag(host->nl, NDVAL_A_PAIR_NEW);
	return nl_call(host->nl, NULL, NULL);
}

/* Makes a secondary take over. The answer may come before the end, an event. */
int host_take_over(struct host *host, const char *pair)
{
	nl_request(host->nl, NDVAL_CMD_PROMOTE, 0);
	nl_put_str(host->nl, NDVAL_A_PAIR_NAME, pair);
	return nl_call(host->nl, NULL, NULL);
}

int host_add_peer(struct host *host, const char *pair, const char *peer)
{
	nl_request(host->nl, NDVAL_CMD_PEER_ADD, 0);
	nl_put_str(host->nl, NDVAL_A_PEER_PAIR, pair);
	nl_put_str(host->nl, NDVAL_A_PEER_NAME, peer);
	return nl_call(host->nl, NULL, NULL);
}

struct operation {
	struct number	id;
	bool		done;
};

static int take_done(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	struct operation *operation = data;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	if (nl_u32(tb[NDVAL_A_EVENT_OPERATION]) == operation->id.value)
		operation->done = true;
	return MNL_CB_OK;
}

/*
 * Removes a pair, if it is there, and waits until its name can be used again.
 * The event is awaited on a socket of its own, so that it is not missed and
 * the test misses none.
 */
void host_pair_del(struct host *host UNUSED, const char *pair)
{
	struct operation operation = { .id.type = NDVAL_A_PAIR_OPERATION };
	struct nl *nl = nl_open();

	must(nl && !nl_join_events(nl));
	nl_request(nl, NDVAL_CMD_PAIR_DEL, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, pair);
	if (nl_call(nl, take_number, &operation.id))
		operation.done = true;
	while (!operation.done) {
		must(file_is_ready(nl_fd(nl), POLLIN, PATIENCE_MS));
		must(!nl_receive_event(nl, take_done, &operation));
	}
	nl_close(nl);
}

/*
 * Removes a member as soon as its links have ended, which their peers must
 * have closed; false if something holds it for good.
 */
bool host_member_del(struct host *host, const char *name)
{
	return wait_until(host_call(host, NDVAL_CMD_MEMBER_DEL, NDVAL_A_MEMBER_NAME,
				    name) != -EBUSY, PATIENCE_MS / 1000) &&
	       host_call(host, NDVAL_CMD_MEMBER_DEL, NDVAL_A_MEMBER_NAME, name) == -ENOENT;
}

/* A number of a pair; all ones if it can't be had. */
__u64 host_pair_get(struct host *host, const char *pair, __u16 type)
{
	struct number number = { .type = type, .value = ~0ULL };

	nl_request(host->nl, NDVAL_CMD_PAIR_GET, 0);
	nl_put_str(host->nl, NDVAL_A_PAIR_NAME, pair);
	nl_call(host->nl, take_number, &number);
	return number.value;
}

static int take_peer(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr **tb = data;

	nl_parse(nlh, tb, NDVAL_A_PEER_MAX);
	return MNL_CB_OK;
}

/* What a pair says of a peer; all ones if it can't be had. @reason may be NULL. */
__u32 host_peer_state(struct host *host, const char *pair, const char *peer,
		      char *reason)
{
	const struct nlattr *tb[NDVAL_A_PEER_MAX + 1] = { 0 };

	nl_request(host->nl, NDVAL_CMD_PEER_GET, 0);
	nl_put_str(host->nl, NDVAL_A_PEER_PAIR, pair);
	nl_put_str(host->nl, NDVAL_A_PEER_NAME, peer);
	if (nl_call(host->nl, take_peer, tb) || !tb[NDVAL_A_PEER_STATE])
		return ~0U;
	if (reason)
		snprintf(reason, REASON_SIZE, "%s", nl_str(tb[NDVAL_A_PEER_REASON]));
	return nl_u32(tb[NDVAL_A_PEER_STATE]);
}

/* Waits for a peer's state. */
bool host_peer_is(struct host *host, const char *pair, const char *peer, __u32 state)
{
	return wait_until(host_peer_state(host, pair, peer, NULL) == state,
			  PATIENCE_MS / 1000);
}

__u64 host_stream_get(struct host *host, const char *pair, const char *stream,
		      __u16 type)
{
	struct number number = { .type = type, .value = ~0ULL };

	nl_request(host->nl, NDVAL_CMD_STREAM_GET, 0);
	nl_put_str(host->nl, NDVAL_A_STREAM_PAIR, pair);
	nl_put_str(host->nl, NDVAL_A_STREAM_NAME, stream);
	nl_call(host->nl, take_number, &number);
	return number.value;
}

struct wanted {
	struct host	*host;
	__u32		link;
	char		*reason;
	bool		found;
};

/* Keeps an eye on the numbers of events, whatever is waited for. */
static int take_event(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	struct wanted *wanted = data;
	struct host *host = wanted->host;
	__u64 seq;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	seq = nl_u64(tb[NDVAL_A_EVENT_SEQ]);
	if (host->seq && seq != host->seq + 1)
		host->gap = true;
	host->seq = seq;
	if (!wanted->link || nl_u32(tb[NDVAL_A_EVENT_KIND]) != NDVAL_EVENT_KIND_LINK_DOWN ||
	    nl_u32(tb[NDVAL_A_EVENT_LINK]) != wanted->link)
		return MNL_CB_OK;
	wanted->found = true;
	snprintf(wanted->reason, REASON_SIZE, "%s", nl_str(tb[NDVAL_A_EVENT_REASON]));
	return MNL_CB_OK;
}

static bool next_events(struct wanted *wanted, int ms)
{
	struct nl *nl = wanted->host->nl;
	int err;

	if (!file_is_ready(nl_fd(nl), POLLIN, ms))
		return false;
	err = nl_receive_event(nl, take_event, wanted);
	if (err == -ENOBUFS)
		wanted->host->overrun = true;
	return true;
}

/* Waits for the event that says why a link ended. */
bool host_link_down(struct host *host, __u32 link, char *reason)
{
	struct wanted wanted = { host, link, reason, false };
	long long end = now_ms() + PATIENCE_MS;

	reason[0] = '\0';
	while (!wanted.found && now_ms() < end)
		next_events(&wanted, end - now_ms());
	return wanted.found;
}

/* Takes what events there are, so that the next ones are news. */
void host_skip_events(struct host *host)
{
	struct wanted wanted = { .host = host };

	while (next_events(&wanted, 0))
		;
}

/* A number of a link; all ones if it can't be had. */
__u64 host_link_get(struct host *host, __u32 link, __u16 type)
{
	struct number number = { .type = type, .value = ~0ULL };

	nl_request(host->nl, NDVAL_CMD_LINK_GET, 0);
	nl_put_u32(host->nl, NDVAL_A_LINK_ID, link);
	nl_call(host->nl, take_number, &number);
	return number.value;
}

/* Is the link still there, and not on its way out? */
bool host_link_lives(struct host *host, __u32 link)
{
	return host_link_get(host, link, NDVAL_A_LINK_STATE) <= NDVAL_LINK_STATE_UP;
}

/* Did the last call fail with this errno, and with words of the kernel's own? */
bool host_refused_well(struct host *host, int err)
{
	const char *text = nl_message(host->nl);

	return *text && strcmp(text, strerror(-err));
}

/* A link */

/* Has the kernel take one end of a connected socket, and drops that end. */
bool peer_attach(struct host *host, struct peer *peer, const char *to,
		 const char *name, int kernel_end, int our_end)
{
	__u64 id = peer->id, serial = peer->serial;

	memset(peer, 0, sizeof(*peer));
	peer->fd = our_end;
	peer->to = to;
	peer->name = name;
	/* Higher than the kernel's id, most likely: then its serial counts. */
	peer->id = id ?: 0xfffffffffff00000ULL;
	peer->serial = serial + 1;
	if (host_attach(host, to, name, kernel_end, &peer->link)) {
		printf("# attach: %s\n", nl_message(host->nl));
		close(kernel_end);
		close(our_end);
		peer->fd = -1;
		return false;
	}
	close(kernel_end);
	return true;
}

bool peer_connect(struct host *host, struct peer *peer, const char *to,
		  const char *name)
{
	int ends[2];

	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	return peer_attach(host, peer, to, name, ends[0], ends[1]);
}

/* HELLO both ways. */
bool peer_greet(struct peer *peer)
{
	struct said *said = malloc(sizeof(*said));
	struct wire *wire = malloc(sizeof(*wire));
	bool greeted;

	must(said && wire);
	wire_hello(wire, peer);
	greeted = peer_send(peer, wire) && peer_expect(peer, NDVAL_WIRE_CMD_HELLO, said);
	free(wire);
	free(said);
	return greeted;
}

void peer_close(struct peer *peer)
{
	if (peer->fd >= 0)
		close(peer->fd);
	peer->fd = -1;
}

/* Bytes, whatever they are; false if the other end has gone or does not read. */
bool peer_write(struct peer *peer, const void *data, size_t len)
{
	const char *at = data;
	long long end = now_ms() + PATIENCE_MS;

	while (len) {
		ssize_t sent = send(peer->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN)
			return false;
		if (sent > 0) {
			at += sent;
			len -= sent;
		} else if (!file_is_ready(peer->fd, POLLOUT, end - now_ms())) {
			return false;
		}
	}
	return true;
}

bool peer_send(struct peer *peer, const struct wire *wire)
{
	return peer_write(peer, wire->buf, wire->nlh->nlmsg_len);
}

static bool has_message(const struct peer *peer)
{
	const struct nlmsghdr *nlh = (const void *)peer->in;

	return peer->filled >= sizeof(*nlh) && peer->filled >= nlh->nlmsg_len;
}

/* The kernel's pair object, as its last PAIR to any fake said. */
static __u64 heard_id;

/* Attributes follow one another to the end, and nothing but zeroes is between them. */
static void check_attrs(const char *from, const char *end)
{
	while (from < end) {
		const struct nlattr *attr = (const void *)from;
		const char *rest = from + attr->nla_len;

		must(attr->nla_len >= MNL_ATTR_HDRLEN && rest <= end);
		if (attr->nla_type & NLA_F_NESTED)
			check_attrs(from + MNL_ATTR_HDRLEN, rest);
		for (from += MNL_ALIGN(attr->nla_len); rest < from; rest++)
			must(rest < end && !*rest);
	}
}

/* A value is no longer than it may be. */
static void check_values(const struct said *said)
{
	size_t len;

	must(said_value(said, &len));
	must(len <= (said->tb[NDVAL_WIRE_A_JOURNAL] ? NDVAL_WIRE_RECORDS_MAX :
						      NDVAL_WIRE_VALUES_MAX));
}

/* What every message of a kernel must be. */
static void check_form(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	must(nlh->nlmsg_type == NDVAL_WIRE_MESSAGE_TYPE);
	must(!nlh->nlmsg_flags);
	must(nlh->nlmsg_len >= MNL_NLMSG_HDRLEN + sizeof(*genl));
	must(nlh->nlmsg_len <= NDVAL_WIRE_MESSAGE_MAX && !(nlh->nlmsg_len % 4));
	must(genl->version == NDVAL_WIRE_VERSION && !genl->reserved);
	must(genl->cmd >= 1 && genl->cmd <= NDVAL_WIRE_CMD_MAX);
	check_attrs((const char *)(genl + 1), (const char *)nlh + nlh->nlmsg_len);
}

static void take_message(struct peer *peer, struct said *said)
{
	struct nlmsghdr *nlh = (void *)said->buf;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	size_t len = ((const struct nlmsghdr *)peer->in)->nlmsg_len;

	memcpy(said->buf, peer->in, len);
	memmove(peer->in, peer->in + len, peer->filled - len);
	peer->filled -= len;
	check_form(nlh);
	said->cmd = genl->cmd;
	nl_parse(nlh, said->tb, NDVAL_WIRE_A_MAX);
	if (said->cmd == NDVAL_WIRE_CMD_VALUES)
		check_values(said);
	if (said->cmd == NDVAL_WIRE_CMD_PAIR && said->tb[NDVAL_WIRE_A_PAIR_ID])
		heard_id = said_u64(said, NDVAL_WIRE_A_PAIR_ID);
}

static void answer_ping(struct peer *peer, const struct said *said)
{
	struct wire *wire = malloc(sizeof(*wire));

	must(wire);
	wire_time(wire, NDVAL_WIRE_CMD_PONG, said_u64(said, NDVAL_WIRE_A_TIME));
	peer_send(peer, wire);
	free(wire);
}

/* Reads until a message is whole. Return: 1, 0 at the end, -1 after @end. */
static int fill_in(struct peer *peer, long long end)
{
	while (!has_message(peer)) {
		ssize_t got;

		if (!file_is_ready(peer->fd, POLLIN, end - now_ms()))
			return -1;
		got = recv(peer->fd, peer->in + peer->filled,
			   sizeof(peer->in) - peer->filled, MSG_DONTWAIT);
		if (got <= 0)
			return 0;
		peer->filled += got;
	}
	return 1;
}

/**
 * peer_receive() - the next message, PING excepted
 * @peer: the peer
 * @said: filled in
 * @ms: how long to wait for it
 *
 * PING is answered unless the peer is mute.
 *
 * Return: its command; 0 if the kernel has closed, -1 if nothing came.
 */
int peer_receive(struct peer *peer, struct said *said, int ms)
{
	long long end = now_ms() + ms;
	int got;

	for (;;) {
		got = fill_in(peer, end);
		if (got <= 0)
			return got;
		take_message(peer, said);
		if (said->cmd != NDVAL_WIRE_CMD_PING)
			return said->cmd;
		if (!peer->mute)
			answer_ping(peer, said);
	}
}

/* Skips messages until one with this command has come. */
bool peer_expect(struct peer *peer, int cmd, struct said *said)
{
	int got;

	do {
		got = peer_receive(peer, said, PATIENCE_MS);
	} while (got > 0 && got != cmd);
	return got == cmd;
}

/* Reads until the kernel has closed. */
bool peer_expect_eof(struct peer *peer)
{
	struct said *said = malloc(sizeof(*said));
	int got;

	must(said);
	do {
		got = peer_receive(peer, said, PATIENCE_MS);
	} while (got > 0);
	free(said);
	return !got;
}

/* Does the kernel answer on this link? All that was sent before is processed then. */
bool peer_is_served(struct peer *peer)
{
	static __u64 time = 0x5eed;
	struct wire *wire = malloc(sizeof(*wire));
	struct said *said = malloc(sizeof(*said));
	bool served = false;

	must(wire && said);
	wire_time(wire, NDVAL_WIRE_CMD_PING, ++time);
	if (peer_send(peer, wire)) {
		do {
			served = peer_expect(peer, NDVAL_WIRE_CMD_PONG, said);
		} while (served && said_u64(said, NDVAL_WIRE_A_TIME) != time);
	}
	free(wire);
	free(said);
	return served;
}

__u64 said_u64(const struct said *said, int type)
{
	return nl_u64(said->tb[type]);
}

__u32 said_u32(const struct said *said, int type)
{
	return nl_u32(said->tb[type]);
}

const char *said_text(const struct said *said, int type)
{
	return nl_str(said->tb[type]);
}

__u64 said_value_offset(const struct said *said)
{
	const struct nlattr *tb[NDVAL_WIRE_A_VALUE_MAX + 1];

	nl_parse_nest(said->tb[NDVAL_WIRE_A_VALUE], tb, NDVAL_WIRE_A_VALUE_MAX);
	return nl_u64(tb[NDVAL_WIRE_A_VALUE_OFFSET]);
}

const void *said_value(const struct said *said, size_t *len)
{
	const struct nlattr *tb[NDVAL_WIRE_A_VALUE_MAX + 1];
	const struct nlattr *data;

	nl_parse_nest(said->tb[NDVAL_WIRE_A_VALUE], tb, NDVAL_WIRE_A_VALUE_MAX);
	data = tb[NDVAL_WIRE_A_VALUE_DATA];
	*len = data ? mnl_attr_get_payload_len(data) : 0;
	return data ? mnl_attr_get_payload(data) : NULL;
}

/* Messages */

void wire_begin(struct wire *wire, int cmd)
{
	struct genlmsghdr *genl;

	memset(wire->buf, 0, MNL_NLMSG_HDRLEN + sizeof(*genl));
	wire->nlh = mnl_nlmsg_put_header(wire->buf);
	wire->nlh->nlmsg_type = NDVAL_WIRE_MESSAGE_TYPE;
	genl = mnl_nlmsg_put_extra_header(wire->nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = NDVAL_WIRE_VERSION;
}

static void put_flag(struct wire *wire, int type, bool set)
{
	if (set)
		mnl_attr_put(wire->nlh, type, 0, NULL);
}

void wire_hello(struct wire *wire, const struct peer *peer)
{
	struct nlmsghdr *nlh;

	wire_begin(wire, NDVAL_WIRE_CMD_HELLO);
	nlh = wire->nlh;
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_VERSION, NDVAL_WIRE_VERSION);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_FEATURES, 0);
	mnl_attr_put_strz(nlh, NDVAL_WIRE_A_MEMBER, peer->name);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_MEMBER_ID, peer->id);
	mnl_attr_put_strz(nlh, NDVAL_WIRE_A_TO, peer->to);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_SERIAL, peer->serial);
	mnl_attr_put_strz(nlh, NDVAL_WIRE_A_SOFTWARE, "fake");
}

static void put_side(struct nlmsghdr *nlh, const struct side *side)
{
	mnl_attr_put_strz(nlh, NDVAL_WIRE_A_PAIR, side->pair);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_INCARNATION, side->incarnation);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_EPOCH_ID, side->epoch_id);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_PAIR_ID, side->pair_id);
}

/* All epochs, the current one last, if there is one. */
static void put_history(struct nlmsghdr *nlh, const struct side *side)
{
	struct epoch history[EPOCHS + 1];
	unsigned int n = 0;

	if (side->epoch_id) {
		memcpy(history, side->past, sizeof(side->past));
		n = side->npast;
		history[n++] = (struct epoch){ side->epoch, side->epoch_id };
	}
	mnl_attr_put(nlh, NDVAL_WIRE_A_HISTORY, n * sizeof(*history), history);
}

void wire_pair(struct wire *wire, const struct side *side)
{
	struct nlattr *nest;
	struct nlmsghdr *nlh;

	wire_begin(wire, NDVAL_WIRE_CMD_PAIR);
	nlh = wire->nlh;
	if (side->gone) {
		mnl_attr_put_strz(nlh, NDVAL_WIRE_A_PAIR, side->pair);
		put_flag(wire, NDVAL_WIRE_A_GONE, true);
		if (side->removed) {
			mnl_attr_put_u64(nlh, NDVAL_WIRE_A_INCARNATION, side->incarnation);
			mnl_attr_put_u32(nlh, NDVAL_WIRE_A_ROLE, side->role);
		}
		return;
	}
	put_side(nlh, side);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_EPOCH, side->epoch);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_ROLE, side->role);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_SEEN_ID, side->seen_id);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_MAX_STREAMS, side->max_streams);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_RING_SIZE, side->ring_size);
	nest = mnl_attr_nest_start(nlh, NDVAL_WIRE_A_SETTINGS);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_SETTINGS_SERIAL, side->serial);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_SETTINGS_BIND, side->bind);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_SETTINGS_COMMIT, side->commit);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_SETTINGS_ON_PEER_LOSS, side->on_peer_loss);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_SETTINGS_ON_DIVERGENCE, side->on_divergence);
	mnl_attr_nest_end(nlh, nest);
	put_flag(wire, NDVAL_WIRE_A_DIVERGED, side->diverged);
	put_flag(wire, NDVAL_WIRE_A_IN_SYNC, side->in_sync);
	put_flag(wire, NDVAL_WIRE_A_BEHIND, side->behind);
	put_history(nlh, side);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_FOR_ID, side->for_id ? side->for_id : heard_id);
}

void wire_fetch(struct wire *wire, const struct side *side, const struct fetch *fetch)
{
	struct nlmsghdr *nlh;

	wire_begin(wire, NDVAL_WIRE_CMD_FETCH);
	nlh = wire->nlh;
	put_side(nlh, side);
	put_flag(wire, NDVAL_WIRE_A_TAKEOVER, fetch->takeover);
	if (!fetch->stream) {
		put_flag(wire, NDVAL_WIRE_A_END, true);
		return;
	}
	mnl_attr_put_strz(nlh, NDVAL_WIRE_A_STREAM, fetch->stream);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_STREAM_ID, fetch->id);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_HAVE, fetch->have);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_WANT, fetch->want);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_DEMAND, fetch->demand);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_NEED, fetch->need);
	put_flag(wire, NDVAL_WIRE_A_AGAIN, fetch->again);
	put_flag(wire, NDVAL_WIRE_A_JOURNAL, fetch->journal);
}

void wire_values(struct wire *wire, const struct side *side, const struct values *values)
{
	__u64 limit = values->limit ?: values->offset + values->len;
	struct nlattr *nest, *data;
	struct nlmsghdr *nlh;
	char *filler;

	if (values->held)
		limit = 0;
	wire_begin(wire, NDVAL_WIRE_CMD_VALUES);
	nlh = wire->nlh;
	put_side(nlh, side);
	mnl_attr_put_strz(nlh, NDVAL_WIRE_A_STREAM, values->stream);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_STREAM_ID, values->id);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_COMMITTED, values->committed);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_TAIL, values->tail);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_NEED, values->need);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_LIMIT, limit);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_DROPS, values->drops);
	if (values->starts)
		mnl_attr_put(nlh, NDVAL_WIRE_A_STARTS, EPOCHS * sizeof(*values->starts),
			     values->starts);
	nest = mnl_attr_nest_start(nlh, NDVAL_WIRE_A_VALUE);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_VALUE_OFFSET, values->offset);
	filler = calloc(1, values->len + 1);
	must(filler);
	data = mnl_nlmsg_get_payload_tail(nlh);
	mnl_attr_put(nlh, NDVAL_WIRE_A_VALUE_DATA, values->len, filler);
	free(filler);
	if (values->data)
		memcpy(mnl_attr_get_payload(data), values->data, values->len);
	else
		pattern_fill(mnl_attr_get_payload(data), values->offset, values->len);
	mnl_attr_nest_end(nlh, nest);
	put_flag(wire, NDVAL_WIRE_A_JOURNAL, values->journal);
	put_flag(wire, NDVAL_WIRE_A_AGAIN, values->again);
}

void wire_propose(struct wire *wire, const struct side *side, const char *stream, __u64 id,
		  const struct record *record)
{
	wire_begin(wire, NDVAL_WIRE_CMD_PROPOSE);
	put_side(wire->nlh, side);
	mnl_attr_put_strz(wire->nlh, NDVAL_WIRE_A_STREAM, stream);
	mnl_attr_put_u64(wire->nlh, NDVAL_WIRE_A_STREAM_ID, id);
	mnl_attr_put(wire->nlh, NDVAL_WIRE_A_RECORD, RECORD_HEAD + record->length, record);
}

/* Where the epochs began in a stream; without one, that all has been told. */
void wire_sync(struct wire *wire, const struct side *side, const char *stream, __u64 id,
	       const __u64 *starts)
{
	wire_begin(wire, NDVAL_WIRE_CMD_SYNC);
	put_side(wire->nlh, side);
	mnl_attr_put_u64(wire->nlh, NDVAL_WIRE_A_FOR_ID, side->for_id ? side->for_id : heard_id);
	if (!stream) {
		put_flag(wire, NDVAL_WIRE_A_END, true);
		return;
	}
	mnl_attr_put_strz(wire->nlh, NDVAL_WIRE_A_STREAM, stream);
	mnl_attr_put_u64(wire->nlh, NDVAL_WIRE_A_STREAM_ID, id);
	mnl_attr_put(wire->nlh, NDVAL_WIRE_A_STARTS, EPOCHS * sizeof(*starts), starts);
}

void wire_takeover(struct wire *wire, const struct side *side, __u32 error)
{
	wire_begin(wire, NDVAL_WIRE_CMD_TAKEOVER);
	put_side(wire->nlh, side);
	mnl_attr_put_u32(wire->nlh, NDVAL_WIRE_A_ERROR, error);
}

void wire_handover(struct wire *wire, const struct side *side)
{
	wire_begin(wire, NDVAL_WIRE_CMD_HANDOVER);
	put_side(wire->nlh, side);
}

void wire_stream_del(struct wire *wire, const struct side *side, const char *stream,
		     __u64 id, __u32 error)
{
	wire_begin(wire, NDVAL_WIRE_CMD_STREAM_DEL);
	put_side(wire->nlh, side);
	mnl_attr_put_strz(wire->nlh, NDVAL_WIRE_A_STREAM, stream);
	mnl_attr_put_u64(wire->nlh, NDVAL_WIRE_A_STREAM_ID, id);
	mnl_attr_put_u32(wire->nlh, NDVAL_WIRE_A_ERROR, error);
}

void wire_check(struct wire *wire, const struct side *side, const struct check *check)
{
	struct nlmsghdr *nlh;

	wire_begin(wire, NDVAL_WIRE_CMD_CHECK);
	nlh = wire->nlh;
	put_side(nlh, side);
	mnl_attr_put_strz(nlh, NDVAL_WIRE_A_STREAM, check->stream);
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_STREAM_ID, check->id);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_INSTANCE, check->instance);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_RUN, check->run);
	mnl_attr_put(nlh, NDVAL_WIRE_A_STOPS, check->n * sizeof(*check->stops), check->stops);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_KIND, NDVAL_VALUE_KIND_RANDOM);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_LENGTH, check->length);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_PID, check->pid);
	mnl_attr_put_strz(nlh, NDVAL_WIRE_A_COMM, check->comm ?: "");
	if (!check->found_at)
		return;
	mnl_attr_put_u64(nlh, NDVAL_WIRE_A_FOUND_AT, check->found_at);
	mnl_attr_put_u32(nlh, NDVAL_WIRE_A_FOUND_INSTANCE, check->found_instance);
}

void wire_time(struct wire *wire, int cmd, __u64 time)
{
	wire_begin(wire, cmd);
	mnl_attr_put_u64(wire->nlh, NDVAL_WIRE_A_TIME, time);
}

void wire_bye(struct wire *wire, const char *reason)
{
	wire_begin(wire, NDVAL_WIRE_CMD_BYE);
	mnl_attr_put_strz(wire->nlh, NDVAL_WIRE_A_REASON, reason);
}

/* An attribute of a message by its type, or NULL. */
struct nlattr *wire_attr(struct wire *wire, int type)
{
	struct nlattr *attr;

	mnl_attr_for_each(attr, wire->nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

static char *wire_end(struct wire *wire)
{
	return mnl_nlmsg_get_payload_tail(wire->nlh);
}

/* Takes an attribute out. */
void wire_drop(struct wire *wire, int type)
{
	char *attr = (char *)wire_attr(wire, type);
	size_t len;

	must(attr);
	len = MNL_ALIGN(((struct nlattr *)attr)->nla_len);
	memmove(attr, attr + len, wire_end(wire) - attr - len);
	wire->nlh->nlmsg_len -= len;
}

/* Adds an attribute a second time. */
void wire_repeat(struct wire *wire, int type)
{
	struct nlattr *attr = wire_attr(wire, type);
	size_t len;

	must(attr);
	len = MNL_ALIGN(attr->nla_len);
	memcpy(wire_end(wire), attr, len);
	wire->nlh->nlmsg_len += len;
}

/* Gives an attribute, which is added if it is not there, another content. */
void wire_shape(struct wire *wire, int type, const void *data, size_t len)
{
	if (wire_attr(wire, type))
		wire_drop(wire, type);
	mnl_attr_put(wire->nlh, type, len, data);
}

bool say_pair(struct peer *peer, const struct side *side)
{
	struct wire *wire = malloc(sizeof(*wire));
	bool sent;

	must(wire);
	wire_pair(wire, side);
	sent = peer_send(peer, wire);
	free(wire);
	return sent;
}

bool say_fetch(struct peer *peer, const struct side *side, const struct fetch *fetch)
{
	struct wire *wire = malloc(sizeof(*wire));
	bool sent;

	must(wire);
	wire_fetch(wire, side, fetch);
	sent = peer_send(peer, wire);
	free(wire);
	return sent;
}

bool say_end(struct peer *peer, const struct side *side)
{
	const struct fetch end = { 0 };

	return say_fetch(peer, side, &end);
}

bool say_values(struct peer *peer, const struct side *side, const struct values *values)
{
	struct wire *wire = malloc(sizeof(*wire));
	bool sent;

	must(wire);
	wire_values(wire, side, values);
	sent = peer_send(peer, wire);
	free(wire);
	return sent;
}

bool say_propose(struct peer *peer, const struct side *side, const char *stream, __u64 id,
		 const struct record *record)
{
	struct wire *wire = malloc(sizeof(*wire));
	bool sent;

	must(wire);
	wire_propose(wire, side, stream, id, record);
	sent = peer_send(peer, wire);
	free(wire);
	return sent;
}

bool say_sync(struct peer *peer, const struct side *side, const char *stream, __u64 id,
	      const __u64 *starts)
{
	struct wire *wire = malloc(sizeof(*wire));
	bool sent;

	must(wire);
	wire_sync(wire, side, stream, id, starts);
	sent = peer_send(peer, wire);
	free(wire);
	return sent;
}

bool say_sync_end(struct peer *peer, const struct side *side)
{
	return say_sync(peer, side, NULL, 0, NULL);
}

bool say_check(struct peer *peer, const struct side *side, const struct check *check)
{
	struct wire *wire = malloc(sizeof(*wire));
	bool sent;

	must(wire);
	wire_check(wire, side, check);
	sent = peer_send(peer, wire);
	free(wire);
	return sent;
}

bool say_takeover(struct peer *peer, const struct side *side, __u32 error)
{
	struct wire *wire = malloc(sizeof(*wire));
	bool sent;

	must(wire);
	wire_takeover(wire, side, error);
	sent = peer_send(peer, wire);
	free(wire);
	return sent;
}

bool say_handover(struct peer *peer, const struct side *side)
{
	struct wire *wire = malloc(sizeof(*wire));
	bool sent;

	must(wire);
	wire_handover(wire, side);
	sent = peer_send(peer, wire);
	free(wire);
	return sent;
}

/* Sides */

void side_secondary(struct side *side, const char *pair)
{
	memset(side, 0, sizeof(*side));
	side->pair = pair;
	side->pair_id = 0x1111222233334444ULL;
	side->role = NDVAL_ROLE_SECONDARY;
	side->max_streams = 64;
	side->commit = NDVAL_COMMIT_SYNC;
	side->ring_size = 256 * KIB;
}

void side_primary(struct side *side, const char *pair)
{
	side_secondary(side, pair);
	side->role = NDVAL_ROLE_PRIMARY;
	side->incarnation = 0xaaaa0001ULL;
	side->epoch = 1;
	side->epoch_id = 0xbbbb0001ULL;
}

/* Joins the epoch of a primary that has sent PAIR. */
bool side_adopt(struct side *side, const struct said *pair)
{
	const struct nlattr *history = pair->tb[NDVAL_WIRE_A_HISTORY];

	if (said_u32(pair, NDVAL_WIRE_A_ROLE) != NDVAL_ROLE_PRIMARY ||
	    strcmp(said_text(pair, NDVAL_WIRE_A_PAIR), side->pair))
		return false;
	side->incarnation = said_u64(pair, NDVAL_WIRE_A_INCARNATION);
	side->epoch = said_u64(pair, NDVAL_WIRE_A_EPOCH);
	side->epoch_id = said_u64(pair, NDVAL_WIRE_A_EPOCH_ID);
	side->seen_id = side->epoch_id;
	side->npast = mnl_attr_get_payload_len(history) / sizeof(*side->past) - 1;
	must(side->npast < EPOCHS);
	memcpy(side->past, mnl_attr_get_payload(history), side->npast * sizeof(*side->past));
	return side->epoch_id;
}

/* A new epoch, of which we are the primary. */
void side_promote(struct side *side, __u64 epoch_id)
{
	side->past[side->npast++] = (struct epoch){ side->epoch, side->epoch_id };
	side->epoch++;
	side->epoch_id = epoch_id;
	side->role = NDVAL_ROLE_PRIMARY;
	side->in_sync = false;
}

/* A link up to HELLO. What is said of the pair is the caller's business. */
bool fake_connect(struct host *host, struct fake *fake, const char *to, const char *name)
{
	return peer_connect(host, &fake->peer, to, name) && peer_greet(&fake->peer);
}

/* Joins the epoch of the kernel's primary, as a secondary that has no stream. */
bool fake_follow(struct fake *fake)
{
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			return false;
	} while (!side_adopt(&fake->side, &fake->said));
	return say_pair(&fake->peer, &fake->side);
}

/* Is the primary, until the kernel has joined its epoch. */
bool fake_lead(struct fake *fake)
{
	__u64 for_id = heard_id;

	if (!say_pair(&fake->peer, &fake->side))
		return false;
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			return false;
	} while (said_u64(&fake->said, NDVAL_WIRE_A_EPOCH_ID) != fake->side.epoch_id);
	/* A primary is followed once it says that it has heard of the kernel's object. */
	return for_id == heard_id || say_pair(&fake->peer, &fake->side);
}

/* Links, leads, and waits for the end of what the kernel asks for. */
bool fake_lead_all(struct host *host, struct fake *fake, const char *name)
{
	if (!fake_connect(host, fake, "m1", name) || !fake_lead(fake))
		return false;
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_FETCH, &fake->said))
			return false;
	} while (!fake->said.tb[NDVAL_WIRE_A_END]);
	return true;
}

/* Up to 64 KiB, the first credit; beyond it once the kernel has given more. */
bool fake_push(struct fake *fake, __u64 offset, size_t len)
{
	while (len) {
		const struct values values = {
			.stream = "default", .id = FAKE_STREAM_ID, .offset = offset,
			.len = len < 16 * KIB ? len : 16 * KIB,
		};

		if (!say_values(&fake->peer, &fake->side, &values))
			return false;
		offset += values.len;
		len -= values.len;
	}
	return true;
}

/* Receives FETCHes of a stream until one says that so much is stored. */
bool fake_stores(struct fake *fake, const char *stream, __u64 have)
{
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_FETCH, &fake->said))
			return false;
	} while (strcmp(said_text(&fake->said, NDVAL_WIRE_A_STREAM), stream) ||
		 said_u64(&fake->said, NDVAL_WIRE_A_HAVE) < have);
	return said_u64(&fake->said, NDVAL_WIRE_A_HAVE) == have;
}

/* The kernel is a secondary and we lead, or the other way round. */
bool fake_come_to(struct host *host, struct fake *fake, enum stage stage)
{
	bool lead = fake->side.role == NDVAL_ROLE_PRIMARY;

	if (!peer_connect(host, &fake->peer, "m1", "m2"))
		return false;
	if (stage == SILENT)
		return true;
	if (!peer_greet(&fake->peer))
		return false;
	if (stage == GREETED)
		return true;
	return (lead ? fake_lead(fake) : fake_follow(fake)) && peer_is_served(&fake->peer);
}

/* A valid message of each kind. */
void fake_make(struct fake *fake, int cmd)
{
	const struct fetch fetch = { .stream = "default", .want = 64 * KIB };
	static const __u64 starts[EPOCHS];
	const struct values values = {
		.stream = "default", .id = FAKE_STREAM_ID, .len = 100, .starts = starts,
	};
	const struct check check = {
		.stream = "default", .id = FAKE_STREAM_ID, .comm = "fake", .pid = 1,
		.length = 10, .n = 2, .stops = { { 10, 1 }, { 20, 2 } },
		.found_at = 10,
	};

	switch (cmd) {
	case NDVAL_WIRE_CMD_CHECK:
		wire_check(&fake->wire, &fake->side, &check);
		break;
	case NDVAL_WIRE_CMD_SYNC:
		wire_sync(&fake->wire, &fake->side, "default", FAKE_STREAM_ID, starts);
		break;
	case NDVAL_WIRE_CMD_TAKEOVER:
		wire_takeover(&fake->wire, &fake->side, 0);
		break;
	case NDVAL_WIRE_CMD_HANDOVER:
		wire_handover(&fake->wire, &fake->side);
		break;
	case NDVAL_WIRE_CMD_HELLO:
		wire_hello(&fake->wire, &fake->peer);
		break;
	case NDVAL_WIRE_CMD_PAIR:
		wire_pair(&fake->wire, &fake->side);
		break;
	case NDVAL_WIRE_CMD_FETCH:
		wire_fetch(&fake->wire, &fake->side, &fetch);
		break;
	case NDVAL_WIRE_CMD_VALUES:
		wire_values(&fake->wire, &fake->side, &values);
		break;
	case NDVAL_WIRE_CMD_STREAM_DEL:
		wire_stream_del(&fake->wire, &fake->side, "default", FAKE_STREAM_ID, 0);
		break;
	case NDVAL_WIRE_CMD_PING:
	case NDVAL_WIRE_CMD_PONG:
		wire_time(&fake->wire, cmd, 1);
		break;
	case NDVAL_WIRE_CMD_BYE:
		wire_bye(&fake->wire, "so long");
		break;
	}
}

/* Closes, and waits until the kernel has seen it. */
bool fake_hang_up(struct host *host, struct fake *fake)
{
	char reason[REASON_SIZE];

	peer_close(&fake->peer);
	return host_link_down(host, fake->peer.link, reason);
}

/* The byte that our primary has at an offset. */
unsigned char pattern(__u64 offset)
{
	return (offset * 2654435761ULL + 12345) >> 11;
}

void pattern_fill(void *to, __u64 offset, size_t len)
{
	unsigned char *at = to;

	while (len--)
		*at++ = pattern(offset++);
}

/* Does the instance get our primary's bytes of [offset, offset + len)? */
bool reads_pattern(int fd, __u64 offset, size_t len)
{
	static unsigned char got[512 * KIB], want[512 * KIB];
	size_t done = 0;

	must(len <= sizeof(got));
	while (done < len) {
		ssize_t ret = get(fd, got + done, len - done);

		if (ret == -EAGAIN && !file_is_ready(fd, POLLIN, PATIENCE_MS))
			return false;
		if (ret < 0 && ret != -EAGAIN)
			return false;
		done += ret > 0 ? ret : 0;
	}
	pattern_fill(want, offset, len);
	return !memcmp(got, want, len);
}

/* A pseudorandom number (splitmix64); the same ones from the same seed. */
__u64 draw(__u64 *seed)
{
	__u64 z = (*seed += 0x9e3779b97f4a7c15ULL);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}
