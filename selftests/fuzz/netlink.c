// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of the netlink family: an input is a sequence of requests, each
 *
 *	command options [attributes]
 *
 * as message.h tells, to a host that has two members joined by a link, with
 * a pair each, and a pair of its own. All that a request does is done when
 * send() returns, so nothing is waited for; what it has changed is put right
 * before the next input.
 */
#include <linux/genetlink.h>
#include <sys/socket.h>

#include "../guest/common.h"
#include "../guest/genl.h"
#include "../guest/journal.h"
#include "../guest/peer.h"
#include "kcov.h"
#include "message.h"

#define REQUESTS_MAX	32

/* Inputs from one look at the pairs to the next. */
#define CHECK_EACH	16

/* What a request may ask for, besides its content. */
#define OPTION_DUMP	0x01
#define OPTION_ACK	0x02
#define OPTION_RAW	0x04	/* length byte*: the message from its first byte */
#define OPTION_LENGTH	0x08	/* a signed number to add to the length */
#define OPTION_VERSION	0x10	/* another version, and a reserved field */
#define OPTION_MULTI	0x20	/* sent with the next one */

/* What has to be put right after an input. */
enum change {
	CHANGE_NONE,
	CHANGE_EPOCHS,
	CHANGE_SETTINGS,
	CHANGE_OBJECTS,
};

struct fuzz {
	struct host host;	/* for what the fuzzer itself wants */
	struct genl genl;	/* for the inputs */
	struct kcov kcov;
	char batch[2 * MESSAGE_ROOM];
	size_t filled;
	uint8_t commands[REQUESTS_MAX + 1];	/* by sequence number */
	uint32_t seq;
	uint32_t link;		/* the last one that the kernel named */
	int ends[2];		/* of a socketpair to attach, -1 if none was asked for */
	enum change change;
	unsigned long inputs;
};

static struct fuzz fuzz;

static void add_pair(const char *name, const char *group, const char *member,
		     const char *peer)
{
	must(!host_pair(&fuzz.host, name, group, member, peer));
	must(!host_set(&fuzz.host, name, NDVAL_A_PAIR_MEMORY_MAX, 4 * MIB));
	must(!host_set(&fuzz.host, name, NDVAL_A_PAIR_INSPECT, NDVAL_SWITCH_ON));
	must(!host_set(&fuzz.host, name, NDVAL_A_PAIR_INSTANCES, 3));
}

/* Some records; where a secondary is the first to come, they are on their way. */
static void make_journal(const char *pair)
{
	int fd = node_open(pair, O_NONBLOCK);
	char out[16];

	if (fd < 0)
		return;
	clock_read(fd, CLOCK_REALTIME);
	agree(fd, "fuzz", 4, out, sizeof(out));
	clock_read(fd, NDVAL_CLOCK_CYCLES);
	close(fd);
}

static void make_journals(void)
{
	make_journal("solo");
	make_journal("web1");
	make_journal("web2");
}

