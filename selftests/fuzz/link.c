// SPDX-License-Identifier: GPL-2.0-only
/*
 * Fuzzer of links: an input is what a peer sends over one, to a member that
 * is primary of the pair "prim" and secondary of the pair "sec". Its first
 * byte says how far the two have come before; then there are steps, each
 *
 *	command options [attributes]
 *
 * a message as message.h tells, or something that happens on this side, see
 * enum step. PING after the last one, and its answer, or the end of the link,
 * say that the kernel has seen them all; so nothing is waited for but that.
 */
#include <linux/genetlink.h>
#include <poll.h>
#include <sys/socket.h>

#include "../guest/common.h"
#include "../guest/journal.h"
#include "../guest/peer.h"
#include "kcov.h"
#include "link.h"
#include "message.h"

#define STEPS_MAX	64

/* Of each pair. */
#define STREAMS_MAX	8

/* Inputs from one look at the memory to the next. */
#define CHECK_EACH	8

/* What the kernel expects next on a link, which ends at the first bad header. */
struct framing {
	char header[MNL_NLMSG_HDRLEN];
	size_t filled;
	size_t missing;		/* of a body */
	bool broken;
};

struct fuzz {
	struct host host;
	struct kcov kcov;
	struct fake prim;	/* our side of "prim", and the link */
	struct side sec;	/* our side of "sec": the primary */
	struct framing framing;
	uint64_t stream_id;	/* the last one that the kernel named in "prim" */
	uint64_t journal_id;
	char stops[KNOWN_MAX];	/* of the last CHECK that came */
	size_t stops_len;
	uint64_t time;		/* of the last PING */
	bool linked;		/* there is a link */
	bool greeted;		/* HELLO was said on it */
	bool ended;		/* the kernel has closed it */
	bool set;		/* a setting was changed */
	unsigned long inputs;
};

static struct fuzz fuzz;

static void add_pair(const char *name)
{
	must(!host_pair(&fuzz.host, name, NULL, "m1", "m2"));
	must(!host_set(&fuzz.host, name, NDVAL_A_PAIR_MEMORY_MAX, 4 * MIB));
	must(!host_set(&fuzz.host, name, NDVAL_A_PAIR_MAX_STREAMS, STREAMS_MAX));
	must(!host_set(&fuzz.host, name, NDVAL_A_PAIR_PEER_TIMEOUT_MS, 30000));
}

/* Has the kernel begun a message that is not whole? It waits for the rest, or is gone. */
static void frame(struct framing *framing, const char *bytes, size_t len)
{
	const struct nlmsghdr *nlh = (const void *)framing->header;

	while (len && !framing->broken) {
		size_t step;

		if (framing->missing) {
			step = len < framing->missing ? len : framing->missing;
			framing->missing -= step;
		} else {
			step = sizeof(*nlh) - framing->filled;
			step = len < step ? len : step;
			memcpy(framing->header + framing->filled, bytes, step);
			framing->filled += step;
		}
		bytes += step;
		len -= step;
		if (framing->filled < sizeof(*nlh))
			continue;
		framing->filled = 0;
		framing->broken = nlh->nlmsg_len < sizeof(*nlh) + sizeof(struct genlmsghdr) ||
				  nlh->nlmsg_len > NDVAL_WIRE_MESSAGE_MAX;
		framing->missing = nlh->nlmsg_len - sizeof(*nlh);
	}
}

static void learn_stops(const struct nlattr *stops)
{
	size_t len = mnl_attr_get_payload_len(stops);

	fuzz.stops_len = len < sizeof(fuzz.stops) ? len : sizeof(fuzz.stops);
	memcpy(fuzz.stops, mnl_attr_get_payload(stops), fuzz.stops_len);
}

