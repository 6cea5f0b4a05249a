// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first inputs of the fuzzers, from real traffic, in the languages of
 * netlink.c, link.c and calls.c. Runs in a guest, with an nlmon device up for
 * the first:
 *
 *	record netlink DIR	requests of whatever programs run until it is ended
 *	record link DIR		what a kernel's member says to another one
 *	record calls DIR	what a program does to its files
 */
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <sys/socket.h>

#include "../guest/common.h"
#include "../guest/genl.h"
#include "../guest/peer.h"
#include "kcov.h"
#include "message.h"

/* Requests of one input. */
#define REQUESTS	4

/* Nothing more comes if nothing has come for so long, in ms. */
#define CALM_MS		200

/* An input that is being written down. */
struct output {
	const char *dir;
	unsigned int number;	/* of the files so far */
	uint8_t bytes[4096];
	size_t filled;
	bool full;
};

static struct output output;

static void put_byte(uint8_t byte)
{
	if (output.filled < sizeof(output.bytes))
		output.bytes[output.filled++] = byte;
	else
		output.full = true;
}

static void put_bytes(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;

	while (len--)
		put_byte(*at++);
}

/* One input, if it is not too long. */
static void flush(void)
{
	char path[256];
	FILE *file;

	if (output.filled && !output.full) {
		snprintf(path, sizeof(path), "%s/%03u", output.dir, output.number++);
		file = fopen(path, "we");
		must(file);
		must(fwrite(output.bytes, output.filled, 1, file) == 1);
		must(!fclose(file));
	}
	output.filled = 0;
	output.full = false;
}

/* How an attribute is told; @known: the fuzzer has its own. */
static void put_attr(const struct nlattr *attr, bool known, bool nest);

static int count_attrs(const void *at, size_t len)
{
	const struct nlattr *attr = at;
	int count = 0, left = len;

	for (; mnl_attr_ok(attr, left); attr = mnl_attr_next(attr)) {
		count++;
		left -= MNL_ALIGN(attr->nla_len);
	}
	return count;
}

static void put_nest(const struct nlattr *nest)
{
	const struct nlattr *attr;

	put_byte(count_attrs(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest)));
	mnl_attr_for_each_nested(attr, nest)
		put_attr(attr, false, false);
}

static void put_attr(const struct nlattr *attr, bool known, bool nest)
{
	size_t len = mnl_attr_get_payload_len(attr);

	put_byte(mnl_attr_get_type(attr));
	if (known) {
		put_byte(KIND_KNOWN);
	} else if (nest) {
		put_byte(KIND_NEST);
		put_nest(attr);
	} else if (!len) {
		put_byte(KIND_FLAG);
	} else if (len > 255) {
		put_byte(KIND_FILLED);
		put_byte(len & 0xff);
		put_byte(len >> 8);
		put_byte(0);
		put_byte(0);
	} else {
		put_byte(KIND_RAW);
		put_byte(len);
		put_bytes(mnl_attr_get_payload(attr), len);
	}
}

static bool is_known_request(int cmd, int type)
{
	return (cmd == NDVAL_CMD_LINK_ATTACH && type == NDVAL_A_LINK_FD) ||
	       (cmd == NDVAL_CMD_LINK_DETACH && type == NDVAL_A_LINK_ID) ||
	       (cmd == NDVAL_CMD_LINK_GET && type == NDVAL_A_LINK_ID);
}

static void put_request(const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;

	put_byte(genl->cmd);
	put_byte((nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP);
	put_byte(count_attrs(mnl_nlmsg_get_payload_offset(nlh, sizeof(*genl)),
			     mnl_nlmsg_get_payload_len(nlh) - sizeof(*genl)));
	mnl_attr_for_each(attr, nlh, sizeof(*genl))
		put_attr(attr, is_known_request(genl->cmd, mnl_attr_get_type(attr)), false);
}

static void stop(int number UNUSED)
{
}

/* Every netlink message of the machine, until SIGTERM; ours are picked out. */
static void record_netlink(void)
{
	/* Ends recv(): the handler is not made to restart it. */
	const struct sigaction action = { .sa_handler = stop };
	static char packet[65536] __attribute__((aligned(8)));
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL));
	struct genl genl;
	int requests = 0;
	ssize_t len;

	must(fd >= 0 && genl_open(&genl) && !sigaction(SIGTERM, &action, NULL));
	while ((len = recv(fd, packet, sizeof(packet), 0)) > 0) {
		const struct nlmsghdr *nlh = (const void *)packet;

		if (!mnl_nlmsg_ok(nlh, len) || nlh->nlmsg_type != genl.family ||
		    !(nlh->nlmsg_flags & NLM_F_REQUEST))
			continue;
		put_request(nlh);
		if (++requests % REQUESTS == 0)
			flush();
	}
}