/* Everything anew. */
static void make_objects(void)
{
	int ends[2];

	must(host_open(&fuzz.host));
	must(!host_call(&fuzz.host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	must(!host_call(&fuzz.host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m2"));
	add_pair("solo", NULL, NULL, NULL);
	add_pair("web1", "web", "m1", "m2");
	add_pair("web2", "web", "m2", "m1");
	must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	must(!host_attach(&fuzz.host, "m1", "m2", ends[0], &fuzz.link));
	must(!host_attach(&fuzz.host, "m2", "m1", ends[1], NULL));
	close(ends[0]);
	close(ends[1]);
	must(!host_promote(&fuzz.host, "web1"));
	must(host_peer_is(&fuzz.host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC));
	make_journals();
}

static void reset_settings(const char *pair)
{
	static const struct {
		uint16_t type;
		uint64_t value;
	} settings[] = {
		{ NDVAL_A_PAIR_RETAIN, 0 }, { NDVAL_A_PAIR_PREFETCH, 0 },
		{ NDVAL_A_PAIR_RING_SIZE, 256 * KIB }, { NDVAL_A_PAIR_PREFETCH, 16 * KIB },
		{ NDVAL_A_PAIR_RETAIN, 256 * KIB }, { NDVAL_A_PAIR_MAX_STREAMS, 64 },
		{ NDVAL_A_PAIR_MEMORY_MAX, 4 * MIB }, { NDVAL_A_PAIR_OVERFLOW, 0 },
		{ NDVAL_A_PAIR_INSTANCES, 3 }, { NDVAL_A_PAIR_READ_TIMEOUT_MS, 0 },
		{ NDVAL_A_PAIR_PEER_TIMEOUT_MS, 3000 }, { NDVAL_A_PAIR_INSPECT, 1 },
		{ NDVAL_A_PAIR_BIND, 0 }, { NDVAL_A_PAIR_COMMIT, NDVAL_COMMIT_SYNC },
		{ NDVAL_A_PAIR_ON_PEER_LOSS, 0 }, { NDVAL_A_PAIR_ON_DIVERGENCE, 0 },
		{ NDVAL_A_PAIR_JOURNAL_SIZE, 64 * KIB },
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(settings); i++)
		host_set(&fuzz.host, pair, settings[i].type, settings[i].value);
}

/* A new life, with web1 as its primary. */
static void reset_epochs(void)
{
	host_call(&fuzz.host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web2");
	host_call(&fuzz.host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "web1");
	host_promote(&fuzz.host, "web1");
}

static void put_right(void)
{
	if (fuzz.change == CHANGE_OBJECTS) {
		host_close(&fuzz.host);
		make_objects();
	} else if (fuzz.change == CHANGE_SETTINGS) {
		reset_settings("solo");
		reset_settings("web1");
		reset_settings("web2");
	}
	if (fuzz.change == CHANGE_SETTINGS || fuzz.change == CHANGE_EPOCHS) {
		reset_epochs();
		make_journals();
	}
	fuzz.change = CHANGE_NONE;
}

static enum change change_of(int cmd)
{
	switch (cmd) {
	case NDVAL_CMD_MEMBER_NEW:
	case NDVAL_CMD_MEMBER_DEL:
	case NDVAL_CMD_PAIR_NEW:
	case NDVAL_CMD_PAIR_DEL:
	case NDVAL_CMD_PEER_ADD:
	case NDVAL_CMD_PEER_DEL:
	case NDVAL_CMD_LINK_ATTACH:
	case NDVAL_CMD_LINK_DETACH:
	case 0:		/* not known */
		return CHANGE_OBJECTS;
	case NDVAL_CMD_PAIR_SET:
		return CHANGE_SETTINGS;
	case NDVAL_CMD_PROMOTE:
	case NDVAL_CMD_RESYNC:
	case NDVAL_CMD_STREAM_DEL:
	case NDVAL_CMD_DEMOTE:
	case NDVAL_CMD_SWITCHOVER:
	case NDVAL_CMD_OUTDATE:
	case NDVAL_CMD_PEER_OUTDATE:
		return CHANGE_EPOCHS;
	default:
		return CHANGE_NONE;
	}
}

/* A socket to attach is made when it is asked for. */
static size_t known(void *context, int type, void *value)
{
	uint32_t number = fuzz.link;
	int cmd = *(int *)context;

	if (cmd == NDVAL_CMD_LINK_ATTACH && type == NDVAL_A_LINK_FD) {
		if (fuzz.ends[0] < 0)
			must(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fuzz.ends));
		number = fuzz.ends[0];
	}
	memcpy(value, &number, sizeof(number));
	return sizeof(number);
}

static void take_answer(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NDVAL_A_LINK_MAX + 1];
	int cmd = nlh->nlmsg_seq <= REQUESTS_MAX ? fuzz.commands[nlh->nlmsg_seq] : 0;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		if (!error->error && change_of(cmd) > fuzz.change)
			fuzz.change = change_of(cmd);
	} else if (cmd == NDVAL_CMD_LINK_ATTACH && nlh->nlmsg_type == fuzz.genl.family) {
		nl_parse(nlh, tb, NDVAL_A_LINK_MAX);
		fuzz.link = nl_u32(tb[NDVAL_A_LINK_ID]);
	}
}

/* All there is; a dump goes on while it is read. */
static void take_answers(void)
{
	static char answer[65536] __attribute__((aligned(8)));
	int fd = mnl_socket_get_fd(fuzz.genl.nl);
	ssize_t len;

	while ((len = recv(fd, answer, sizeof(answer), MSG_DONTWAIT)) > 0) {
		const struct nlmsghdr *nlh = (const void *)answer;
		int left = len;

		for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
			take_answer(nlh);
	}
}

static void send_batch(void)
{
	send(mnl_socket_get_fd(fuzz.genl.nl), fuzz.batch, fuzz.filled, 0);
	fuzz.filled = 0;
	take_answers();
}

/* What a request says of itself, as the kernel may understand it. */
static void note_command(const struct nlmsghdr *nlh, size_t len)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);

	if (len >= MNL_NLMSG_HDRLEN + sizeof(*genl) && nlh->nlmsg_seq <= REQUESTS_MAX)
		fuzz.commands[nlh->nlmsg_seq] = genl->cmd;
}