/* What came from the kernel tells us what it would understand. */
static void learn(const struct said *said)
{
	if (said->cmd == NDVAL_WIRE_CMD_CHECK)
		learn_stops(said->tb[NDVAL_WIRE_A_STOPS]);
	if (!said->tb[NDVAL_WIRE_A_PAIR] ||
	    strcmp(said_text(said, NDVAL_WIRE_A_PAIR), "prim"))
		return;
	if (said->tb[NDVAL_WIRE_A_STREAM_ID] && said->tb[NDVAL_WIRE_A_JOURNAL])
		fuzz.journal_id = said_u64(said, NDVAL_WIRE_A_STREAM_ID);
	else if (said->tb[NDVAL_WIRE_A_STREAM_ID])
		fuzz.stream_id = said_u64(said, NDVAL_WIRE_A_STREAM_ID);
	if (said->cmd == NDVAL_WIRE_CMD_PAIR && said->tb[NDVAL_WIRE_A_EPOCH_ID])
		side_adopt(&fuzz.prim.side, said);
}

/* Takes what came; waits @ms for more. Return: the command, 0 at the end, -1. */
static int hear(int ms)
{
	int cmd = peer_receive(&fuzz.prim.peer, &fuzz.prim.said, ms);

	if (cmd > 0)
		learn(&fuzz.prim.said);
	else if (!cmd)
		fuzz.ended = true;
	return cmd;
}

/* Bytes to the kernel; what it says meanwhile is heard, so that it never waits. */
static void say(const void *bytes, size_t len)
{
	const char *at = bytes;

	frame(&fuzz.framing, bytes, len);
	while (len && !fuzz.ended) {
		ssize_t sent = send(fuzz.prim.peer.fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && errno != EAGAIN)
			break;
		if (sent > 0) {
			at += sent;
			len -= sent;
			continue;
		}
		if (hear(0) < 0)
			must(file_is_ready(fuzz.prim.peer.fd, POLLIN | POLLOUT, PATIENCE_MS));
	}
}

/* Waits until the kernel has seen all that was said. */
static void sync_link(void)
{
	struct wire *wire = &fuzz.prim.wire;
	int cmd;

	if (fuzz.ended)
		return;
	if (fuzz.framing.missing || fuzz.framing.filled) {
		/* It waits for the rest of a message. */
		shutdown(fuzz.prim.peer.fd, SHUT_WR);
	} else {
		wire_time(wire, NDVAL_WIRE_CMD_PING, ++fuzz.time);
		say(wire->buf, wire->nlh->nlmsg_len);
	}
	do {
		cmd = hear(PATIENCE_MS);
		must(cmd >= 0);
	} while (cmd && !(cmd == NDVAL_WIRE_CMD_PONG &&
			  said_u64(&fuzz.prim.said, NDVAL_WIRE_A_TIME) == fuzz.time));
}

/* What a message is about. */
struct about {
	const struct side *side;
	bool journal;
};

static uint64_t stream_of(const struct about *about)
{
	if (about->side == &fuzz.sec)
		return about->journal ? FAKE_JOURNAL_ID : FAKE_STREAM_ID;
	return about->journal ? fuzz.journal_id : fuzz.stream_id;
}

static size_t put_number(void *value, uint64_t number, size_t size)
{
	memcpy(value, &number, size);
	return size;
}

static size_t put_text(void *value, const char *text)
{
	size_t size = strlen(text) + 1;

	memcpy(value, text, size);
	return size;
}

/* The current epoch, and if there is room those before it. */
static size_t put_history(struct epoch *history, const struct side *side)
{
	size_t n = 0;

	if (!side->epoch_id)
		return 0;
	if (side->npast < KNOWN_MAX / sizeof(*history)) {
		memcpy(history, side->past, side->npast * sizeof(*history));
		n = side->npast;
	}
	history[n++] = (struct epoch){ side->epoch, side->epoch_id };
	return n * sizeof(*history);
}

/* Each epoch a chunk behind the one before it. */
static size_t put_starts(uint64_t *starts)
{
	int i;

	for (i = 0; i < EPOCHS; i++)
		starts[i] = i * CHUNK;
	return EPOCHS * sizeof(*starts);
}

/* The kernel's object of a pair. */
static uint64_t object_of(const struct side *side)
{
	return host_pair_get(&fuzz.host, side->pair, NDVAL_A_PAIR_MEMBER_ID);
}

static size_t put_stops(void *value)
{
	memcpy(value, fuzz.stops, fuzz.stops_len);
	return fuzz.stops_len;
}

