// SPDX-License-Identifier: GPL-2.0-only
/*
 * The first inputs of the fuzzers, from real traffic, in the languages of
 * netlink.c, link.c and calls.c. Runs in a guest, with an nlmon device up for
 * the first:
 *
 *	record netlink DIR	requests of whatever programs run until it is ended
 *	record link DIR		what a kernel's member says to another one
 *	record calls DIR	what a program does to its files
 *	record requests -	makes requests for which ndvalctl has no word
 */
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <sys/socket.h>

#include "../guest/common.h"
#include "../guest/genl.h"
#include "../guest/journal.h"
#include "../guest/peer.h"
#include "kcov.h"
#include "link.h"
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

/* Whole records; of what is asked for, the value is as long as the rest. */
static void put_records(const char *bytes, size_t len)
{
	const char *end = bytes + len, *at;
	struct record record;
	int count = 0;

	for (at = bytes; at + RECORD_HEAD <= end; at += RECORD_SIZE(record.length)) {
		memcpy(&record, at, RECORD_HEAD);
		count++;
	}
	memcpy(&record, bytes, RECORD_HEAD);
	put_byte(record.place / 8);
	put_byte(record.place / 8 >> 8);
	put_byte(count);
	for (at = bytes; at + RECORD_HEAD <= end; at += RECORD_SIZE(record.length)) {
		memcpy(&record, at, RECORD_HEAD);
		put_byte(record.kind);
		put_byte(record.length);
		put_byte(record.length >> 8);
		put_byte(record.instance);
		put_byte(1);
		put_byte(count--);
	}
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
	bool heard;		/* something came from m1 since m2 spoke */
	uint64_t led[2];	/* epoch that m2 has led, of "prim" and "sec" */
	char stops[KNOWN_MAX];	/* of the last CHECK of m1 */
	size_t stops_len;
};

static struct relay relay;

/* The value of a VALUES with records: as they are, if they are short. */
static void put_journal(const struct nlattr *value)
{
	const struct nlattr *attr;

	put_byte(NDVAL_WIRE_A_VALUE);
	put_byte(KIND_NEST);
	put_byte(count_attrs(mnl_attr_get_payload(value), mnl_attr_get_payload_len(value)));
	mnl_attr_for_each_nested(attr, value) {
		size_t len = mnl_attr_get_payload_len(attr);

		if (mnl_attr_get_type(attr) != NDVAL_WIRE_A_VALUE_DATA || len <= 64) {
			put_attr(attr, false, false);
			continue;
		}
		put_byte(NDVAL_WIRE_A_VALUE_DATA);
		put_byte(KIND_RECORDS);
		put_records(mnl_attr_get_payload(attr), len);
	}
}

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
	case NDVAL_WIRE_A_FOR_ID:
		return true;
	default:
		return false;
	}
}

/* Is it what the other one said of the same? */
static bool is_echo(const struct nlattr *stops)
{
	return mnl_attr_get_payload_len(stops) == relay.stops_len &&
	       !memcmp(mnl_attr_get_payload(stops), relay.stops, relay.stops_len);
}

static void note_stops(const struct said *said)
{
	const struct nlattr *stops = said->tb[NDVAL_WIRE_A_STOPS];

	if (said->cmd != NDVAL_WIRE_CMD_CHECK ||
	    mnl_attr_get_payload_len(stops) > sizeof(relay.stops))
		return;
	relay.stops_len = mnl_attr_get_payload_len(stops);
	memcpy(relay.stops, mnl_attr_get_payload(stops), relay.stops_len);
}

static void put_step(int step, bool sec)
{
	put_byte(step);
	put_byte(sec ? OPTION_SEC : 0);
}

/* m2 is the primary of a new epoch: the fuzzer has to be it too. */
static void note_epoch(const struct said *said, bool sec)
{
	uint64_t id;

	if (said->cmd != NDVAL_WIRE_CMD_PAIR || !said->tb[NDVAL_WIRE_A_ROLE] ||
	    said_u32(said, NDVAL_WIRE_A_ROLE) != NDVAL_ROLE_PRIMARY)
		return;
	id = said_u64(said, NDVAL_WIRE_A_EPOCH_ID);
	/* It begins as the primary of "sec". */
	if (id != relay.led[sec] && (!sec || relay.led[sec]))
		put_step(STEP_PROMOTED, sec);
	relay.led[sec] = id;
}