/* Two members of this kernel, between which everything goes through us. */
struct relay {
	struct host host;
	struct peer ends[2];	/* the kernel's m1 at the other side, and m2 */
};

static struct relay relay;

static bool is_known_field(int type)
{
	switch (type) {
	case NDVAL_WIRE_A_MEMBER:
	case NDVAL_WIRE_A_MEMBER_ID:
	case NDVAL_WIRE_A_TO:
	case NDVAL_WIRE_A_SERIAL:
	case NDVAL_WIRE_A_PAIR:
	case NDVAL_WIRE_A_INCARNATION:
	case NDVAL_WIRE_A_EPOCH:
	case NDVAL_WIRE_A_EPOCH_ID:
	case NDVAL_WIRE_A_SEEN_ID:
	case NDVAL_WIRE_A_PAIR_ID:
	case NDVAL_WIRE_A_STREAM_ID:
	case NDVAL_WIRE_A_HISTORY:
	case NDVAL_WIRE_A_STARTS:
		return true;
	default:
		return false;
	}
}

static void put_message(const struct said *said)
{
	const struct nlmsghdr *nlh = (const void *)said->buf;
	bool sec = said->tb[NDVAL_WIRE_A_PAIR] &&
		   !strcmp(said_text(said, NDVAL_WIRE_A_PAIR), "sec");
	const struct nlattr *attr;
	int count = 0;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		count++;
	put_byte(said->cmd);
	put_byte(sec);
	put_byte(count);
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		int type = mnl_attr_get_type(attr);

		/* Our values are others than the kernel's were. */
		put_attr(attr, is_known_field(type),
			 type == NDVAL_WIRE_A_SETTINGS || type == NDVAL_WIRE_A_VALUE);
	}
}

/* Carries messages both ways until there are no more; those of m2 are kept. */
static void carry(void)
{
	static struct said said;

	for (;;) {
		struct pollfd p[2] = {
			{ .fd = relay.ends[0].fd, .events = POLLIN },
			{ .fd = relay.ends[1].fd, .events = POLLIN },
		};
		int i, cmd;

		if (!poll(p, 2, CALM_MS))
			return;
		for (i = 0; i < 2; i++) {
			const struct nlmsghdr *nlh = (const void *)said.buf;

			if (!p[i].revents)
				continue;
			while ((cmd = peer_receive(&relay.ends[i], &said, 0)) > 0) {
				if (i == 1)
					put_message(&said);
				must(peer_write(&relay.ends[!i], nlh, nlh->nlmsg_len));
			}
			if (!cmd)
				return;
		}
	}
}

static void scene(uint8_t stage)
{
	carry();
	flush();
	put_byte(stage);
}

static void add_pair(const char *name, const char *group, const char *member,
		     const char *peer)
{
	must(!host_pair(&relay.host, name, group, member, peer));
	/* We carry nothing while we do something else. */
	must(!host_set(&relay.host, name, NDVAL_A_PAIR_PEER_TIMEOUT_MS, 60000));
}