/* Each clock a second after the one before it, never set. */
static size_t put_clocks(uint64_t *clocks)
{
	int i;

	for (i = 0; i < 5; i++) {
		clocks[2 * i] = (i + 1) * 1000000000ULL;
		clocks[2 * i + 1] = i < 4 ? 0 : 1000000;
	}
	return 10 * sizeof(*clocks);
}

/* What is true of one of the pairs, or of us. */
static size_t known(void *context, int type, void *value)
{
	const struct about *about = context;
	const struct side *side = about->side;

	switch (type) {
	case NDVAL_WIRE_A_MEMBER:
		return put_text(value, fuzz.prim.peer.name);
	case NDVAL_WIRE_A_TO:
		return put_text(value, fuzz.prim.peer.to);
	case NDVAL_WIRE_A_MEMBER_ID:
		return put_number(value, fuzz.prim.peer.id, 8);
	case NDVAL_WIRE_A_SERIAL:
		return put_number(value, fuzz.prim.peer.serial, 8);
	case NDVAL_WIRE_A_PAIR:
		return put_text(value, side->pair);
	case NDVAL_WIRE_A_INCARNATION:
		return put_number(value, side->incarnation, 8);
	case NDVAL_WIRE_A_EPOCH:
		return put_number(value, side->epoch, 8);
	case NDVAL_WIRE_A_EPOCH_ID:
		return put_number(value, side->epoch_id, 8);
	case NDVAL_WIRE_A_SEEN_ID:
		return put_number(value, side->seen_id, 8);
	case NDVAL_WIRE_A_PAIR_ID:
		return put_number(value, side->pair_id, 8);
	case NDVAL_WIRE_A_ROLE:
		return put_number(value, side->role, 4);
	case NDVAL_WIRE_A_HISTORY:
		return put_history(value, side);
	case NDVAL_WIRE_A_STARTS:
		return put_starts(value);
	case NDVAL_WIRE_A_STREAM_ID:
		return put_number(value, stream_of(about), 8);
	case NDVAL_WIRE_A_FOR_ID:
		return put_number(value, object_of(side), 8);
	case NDVAL_WIRE_A_STOPS:
		return put_stops(value);
	case NDVAL_WIRE_A_CLOCKS:
		return put_clocks(value);
	default:
		return put_number(value, fuzz.time, 8);
	}
}

static void message(struct input *input, int cmd, int options)
{
	struct about about = {
		.side = options & OPTION_SEC ? &fuzz.sec : &fuzz.prim.side,
		.journal = options & OPTION_JOURNAL,
	};
	struct wire *wire = &fuzz.prim.wire;
	struct genlmsghdr *genl;
	size_t len;

	wire_begin(wire, cmd);
	genl = mnl_nlmsg_get_payload(wire->nlh);
	message_attrs(input, wire->nlh, known, &about);
	len = wire->nlh->nlmsg_len;
	if (options & OPTION_HEADER) {
		wire->nlh->nlmsg_type ^= input_byte(input);
		wire->nlh->nlmsg_flags = input_byte(input);
		genl->version ^= input_byte(input);
		genl->reserved = input_byte(input);
	}
	if (options & OPTION_LENGTH)
		wire->nlh->nlmsg_len += (int8_t)input_byte(input);
	if (options & OPTION_CUT)
		len -= input_byte(input) % len;
	say(wire->buf, len);
}