static size_t make_raw(struct input *input, struct nlmsghdr *nlh)
{
	const uint8_t *bytes;
	size_t len = input_bytes(input, &bytes, input_byte(input));

	memcpy(nlh, bytes, len);
	/* Only our family: another one is not ours to break. */
	if (len >= MNL_NLMSG_HDRLEN && nlh->nlmsg_type >= NLMSG_MIN_TYPE)
		nlh->nlmsg_type = fuzz.genl.family;
	note_command(nlh, len);
	return len;
}

static size_t make_request(struct input *input, struct nlmsghdr *nlh, int cmd, int options)
{
	struct genlmsghdr *genl;

	mnl_nlmsg_put_header(nlh);
	nlh->nlmsg_type = fuzz.genl.family;
	nlh->nlmsg_flags = NLM_F_REQUEST | (options & OPTION_DUMP ? NLM_F_DUMP : NLM_F_ACK);
	if (options & OPTION_ACK)
		nlh->nlmsg_flags |= NLM_F_ACK;
	nlh->nlmsg_seq = fuzz.seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = NDVAL_FAMILY_VERSION;
	if (options & OPTION_VERSION) {
		genl->version = input_byte(input);
		genl->reserved = input_byte(input);
	}
	note_command(nlh, nlh->nlmsg_len);
	message_attrs(input, nlh, known, &cmd);
	if (options & OPTION_LENGTH)
		nlh->nlmsg_len += (int8_t)input_byte(input);
	return MNL_ALIGN(nlh->nlmsg_len);
}

static void request(struct input *input)
{
	struct nlmsghdr *nlh = (void *)(fuzz.batch + MNL_ALIGN(fuzz.filled));
	int cmd = input_byte(input);
	int options = input_byte(input);

	fuzz.seq++;
	if (options & OPTION_RAW)
		fuzz.filled += make_raw(input, nlh);
	else
		fuzz.filled += make_request(input, nlh, cmd, options);
	if (!(options & OPTION_MULTI) || fuzz.filled >= MESSAGE_ROOM / 2)
		send_batch();
}

/* No pair has more memory than it may. */
static int check_pair(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PAIR_MAX + 1];
	int *pairs = data;

	nl_parse(nlh, tb, NDVAL_A_PAIR_MAX);
	must(tb[NDVAL_A_PAIR_MEMORY] && tb[NDVAL_A_PAIR_MEMORY_MAX]);
	/* A limit that was lowered holds for what is to come. */
	must(fuzz.change || nl_u64(tb[NDVAL_A_PAIR_MEMORY]) <= nl_u64(tb[NDVAL_A_PAIR_MEMORY_MAX]));
	(*pairs)++;
	return MNL_CB_OK;
}

static void check(void)
{
	int pairs = 0;

	nl_request(fuzz.host.nl, NDVAL_CMD_PAIR_GET, NLM_F_DUMP);
	must(!nl_call(fuzz.host.nl, check_pair, &pairs));
	must(pairs >= 3 || fuzz.change == CHANGE_OBJECTS);
}

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
	fuzz_begin();
	fuzz.ends[0] = -1;
	make_objects();
	must(genl_open(&fuzz.genl));
	kcov_open(&fuzz.kcov);
	kcov_trace(&fuzz.kcov);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };

	fuzz_input(data, size);
	fuzz.seq = 0;
	memset(fuzz.commands, 0, sizeof(fuzz.commands));
	kcov_forget(&fuzz.kcov);
	while (!input_ended(&input) && fuzz.seq < REQUESTS_MAX)
		request(&input);
	if (fuzz.filled)
		send_batch();
	kcov_take(&fuzz.kcov);
	if (fuzz.ends[0] >= 0) {
		close(fuzz.ends[0]);
		close(fuzz.ends[1]);
		fuzz.ends[0] = -1;
	}
	/* What changed nothing need not be looked at each time. */
	if (fuzz.change || ++fuzz.inputs % CHECK_EACH == 0)
		check();
	put_right();
	return 0;
}