static void relay_begin(void)
{
	must(host_open(&relay.host));
	must(!host_call(&relay.host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	must(!host_call(&relay.host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m2"));
	add_pair("prim1", "prim", "m1", "m2");
	add_pair("sec1", "sec", "m1", "m2");
	add_pair("prim2", "prim", "m2", "m1");
	add_pair("sec2", "sec", "m2", "m1");
	must(!host_promote(&relay.host, "prim1"));
	must(!host_promote(&relay.host, "sec2"));
	must(peer_connect(&relay.host, &relay.ends[0], "m1", "m2"));
	must(peer_connect(&relay.host, &relay.ends[1], "m2", "m1"));
}

static void read_some(const char *pair, const char *stream, size_t len)
{
	static char values[65536];
	int fd = node_open(pair, O_NONBLOCK);

	must(fd >= 0);
	if (!node_bind(fd, stream, 0, 0))
		get(fd, values, len);
	close(fd);
}

static void record_link(void)
{
	static const char * const nodes[] = { "prim1", "prim2", "sec1", "sec2" };
	static const struct {
		uint8_t cmd;
		const char *pair;
	} changes[] = {
		{ NDVAL_CMD_SWITCHOVER, "sec2" }, { NDVAL_CMD_SWITCHOVER, "sec1" },
		{ NDVAL_CMD_SWITCHOVER, "prim1" }, { NDVAL_CMD_SWITCHOVER, "prim2" },
		{ NDVAL_CMD_DEMOTE, "sec2" }, { NDVAL_CMD_PROMOTE, "sec2" },
		{ NDVAL_CMD_DEMOTE, "prim1" }, { NDVAL_CMD_PROMOTE, "prim1" },
	};
	size_t i;

	put_byte(0);		/* HELLO and all that follows */
	relay_begin();
	scene(2);
	for (i = 0; i < ARRAY_LEN(nodes); i++) {
		read_some(nodes[i], "default", 100);
		scene(2);
		read_some(nodes[i], "worker/1", 5000);
		scene(2);
		read_some(nodes[i], "default", 60000);
		scene(2);
	}
	/* m2 hands over, takes over, is asked, asks, and tells where its epoch began. */
	for (i = 0; i < ARRAY_LEN(changes); i++) {
		host_call(&relay.host, changes[i].cmd, NDVAL_A_PAIR_NAME, changes[i].pair);
		scene(2);
		read_some("prim2", "default", 5000);
		read_some("sec2", "default", 5000);
		scene(2);
	}
	for (i = 0; i < ARRAY_LEN(nodes); i++) {
		run("ndvalctl stream del %s worker/1", nodes[i]);
		scene(2);
		host_set(&relay.host, nodes[i], NDVAL_A_PAIR_BIND, NDVAL_BIND_REQUIRED);
		host_set(&relay.host, nodes[i], NDVAL_A_PAIR_RING_SIZE, 8 * KIB);
		scene(2);
		host_call(&relay.host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, nodes[i]);
		scene(2);
	}
	host_call(&relay.host, NDVAL_CMD_PAIR_DEL, NDVAL_A_PAIR_NAME, "prim2");
	scene(2);
	run("ndvalctl link detach --member m2 --peer m1");
	scene(2);
}

/* What programs do; the steps are those of calls.c. */
static void record_calls(void)
{
	static const uint8_t scenes[][24] = {
		{ 0, 0, 1, 0, 3, 0, 3, 0, 7, 0, 0, 0 },
		{ 0, 8, 1, 0, 1, 8, 6, 0, 3, 8, 4, 0, 2, 8, 0, 0, 6, 8, 1, 1, 7, 8, 0, 0 },
		{ 0, 16, 0, 0, 0x13, 0, 4, 0, 0x20, 1, 1, 0, 0x26, 1, 1, 3 },
		{ 0, 0, 0, 0, 5, 0, 4, 10, 4, 0, 99, 1, 8, 0, 1, 0, 3, 1, 4, 0 },
		{ 0, 32, 0, 0, 1, 32, 11, 0x10, 0x10, 33, 0, 0, 0x11, 33, 11, 0x11, 3, 32, 6, 0 },
		{ 12, 0, 0x61, 0, 13, 0, 6, 0, 14, 0, 1, 0, 15, 0, 1, 0 },
		{ 15, 40, 3, 0, 0, 40, 1, 0, 3, 40, 6, 0, 0x1f, 40, 2, 0, 3, 40, 6, 0 },
		{ 0, 24, 0, 0, 3, 24, 4, 0, 0x1f, 24, 0, 0, 9, 24, 1, 72, 11, 24, 0, 32 },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(scenes); i++) {
		put_bytes(scenes[i], sizeof(scenes[i]));
		flush();
	}
}

int main(int argc, char **argv)
{
	must(argc == 3);
	output.dir = argv[2];
	if (!strcmp(argv[1], "netlink"))
		record_netlink();
	else if (!strcmp(argv[1], "link"))
		record_link();
	else
		record_calls();
	flush();
	return 0;
}