static void put_field(const struct nlattr *attr, bool journal)
{
	int type = mnl_attr_get_type(attr);
	bool known = is_known_field(type) || (type == NDVAL_WIRE_A_STOPS && is_echo(attr));

	if (type == NDVAL_WIRE_A_RECORD && mnl_attr_get_payload_len(attr) > 255) {
		put_byte(type);
		put_byte(KIND_RECORDS);
		put_records(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	} else if (type == NDVAL_WIRE_A_VALUE && journal) {
		put_journal(attr);
	} else {
		put_attr(attr, known,
			 type == NDVAL_WIRE_A_SETTINGS || type == NDVAL_WIRE_A_VALUE);
	}
}

static void put_message(const struct said *said)
{
	const struct nlmsghdr *nlh = (const void *)said->buf;
	bool sec = said->tb[NDVAL_WIRE_A_PAIR] &&
		   !strcmp(said_text(said, NDVAL_WIRE_A_PAIR), "sec");
	bool journal = said->cmd == NDVAL_WIRE_CMD_PROPOSE ||
		       (said->tb[NDVAL_WIRE_A_JOURNAL] && said->cmd != NDVAL_WIRE_CMD_CHECK);
	const struct nlattr *attr;
	int count = 0;

	/* What m1 said before, the fuzzer has to have heard. */
	if (relay.heard)
		put_step(STEP_SYNC, false);
	relay.heard = false;
	note_epoch(said, sec);
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		count++;
	put_byte(said->cmd);
	put_byte((sec ? OPTION_SEC : 0) | (journal ? OPTION_JOURNAL : 0));
	put_byte(count);
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		put_field(attr, journal);
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
				else
					note_stops(&said);
				relay.heard |= !i && cmd != NDVAL_WIRE_CMD_PING;
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
	memset(&relay, 0, sizeof(relay));
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

static void relay_end(void)
{
	static const char * const names[] = { "prim1", "sec1", "prim2", "sec2" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		host_pair_del(&relay.host, names[i]);
	peer_close(&relay.ends[0]);
	peer_close(&relay.ends[1]);
	must(host_member_del(&relay.host, "m1") && host_member_del(&relay.host, "m2"));
	host_close(&relay.host);
}

/* A copy of the application at either member; those of m1 are steps of the fuzzer. */
static void copy_reads(const char *pair, size_t len)
{
	bool sec = !strncmp(pair, "sec", 3);

	if (strchr(pair, '1')) {
		put_byte(STEP_READ);
		put_byte(sec ? OPTION_SEC | (len & 0xfe) : len & 0xfe);
		put_byte(len >> 8);
	}
	read_some(pair, "default", len);
	carry();
}

/* A clock, or if there is none of this number so many bytes. */
static void copy_asks(const char *pair, unsigned int what)
{
	static char value[NDVAL_AGREED_MAX], out[NDVAL_AGREED_MAX];
	bool sec = !strncmp(pair, "sec", 3), clock = what < ARRAY_LEN(all_clocks);
	int i, fd;

	if (strchr(pair, '1')) {
		put_step(clock ? STEP_CLOCK : STEP_AGREE, sec);
		put_byte(what);
	}
	/* A secondary proposes, and has it the second time. */
	for (i = 0; i < 2; i++) {
		fd = node_open(pair, O_NONBLOCK);
		must(fd >= 0);
		if (clock)
			clock_read(fd, all_clocks[what]);
		else
			agree(fd, value, what, out, sizeof(out));
		close(fd);
		carry();
	}
}

static void member_does(const char *pair, uint8_t cmd, int step)
{
	if (strchr(pair, '1'))
		put_step(step, !strncmp(pair, "sec", 3));
	host_call(&relay.host, cmd, NDVAL_A_PAIR_NAME, pair);
	carry();
}

/* m2 proposes to the kernel, and fetches what is recorded. */
static void life_proposes(void)
{
	copy_asks("prim2", 0);
	copy_asks("prim2", 20);
	copy_asks("prim1", 1);
	copy_asks("prim2", 300);
}

/* m2 records what the kernel proposes. */
static void life_records(void)
{
	copy_asks("sec1", 2);
	copy_asks("sec2", 4);
	copy_asks("sec1", 100);
	copy_asks("sec2", 2000);
}

/* Copies that agree. */
static void life_checks(void)
{
	copy_reads("prim1", 100);
	copy_reads("prim2", 100);
	copy_reads("prim1", 4000);
	copy_reads("prim2", 4000);
}

/* Copies that do not. */
static void life_diverges(void)
{
	copy_reads("sec1", 100);
	copy_reads("sec2", 60);
	copy_reads("sec2", 5000);
	copy_reads("sec1", 5000);
	copy_asks("sec2", 3);
	copy_asks("sec1", 9);
}

/* The kernel gets a pair handed over, and hands one over. */
static void life_switches(void)
{
	copy_asks("sec2", 0);
	copy_reads("sec1", 50);
	member_does("sec2", NDVAL_CMD_SWITCHOVER, 0);
	copy_asks("sec2", 1);
	member_does("prim1", NDVAL_CMD_SWITCHOVER, STEP_SWITCHOVER);
	copy_asks("prim1", 1);
}

/* The kernel asks m2 what it has more, and takes over. */
static void life_takes_over(void)
{
	copy_reads("sec2", 50);
	copy_asks("sec2", 8);
	member_does("sec2", NDVAL_CMD_DEMOTE, 0);
	member_does("sec1", NDVAL_CMD_PROMOTE, STEP_TAKE_OVER);
}

/* m2 is primary again: where the epochs began, and what is in common. */
static void life_syncs(void)
{
	copy_reads("sec2", 50);
	copy_asks("sec1", 1);
	member_does("sec2", NDVAL_CMD_DEMOTE, 0);
	member_does("sec2", NDVAL_CMD_PROMOTE, 0);
	copy_asks("sec2", 7);
	copy_reads("sec1", 50);
}

/* Each an input that begins with HELLO. */
static void record_lives(void)
{
	static void (* const lives[])(void) = {
		life_proposes, life_records, life_checks, life_diverges, life_switches,
		life_takes_over, life_syncs,
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(lives); i++) {
		put_byte(SILENT);
		relay_begin();
		carry();
		lives[i]();
		flush();
		relay_end();
	}
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

	record_lives();
	put_byte(SILENT);	/* HELLO and all that follows */
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
		{ 0, 16, 0, 0, 0x23, 0, 4, 0, 0x40, 1, 1, 0, 0x46, 1, 1, 3 },
		{ 0, 0, 0, 0, 5, 0, 4, 10, 4, 0, 99, 1, 8, 0, 1, 0, 3, 1, 4, 0 },
		{ 0, 32, 0, 0, 1, 32, 11, 0x10, 0x20, 33, 0, 0, 0x21, 33, 11, 0x11, 3, 32, 6, 0 },
		{ 12, 0, 0x61, 0, 13, 0, 6, 0, 14, 0, 1, 0, 15, 0, 1, 0 },
		{ 15, 40, 3, 0, 0, 40, 1, 0, 3, 40, 6, 0, 0x2f, 40, 2, 0, 3, 40, 6, 0 },
		{ 0, 24, 0, 0, 3, 24, 4, 0, 0x2f, 24, 0, 0, 9, 24, 1, 72, 11, 24, 0, 32 },
		/* The journal: two instances, values of both sides, what is bad, elsewhere. */
		{ 0, 0, 1, 0, 0x10, 0, 0, 0, 0x11, 0, 0x44, 0, 0x10, 0, 4, 0 },
		{ 0, 8, 1, 0, 0x20, 17, 1, 0, 0x31, 0, 0x44, 0, 0x31, 1, 0x44, 0, 0x10, 1, 1, 0 },
		{ 0, 0, 1, 0, 17, 8, 0x44, 3, 17, 16, 0x44, 1, 17, 128, 0, 9, 16, 64, 0, 1 },
		{ 0, 0, 1, 0, 0x10, 0, 3, 0, 12, 64, 0x60, 0, 0x10, 0, 1, 0, 0x11, 32, 0xa3, 0 },
		{ 0, 0, 0, 0, 0x11, 0, 0xaa, 0, 0x31, 0, 0xaa, 0, 0x51, 0, 0xaa, 0, 13, 0, 6, 0 },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(scenes); i++) {
		put_bytes(scenes[i], sizeof(scenes[i]));
		flush();
	}
}

static void get_records(const struct host *host, const char *pair, uint64_t place,
			uint32_t length)
{
	nl_request(host->nl, NDVAL_CMD_VALUES_GET, 0);
	nl_put_str(host->nl, NDVAL_A_VALUES_PAIR, pair);
	nl_put_str(host->nl, NDVAL_A_VALUES_STREAM, "default");
	nl_put_u64(host->nl, NDVAL_A_VALUES_OFFSET, place);
	nl_put_u32(host->nl, NDVAL_A_VALUES_LENGTH, length);
	nl_put_flag(host->nl, NDVAL_A_VALUES_JOURNAL);
	nl_call(host->nl, NULL, NULL);
}

static void make_requests(void)
{
	struct host host;

	must(host_open(&host));
	get_records(&host, "web1", 0, 100);
	get_records(&host, "web1", 64, 4096);
	get_records(&host, "web1", 8, 64);
	get_records(&host, "web1", 0, 8193);
	host_close(&host);
}

int main(int argc, char **argv)
{
	must(argc == 3);
	output.dir = argv[2];
	if (!strcmp(argv[1], "netlink"))
		record_netlink();
	else if (!strcmp(argv[1], "link"))
		record_link();
	else if (!strcmp(argv[1], "requests"))
		make_requests();
	else
		record_calls();
	flush();
	return 0;
}