static int open_node(bool sec)
{
	int fd = open(sec ? "/dev/ndval-sec" : "/dev/ndval-prim",
		      O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	must(fd >= 0);
	return fd;
}

static void read_node(bool sec, size_t len)
{
	static char values[65536];
	int fd = open_node(sec);

	get(fd, values, len);
	close(fd);
}

/* A call of the journal, by either pair's instance. */
static void call_journal(bool sec, int cmd, uint8_t arg)
{
	static char value[256];
	int fd = open_node(sec);

	if (cmd == STEP_CLOCK)
		clock_read(fd, all_clocks[arg % ARRAY_LEN(all_clocks)]);
	else
		agree(fd, value, arg, value, sizeof(value));
	close(fd);
}

/* As if we had been promoted. */
static void be_promoted(struct side *side)
{
	/* There must be room for the history in what is known(). */
	if (side->npast + 1 < KNOWN_MAX / sizeof(struct epoch))
		side_promote(side, side->epoch_id + 1);
}

static void set(const char *pair, struct input *input)
{
	static const uint16_t settings[] = {
		NDVAL_A_PAIR_RING_SIZE, NDVAL_A_PAIR_RETAIN, NDVAL_A_PAIR_PREFETCH,
		NDVAL_A_PAIR_OVERFLOW, NDVAL_A_PAIR_INSTANCES, NDVAL_A_PAIR_BIND,
		NDVAL_A_PAIR_COMMIT, NDVAL_A_PAIR_ON_PEER_LOSS, NDVAL_A_PAIR_ON_DIVERGENCE,
		NDVAL_A_PAIR_JOURNAL_SIZE,
	};
	uint16_t type = settings[input_byte(input) % ARRAY_LEN(settings)];

	fuzz.set = true;
	host_set(&fuzz.host, pair, type, corner_of(input_byte(input), input_byte(input)));
}

static void delete_stream(const char *pair, const char *stream)
{
	nl_request(fuzz.host.nl, NDVAL_CMD_STREAM_DEL, 0);
	nl_put_str(fuzz.host.nl, NDVAL_A_STREAM_PAIR, pair);
	nl_put_str(fuzz.host.nl, NDVAL_A_STREAM_NAME, stream);
	nl_call(fuzz.host.nl, NULL, NULL);
}

static void connect_link(void)
{
	must(peer_connect(&fuzz.host, &fuzz.prim.peer, "m1", "m2"));
	memset(&fuzz.framing, 0, sizeof(fuzz.framing));
	fuzz.linked = true;
	fuzz.greeted = false;
	fuzz.ended = false;
}

static bool is_gone(uint32_t link)
{
	nl_request(fuzz.host.nl, NDVAL_CMD_LINK_GET, 0);
	nl_put_u32(fuzz.host.nl, NDVAL_A_LINK_ID, link);
	return nl_call(fuzz.host.nl, NULL, NULL) == -ENOENT;
}

/* Until the pairs know that the peer has gone. */
static void hang_up(void)
{
	if (!fuzz.linked)
		return;
	peer_close(&fuzz.prim.peer);
	must(wait_until(is_gone(fuzz.prim.peer.link), PATIENCE_MS / 1000));
	fuzz.linked = false;
}

/* Whatever we said to be, we are not any more. */
static void take_back(void)
{
	struct side gone = { .gone = true };

	gone.pair = "prim";
	wire_pair(&fuzz.prim.wire, &gone);
	say(fuzz.prim.wire.buf, fuzz.prim.wire.nlh->nlmsg_len);
	gone.pair = "sec";
	wire_pair(&fuzz.prim.wire, &gone);
	say(fuzz.prim.wire.buf, fuzz.prim.wire.nlh->nlmsg_len);
	sync_link();
}

/* A second link to the same peer; the first one is read to its end. */
static void replace_link(void)
{
	int old = fuzz.prim.peer.fd;

	connect_link();
	wire_hello(&fuzz.prim.wire, &fuzz.prim.peer);
	say(fuzz.prim.wire.buf, fuzz.prim.wire.nlh->nlmsg_len);
	fuzz.greeted = true;
	sync_link();
	close(old);
}

static void step(struct input *input)
{
	int cmd = input_byte(input);
	int options = input_byte(input);
	const char *pair = options & OPTION_SEC ? "sec" : "prim";
	const uint8_t *bytes;
	size_t len;

	switch (cmd) {
	case STEP_RAW:
		len = input_bytes(input, &bytes, input_byte(input));
		say(bytes, len);
		break;
	case STEP_READ:
		read_node(options & OPTION_SEC, input_byte(input) * 256 + options);
		break;
	case STEP_PROMOTE:
		host_promote(&fuzz.host, pair);
		break;
	case STEP_RESYNC:
		host_call(&fuzz.host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, pair);
		break;
	case STEP_STREAM_DEL:
		delete_stream(pair, name_of(input_byte(input)));
		break;
	case STEP_SET:
		set(pair, input);
		break;
	case STEP_SYNC:
		sync_link();
		break;
	case STEP_REPLACE:
		if (!fuzz.ended)
			replace_link();
		break;
	case STEP_TAKE_OVER:
		host_take_over(&fuzz.host, pair);
		break;
	case STEP_DEMOTE:
		host_call(&fuzz.host, NDVAL_CMD_DEMOTE, NDVAL_A_PAIR_NAME, pair);
		break;
	case STEP_SWITCHOVER:
		host_call(&fuzz.host, NDVAL_CMD_SWITCHOVER, NDVAL_A_PAIR_NAME, pair);
		break;
	case STEP_OUTDATE:
		host_call(&fuzz.host, NDVAL_CMD_OUTDATE, NDVAL_A_PAIR_NAME, pair);
		break;
	case STEP_CLOCK:
	case STEP_AGREE:
		call_journal(options & OPTION_SEC, cmd, input_byte(input));
		break;
	case STEP_PROMOTED:
		be_promoted(options & OPTION_SEC ? &fuzz.sec : &fuzz.prim.side);
		break;
	case STEP_HALF_CLOSE:
		shutdown(fuzz.prim.peer.fd, SHUT_WR);
		fuzz.framing.missing = 1;
		break;
	default:
		message(input, cmd, options);
	}
}

static bool is_fit(void)
{
	return fuzz.linked && !fuzz.ended && !fuzz.framing.missing && !fuzz.framing.filled;
}

/*
 * Both pairs, as far as they come before the lies begin. A link that the last
 * input has not spoiled goes on: a new one costs more than most inputs.
 */
static void begin(enum stage stage)
{
	struct wire *wire = &fuzz.prim.wire;
	uint64_t epoch_id;

	if (stage != JOINED)
		hang_up();
	side_secondary(&fuzz.prim.side, "prim");
	side_primary(&fuzz.sec, "sec");
	fuzz.sec.for_id = object_of(&fuzz.sec);
	fuzz.prim.side.for_id = object_of(&fuzz.prim.side);
	fuzz.stream_id = 0;
	fuzz.journal_id = 0;
	fuzz.stops_len = 0;
	if (!fuzz.linked)
		connect_link();
	if (stage == SILENT)
		return;
	wire_hello(wire, &fuzz.prim.peer);
	if (!fuzz.greeted)
		say(wire->buf, wire->nlh->nlmsg_len);
	fuzz.greeted = true;
	if (stage == GREETED)
		return;
	wire_pair(wire, &fuzz.sec);
	say(wire->buf, wire->nlh->nlmsg_len);
	/* It must be the kernel's epoch that "prim" is told of. */
	epoch_id = host_pair_get(&fuzz.host, "prim", NDVAL_A_PAIR_EPOCH_ID);
	while (fuzz.prim.side.epoch_id != epoch_id && !fuzz.ended)
		must(hear(PATIENCE_MS) >= 0);
	wire_pair(wire, &fuzz.prim.side);
	say(wire->buf, wire->nlh->nlmsg_len);
}

/* Neither pair has more memory than it may. */
static void check(const char *pair)
{
	must(host_pair_get(&fuzz.host, pair, NDVAL_A_PAIR_MEMORY) <= 4 * MIB);
}

/* What a peer or STEP_SET may have changed. */
static void put_right(const char *pair)
{
	host_set(&fuzz.host, pair, NDVAL_A_PAIR_RETAIN, 0);
	host_set(&fuzz.host, pair, NDVAL_A_PAIR_PREFETCH, 0);
	must(!host_set(&fuzz.host, pair, NDVAL_A_PAIR_RING_SIZE, 256 * KIB));
	must(!host_set(&fuzz.host, pair, NDVAL_A_PAIR_PREFETCH, 16 * KIB));
	must(!host_set(&fuzz.host, pair, NDVAL_A_PAIR_OVERFLOW, NDVAL_OVERFLOW_DROP));
	must(!host_set(&fuzz.host, pair, NDVAL_A_PAIR_INSTANCES, 1));
	must(!host_set(&fuzz.host, pair, NDVAL_A_PAIR_JOURNAL_SIZE, 64 * KIB));
}

/* A peer may have said so, or STEP_SET; only a primary may set them. */
static void put_right_of_primary(const char *pair)
{
	must(!host_set(&fuzz.host, pair, NDVAL_A_PAIR_COMMIT, NDVAL_COMMIT_SYNC));
	must(!host_set(&fuzz.host, pair, NDVAL_A_PAIR_ON_PEER_LOSS,
		       NDVAL_ON_PEER_LOSS_CONTINUE));
	must(!host_set(&fuzz.host, pair, NDVAL_A_PAIR_ON_DIVERGENCE,
		       NDVAL_ON_DIVERGENCE_FAIL));
}

struct streams {
	size_t count;
	char pair[2 * STREAMS_MAX][64];
	char name[2 * STREAMS_MAX][64];
};

static int take_stream(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_STREAM_MAX + 1];
	struct streams *streams = data;
	const char *pair;

	nl_parse(nlh, tb, NDVAL_A_STREAM_MAX);
	pair = nl_str(tb[NDVAL_A_STREAM_PAIR]);
	if (strcmp(pair, "prim") && strcmp(pair, "sec"))
		return MNL_CB_OK;
	must(streams->count < ARRAY_LEN(streams->name));
	snprintf(streams->pair[streams->count], 64, "%s", pair);
	snprintf(streams->name[streams->count++], 64, "%s", nl_str(tb[NDVAL_A_STREAM_NAME]));
	return MNL_CB_OK;
}

/* Only a primary may delete streams. */
static void delete_streams(const struct streams *streams, const char *pair)
{
	size_t i;

	for (i = 0; i < streams->count; i++)
		if (!strcmp(streams->pair[i], pair))
			delete_stream(pair, streams->name[i]);
}

/* Both pairs begin anew: "sec" knows nothing, "prim" leads, neither has a stream. */
static void reset_pairs(void)
{
	static struct streams streams;

	streams.count = 0;
	nl_request(fuzz.host.nl, NDVAL_CMD_STREAM_GET, NLM_F_DUMP);
	must(!nl_call(fuzz.host.nl, take_stream, &streams));
	must(!host_call(&fuzz.host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "prim"));
	must(!host_promote(&fuzz.host, "prim"));
	put_right_of_primary("prim");
	delete_streams(&streams, "prim");
	must(!host_call(&fuzz.host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "sec"));
	must(!host_promote(&fuzz.host, "sec"));
	put_right_of_primary("sec");
	delete_streams(&streams, "sec");
	must(!host_call(&fuzz.host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME, "sec"));
}

int LLVMFuzzerInitialize(int *argc UNUSED, char ***argv UNUSED)
{
	fuzz_begin();
	must(host_open(&fuzz.host));
	/* Without the events, which nobody reads here. */
	host_close(&fuzz.host);
	fuzz.host.nl = nl_open();
	must(fuzz.host.nl);
	must(!host_call(&fuzz.host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	add_pair("prim");
	add_pair("sec");
	reset_pairs();
	kcov_open(&fuzz.kcov);
	kcov_trace_links(&fuzz.kcov);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, data + size };
	uint8_t head = input_byte(&input) % 8;
	/* Most have come to an understanding. */
	enum stage stage = head > GREETED ? JOINED : head;
	int steps = 0;

	fuzz_input(data, size);
	begin(stage);
	kcov_forget(&fuzz.kcov);
	while (!input_ended(&input) && steps++ < STEPS_MAX)
		step(&input);
	sync_link();
	kcov_take(&fuzz.kcov);
	if (stage == JOINED && is_fit())
		take_back();
	if (stage != JOINED || !is_fit())
		hang_up();
	if (++fuzz.inputs % CHECK_EACH == 0) {
		check("prim");
		check("sec");
	}
	if (fuzz.set) {
		put_right("prim");
		put_right("sec");
		fuzz.set = false;
	}
	reset_pairs();
	return 0;
}
