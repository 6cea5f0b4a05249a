// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every command of the family while one allocation after the other fails: it
 * is done or it is not, whole, and the answer says which; if the answer itself
 * is lost (ENOBUFS, or EFAULT on its way to us), it may be either.
 *
 * vm: flavours=debug sources=fault.c,peer.c,../../tools/lib/nl.c libs=-lmnl
 * vm: timeout=600
 */
#include "kselftest_harness.h"

#include <linux/genetlink.h>
#include <sys/socket.h>

#include "common.h"
#include "fault.h"
#include "journal.h"
#include "peer.h"

#define SWEEPS		2
#define FNV_PRIME	0x100000001b3ULL

/* What the family knows, in numbers. */
struct census {
	unsigned int	objects;
	__u64		names;
};

struct trial {
	struct host host;
	struct fault fault;
	struct census before;
	int ends[2];
	int fd;
};

FIXTURE(netlink)
{
	struct trial trial;
};

static const __u8 dumps[] = {
	NDVAL_CMD_MEMBER_GET, NDVAL_CMD_PAIR_GET, NDVAL_CMD_PEER_GET, NDVAL_CMD_LINK_GET,
	NDVAL_CMD_STREAM_GET, NDVAL_CMD_INSTANCE_GET,
};

/* Counts an object, and what names it: the first two attributes of each kind. */
static int count_object(const struct nlmsghdr *nlh, void *data)
{
	struct census *census = data;
	const struct nlattr *attr;

	census->objects++;
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		const char *at = mnl_attr_get_payload(attr);
		__u64 hash = mnl_attr_get_type(attr);

		if (mnl_attr_get_type(attr) > 2 ||
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) < 0)
			continue;
		while (*at)
			hash = (hash ^ (unsigned char)*at++) * FNV_PRIME;
		census->names += hash;
	}
	return MNL_CB_OK;
}

static int dump(struct nl *nl, __u8 cmd, struct census *census)
{
	nl_request(nl, cmd, NLM_F_DUMP);
	return nl_call(nl, count_object, census);
}

static struct census count(struct host *host)
{
	struct census census = { 0 };
	size_t i;

	for (i = 0; i < ARRAY_LEN(dumps); i++)
		if (dump(host->nl, dumps[i], &census))
			return (struct census){ 0 };
	return census;
}

static bool is_as_before(struct host *host, const struct census *before)
{
	const struct census now = count(host);

	return now.objects == before->objects && now.names == before->names;
}

/* Removal goes on after the answer. */
static bool comes_back(struct host *host, const struct census *before)
{
	return wait_until(is_as_before(host, before), 20);
}

FIXTURE_SETUP(netlink)
{
	char byte;

	memset(&self->trial, 0, sizeof(*&self->trial));
	ASSERT_TRUE(host_open(&self->trial.host));
	ASSERT_EQ(0, host_call(&self->trial.host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->trial.host, "own", NULL, NULL, NULL));
	ASSERT_EQ(0, host_set(&self->trial.host, "own", NDVAL_A_PAIR_INSPECT, NDVAL_SWITCH_ON));
	self->trial.fd = node_open("own", 0);
	ASSERT_EQ(1, get(self->trial.fd, &byte, 1));
	ASSERT_NE(0, clock_read(self->trial.fd, CLOCK_REALTIME));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->trial.ends));
	ASSERT_TRUE(fault_open(&self->trial.fault, "thread-self"));
	self->trial.before = count(&self->trial.host);
	ASSERT_LE(4, self->trial.before.objects);
}

FIXTURE_TEARDOWN(netlink)
{
	fault_close(&self->trial.fault);
	close(self->trial.ends[0]);
	close(self->trial.ends[1]);
	close(self->trial.fd);
	host_close(&self->trial.host);
	/* The rest goes with the next. */
	ASSERT_TRUE(host_open(&self->trial.host));
	host_close(&self->trial.host);
}

/* A command, and how to know and undo what it did. */
struct command {
	void (*request)(struct trial *self, struct nl *nl);
	bool (*is_done)(struct trial *self);
	/* Before each time; NULL if nothing is to be made. */
	bool (*prepare)(struct trial *self);
	/* After each time, whether it was done or not. */
	void (*undo)(struct trial *self);
};

/* What became of it. */
struct tally {
	unsigned int	refused;
	unsigned int	unknown;	/* done without an answer */
};

/* Is the answer true? */
static bool is_answer(int err, bool done)
{
	switch (err) {
	case 0:
		return done;
	case -ENOMEM:
	case -EAGAIN:
		return !done;
	case -ENOBUFS:
	case -EFAULT:
		return true;
	}
	return false;
}

static void try_one(struct __test_metadata *_metadata, struct trial *self,
		    const struct command *command, struct tally *tally)
{
	struct nl *nl = nl_open();
	bool done;
	int err;

	ASSERT_NE(NULL, nl);
	ASSERT_TRUE(!command->prepare || command->prepare(self));
	command->request(self, nl);
	fault_arm(&self->fault);
	err = nl_call(nl, NULL, NULL);
	fault_disarm(&self->fault);
	done = command->is_done(self);
	ASSERT_TRUE(is_answer(err, done)) {
		TH_LOG("number %u: %s, but it is %sdone: %s", self->fault.nth,
		       err ? strerror(-err) : "done", done ? "" : "not ", nl_message(nl));
	}
	ASSERT_TRUE(self->fault.reached || !err);
	tally->refused += err && !done;
	tally->unknown += err && done;
	if (command->undo)
		command->undo(self);
	ASSERT_TRUE(comes_back(&self->host, &self->before)) {
		TH_LOG("number %u: %s; something is left", self->fault.nth, strerror(-err));
	}
	nl_close(nl);
}

static void try_all(struct __test_metadata *_metadata, struct trial *self,
		    const struct command *command)
{
	struct tally tally = { 0 };
	int sweep;

	/* A slab that is filled up on the way shifts the numbers: some would be missed. */
	for (sweep = 0; sweep < SWEEPS; sweep++) {
		self->fault.nth = 0;
		while (fault_next(&self->fault))
			try_one(_metadata, self, command, &tally);
	}
	TH_LOG("%u injections: %u refused, %u done without an answer", self->fault.injected,
	       tally.refused, tally.unknown);
	EXPECT_LT(3, self->fault.injected);
	EXPECT_LT(0, tally.refused);
}

/* Is there such an object? */
static bool is_there(struct trial *self, __u8 cmd, __u16 type, const char *name)
{
	return !host_call(&self->host, cmd, type, name);
}

/* Members */

static void member_new(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_MEMBER_NEW, 0);
	nl_put_str(nl, NDVAL_A_MEMBER_NAME, "m9");
}

static bool has_member(struct trial *self)
{
	return is_there(self, NDVAL_CMD_MEMBER_GET, NDVAL_A_MEMBER_NAME, "m9");
}

static void unmake_member(struct trial *self)
{
	host_member_del(&self->host, "m9");
}

TEST_F_TIMEOUT(netlink, member_new, 300)
{
	const struct command command = { member_new, has_member, NULL, unmake_member };

	try_all(_metadata, &self->trial, &command);
}

static void member_del(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_MEMBER_DEL, 0);
	nl_put_str(nl, NDVAL_A_MEMBER_NAME, "m9");
}

static bool make_member(struct trial *self)
{
	return !host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m9");
}

static bool has_no_member(struct trial *self)
{
	return !has_member(self);
}

TEST_F_TIMEOUT(netlink, member_del, 300)
{
	const struct command command = {
		member_del, has_no_member, make_member, unmake_member,
	};

	try_all(_metadata, &self->trial, &command);
}

/* Pairs */

static void ask_pair_new(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PAIR_NEW, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, "web1");
	nl_put_str(nl, NDVAL_A_PAIR_GROUP, "web");
	nl_put_str(nl, NDVAL_A_PAIR_MEMBER, "m1");
	nl_put_str(nl, NDVAL_A_PAIR_PEER, "m2");
	nl_put_str(nl, NDVAL_A_PAIR_PEER, "m3");
	nl_put_u32(nl, NDVAL_A_PAIR_INSTANCES, 3);
}

/* With its node and its attributes, or it is not whole. */
static bool has_pair(struct trial *self)
{
	bool there = is_there(self, NDVAL_CMD_PAIR_GET, NDVAL_A_PAIR_NAME, "web1");

	return there && sys_get("web1", "peers") == 2 && !access("/dev/ndval-web1", R_OK);
}

static void unmake_pair(struct trial *self)
{
	host_pair_del(&self->host, "web1");
}

TEST_F_TIMEOUT(netlink, pair_new, 600)
{
	const struct command command = { ask_pair_new, has_pair, NULL, unmake_pair };

	try_all(_metadata, &self->trial, &command);
}

/* The name is free when the node of the one before it has gone. */
static bool make_pair(struct trial *self)
{
	struct nl *nl = nl_open();
	int err = -EEXIST;

	wait_until((ask_pair_new(self, nl), err = nl_call(nl, NULL, NULL)) != -EEXIST, 20);
	nl_close(nl);
	return !err;
}

static void ask_pair_del(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PAIR_DEL, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, "web1");
}

static bool has_no_pair(struct trial *self)
{
	return !is_there(self, NDVAL_CMD_PAIR_GET, NDVAL_A_PAIR_NAME, "web1");
}

TEST_F_TIMEOUT(netlink, pair_del, 300)
{
	const struct command command = { ask_pair_del, has_no_pair, make_pair, unmake_pair };

	try_all(_metadata, &self->trial, &command);
}

static void ask_pair_set(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PAIR_SET, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, "own");
	nl_put_u32(nl, NDVAL_A_PAIR_READ_TIMEOUT_MS, 77);
	nl_put_u32(nl, NDVAL_A_PAIR_INSTANCES, 3);
	nl_put_u32(nl, NDVAL_A_PAIR_JOURNAL_SIZE, 8 * KIB);
}

/* All of it or nothing: half of it is a failure, whatever is answered. */
static bool is_set(struct trial *self)
{
	bool timeout = host_pair_get(&self->host, "own",
				     NDVAL_A_PAIR_READ_TIMEOUT_MS) == 77;
	bool instances = host_pair_get(&self->host, "own", NDVAL_A_PAIR_INSTANCES) == 3;
	bool journal = host_pair_get(&self->host, "own",
				     NDVAL_A_PAIR_JOURNAL_SIZE) == 8 * KIB;

	if (timeout != instances || timeout != journal)
		abort();
	return timeout;
}

static void unset(struct trial *self)
{
	host_set(&self->host, "own", NDVAL_A_PAIR_READ_TIMEOUT_MS, 0);
	host_set(&self->host, "own", NDVAL_A_PAIR_INSTANCES, 1);
	host_set(&self->host, "own", NDVAL_A_PAIR_JOURNAL_SIZE, 64 * KIB);
}

TEST_F_TIMEOUT(netlink, pair_set, 300)
{
	const struct command command = { ask_pair_set, is_set, NULL, unset };

	try_all(_metadata, &self->trial, &command);
}

static void promote(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PROMOTE, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, "web1");
	nl_put_flag(nl, NDVAL_A_PAIR_NEW);
}

/* A secondary with a stream that its reader asked for. */
static bool make_asking(struct trial *self)
{
	bool asked;
	char byte;
	int fd;

	if (!make_pair(self))
		return false;
	fd = node_open("web1", O_NONBLOCK);
	asked = node_ready(fd) && get(fd, &byte, 1) == -EAGAIN;
	close(fd);
	return asked;
}

/* The primary of an epoch, that delivers. */
static bool is_promoted(struct trial *self)
{
	__u64 role = host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE);
	ssize_t ret;
	char byte;
	int fd;

	fd = node_open("web1", O_NONBLOCK);
	ret = node_ready(fd) ? get(fd, &byte, 1) : -EAGAIN;
	close(fd);
	return role == NDVAL_ROLE_PRIMARY && ret == 1 && sys_get("web1", "epoch") == 1;
}

TEST_F_TIMEOUT(netlink, promote, 300)
{
	const struct command command = { promote, is_promoted, make_asking, unmake_pair };

	try_all(_metadata, &self->trial, &command);
}

static void resync(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_RESYNC, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, "web1");
}

static bool make_primary(struct trial *self)
{
	if (!make_asking(self))
		return false;
	promote(self, self->host.nl);
	return !nl_call(self->host.nl, NULL, NULL) && is_promoted(self);
}

/* A secondary that knows nothing, or the primary it was, which still delivers. */
static bool is_resynced(struct trial *self)
{
	if (host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE) == NDVAL_ROLE_SECONDARY &&
	    !sys_get("web1", "epoch"))
		return true;
	if (!is_promoted(self))
		abort();
	return false;
}

TEST_F_TIMEOUT(netlink, resync, 300)
{
	const struct command command = { resync, is_resynced, make_primary, unmake_pair };

	try_all(_metadata, &self->trial, &command);
}

/* Peers */

static void peer_add(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PEER_ADD, 0);
	nl_put_str(nl, NDVAL_A_PEER_PAIR, "web1");
	nl_put_str(nl, NDVAL_A_PEER_NAME, "m7");
}

static void peer_del(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PEER_DEL, 0);
	nl_put_str(nl, NDVAL_A_PEER_PAIR, "web1");
	nl_put_str(nl, NDVAL_A_PEER_NAME, "m3");
}

static bool has_peer(struct trial *self)
{
	return host_peer_state(&self->host, "web1", "m7", NULL) != ~0U;
}

static bool has_lost_peer(struct trial *self)
{
	return host_peer_state(&self->host, "web1", "m3", NULL) == ~0U;
}

TEST_F_TIMEOUT(netlink, peer_add, 300)
{
	const struct command command = { peer_add, has_peer, make_asking, unmake_pair };

	try_all(_metadata, &self->trial, &command);
}

TEST_F_TIMEOUT(netlink, peer_del, 300)
{
	const struct command command = { peer_del, has_lost_peer, make_asking, unmake_pair };

	try_all(_metadata, &self->trial, &command);
}

/* Links */

static bool make_socket(struct trial *self)
{
	close(self->ends[0]);
	close(self->ends[1]);
	return !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, self->ends);
}

static void link_attach(struct trial *self, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_LINK_ATTACH, 0);
	nl_put_str(nl, NDVAL_A_LINK_MEMBER, "m1");
	nl_put_str(nl, NDVAL_A_LINK_PEER, "m2");
	nl_put_u32(nl, NDVAL_A_LINK_FD, self->ends[0]);
}

/* The kernel says HELLO, or not a word. */
static bool is_attached(struct trial *self)
{
	struct census links = { 0 };
	struct pollfd p = { .fd = self->ends[1], .events = POLLIN };

	return !dump(self->host.nl, NDVAL_CMD_LINK_GET, &links) && links.objects == 1 &&
	       poll(&p, 1, PATIENCE_MS) == 1 && p.revents == POLLIN;
}

/* Closes the kernel's end as well, for our part. */
static void hang_up(struct trial *self)
{
	shutdown(self->ends[1], SHUT_RDWR);
}

TEST_F_TIMEOUT(netlink, link_attach, 300)
{
	const struct command command = { link_attach, is_attached, make_socket, hang_up };

	try_all(_metadata, &self->trial, &command);
}

static bool make_link(struct trial *self)
{
	return make_socket(self) &&
	       !host_attach(&self->host, "m1", "m2", self->ends[0], NULL) &&
	       is_attached(self);
}

static void link_detach(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_LINK_DETACH, 0);
	nl_put_str(nl, NDVAL_A_LINK_MEMBER, "m1");
	nl_put_str(nl, NDVAL_A_LINK_PEER, "m2");
}

static int take_link_state(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_LINK_MAX + 1];
	__u32 *state = data;

	nl_parse(nlh, tb, NDVAL_A_LINK_MAX);
	*state = nl_u32(tb[NDVAL_A_LINK_STATE]);
	return MNL_CB_OK;
}

static bool is_leaving(struct trial *self)
{
	__u32 state = ~0U;

	nl_request(self->host.nl, NDVAL_CMD_LINK_GET, NLM_F_DUMP);
	nl_call(self->host.nl, take_link_state, &state);
	return state > NDVAL_LINK_STATE_UP;
}

/* Gone, or on its way, which the link's sender must find out first. */
static bool is_detached(struct trial *self)
{
	return wait_until(is_leaving(self), 2);
}

TEST_F_TIMEOUT(netlink, link_detach, 300)
{
	const struct command command = { link_detach, is_detached, make_link, hang_up };

	try_all(_metadata, &self->trial, &command);
}

/* Streams and instances */

static bool make_stream(struct trial *self)
{
	int fd = instance_open("own", "extra", 0, 0);
	char byte;
	bool made = fd >= 0 && get(fd, &byte, 1) == 1;

	(void)self;
	close(fd);
	return made;
}

static void stream_del(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_STREAM_DEL, 0);
	nl_put_str(nl, NDVAL_A_STREAM_PAIR, "own");
	nl_put_str(nl, NDVAL_A_STREAM_NAME, "extra");
}

static bool is_deleted(struct trial *self)
{
	return host_stream_get(&self->host, "own", "extra", NDVAL_A_STREAM_HEAD) == ~0ULL;
}

static void unmake_stream(struct trial *self)
{
	stream_del(self, self->host.nl);
	nl_call(self->host.nl, NULL, NULL);
}

TEST_F_TIMEOUT(netlink, stream_del, 300)
{
	const struct command command = { stream_del, is_deleted, make_stream, unmake_stream };

	try_all(_metadata, &self->trial, &command);
}

static void instance_set(struct trial *self UNUSED, struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_INSTANCE_SET, 0);
	nl_put_str(nl, NDVAL_A_INSTANCE_PAIR, "own");
	nl_put_u64(nl, NDVAL_A_INSTANCE_POSITION, 1234);
}

static bool is_moved(struct trial *self)
{
	return position(self->fd) == 1234;
}

static void move_back(struct trial *self)
{
	nl_request(self->host.nl, NDVAL_CMD_INSTANCE_SET, 0);
	nl_put_str(self->host.nl, NDVAL_A_INSTANCE_PAIR, "own");
	nl_put_u64(self->host.nl, NDVAL_A_INSTANCE_POSITION, 1);
	nl_call(self->host.nl, NULL, NULL);
}

TEST_F_TIMEOUT(netlink, instance_set, 300)
{
	const struct command command = { instance_set, is_moved, NULL, move_back };

	try_all(_metadata, &self->trial, &command);
}

static void ask_instance_set_both(struct nl *nl, __u64 position, __u64 journal)
{
	nl_request(nl, NDVAL_CMD_INSTANCE_SET, 0);
	nl_put_str(nl, NDVAL_A_INSTANCE_PAIR, "own");
	nl_put_u64(nl, NDVAL_A_INSTANCE_POSITION, position);
	nl_put_u64(nl, NDVAL_A_INSTANCE_JOURNAL_POSITION, journal);
}

static void instance_set_both(struct trial *self UNUSED, struct nl *nl)
{
	ask_instance_set_both(nl, 1234, 0);
}

/* In both or in none. */
static bool is_moved_in_both(struct trial *self)
{
	bool moved = is_moved(self);

	if (moved != !journal_position(self->fd))
		abort();
	return moved;
}

static void move_both_back(struct trial *self)
{
	ask_instance_set_both(self->host.nl, 1, RECORD_CLOCK);
	nl_call(self->host.nl, NULL, NULL);
}

TEST_F_TIMEOUT(netlink, instance_set_in_the_journal, 300)
{
	const struct command command = {
		instance_set_both, is_moved_in_both, NULL, move_both_back,
	};

	ASSERT_EQ(RECORD_CLOCK, journal_position(self->trial.fd));
	try_all(_metadata, &self->trial, &command);
}

/* What changes nothing */

/* Is refused for want of memory, or answered in full. */
static void ask_all(struct __test_metadata *_metadata, struct trial *self,
		    void (*request)(struct nl *nl))
{
	unsigned int injected = self->fault.injected, failed = 0;
	struct census want = { 0 };

	request(self->host.nl);
	ASSERT_EQ(0, nl_call(self->host.nl, count_object, &want));
	ASSERT_LT(0, want.objects);
	self->fault.nth = 0;
	while (fault_next(&self->fault)) {
		struct census got = { 0 };
		struct nl *nl = nl_open();
		int err;

		ASSERT_NE(NULL, nl);
		request(nl);
		fault_arm(&self->fault);
		err = nl_call(nl, count_object, &got);
		fault_disarm(&self->fault);
		failed += !!err;
		ASSERT_TRUE(!err || err == -ENOMEM || err == -ENOBUFS || err == -EFAULT) {
			TH_LOG("number %u: %s", self->fault.nth, strerror(-err));
		}
		ASSERT_TRUE(self->fault.reached || !err);
		ASSERT_TRUE(err || (got.objects == want.objects && got.names == want.names)) {
			TH_LOG("number %u: %u objects, not %u", self->fault.nth, got.objects,
			       want.objects);
		}
		nl_close(nl);
		ASSERT_TRUE(is_as_before(&self->host, &self->before));
	}
	TH_LOG("%u injections, %u failures", self->fault.injected - injected, failed);
	EXPECT_LT(injected + 3, self->fault.injected);
	EXPECT_LT(0, failed);
}

static void dump_members(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_MEMBER_GET, NLM_F_DUMP);
}

static void dump_pairs(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PAIR_GET, NLM_F_DUMP);
}

static void dump_peers(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PEER_GET, NLM_F_DUMP);
}

static void dump_links(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_LINK_GET, NLM_F_DUMP);
}

static void dump_streams(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_STREAM_GET, NLM_F_DUMP);
}

static void dump_instances(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_INSTANCE_GET, NLM_F_DUMP);
}

/* One object at least of each kind, which stay. */
static bool make_everything(struct trial *self)
{
	/* Our end of the link says nothing, for a while. */
	if (!make_asking(self) ||
	    host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 600000) ||
	    !make_link(self))
		return false;
	self->before = count(&self->host);
	return true;
}

TEST_F_TIMEOUT(netlink, dumps, 600)
{
	static void (* const requests[])(struct nl *nl) = {
		dump_members, dump_pairs, dump_peers, dump_links, dump_streams, dump_instances,
	};
	size_t i;

	ASSERT_TRUE(make_everything(&self->trial));
	for (i = 0; i < ARRAY_LEN(requests); i++)
		ask_all(_metadata, &self->trial, requests[i]);
}

static void get_member(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_MEMBER_GET, 0);
	nl_put_str(nl, NDVAL_A_MEMBER_NAME, "m1");
}

static void get_pair(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PAIR_GET, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, "own");
}

static void get_peer(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_PEER_GET, 0);
	nl_put_str(nl, NDVAL_A_PEER_PAIR, "web1");
	nl_put_str(nl, NDVAL_A_PEER_NAME, "m2");
}

static void get_link(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_LINK_GET, 0);
	nl_put_str(nl, NDVAL_A_LINK_MEMBER, "m1");
	nl_put_str(nl, NDVAL_A_LINK_PEER, "m2");
}

static void get_stream(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_STREAM_GET, 0);
	nl_put_str(nl, NDVAL_A_STREAM_PAIR, "own");
	nl_put_str(nl, NDVAL_A_STREAM_NAME, "default");
}

static void get_instance(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_INSTANCE_GET, 0);
	nl_put_str(nl, NDVAL_A_INSTANCE_PAIR, "own");
}

static void get_values(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_VALUES_GET, 0);
	nl_put_str(nl, NDVAL_A_VALUES_PAIR, "own");
	nl_put_u64(nl, NDVAL_A_VALUES_OFFSET, 100);
	nl_put_u32(nl, NDVAL_A_VALUES_LENGTH, 3000);
}

static void get_records(struct nl *nl)
{
	nl_request(nl, NDVAL_CMD_VALUES_GET, 0);
	nl_put_str(nl, NDVAL_A_VALUES_PAIR, "own");
	nl_put_flag(nl, NDVAL_A_VALUES_JOURNAL);
	nl_put_u64(nl, NDVAL_A_VALUES_OFFSET, RECORD_CLOCK);
	nl_put_u32(nl, NDVAL_A_VALUES_LENGTH, 4096);
}

TEST_F_TIMEOUT(netlink, questions, 600)
{
	static void (* const requests[])(struct nl *nl) = {
		get_member, get_pair, get_peer, get_link, get_stream, get_instance, get_values,
		get_records,
	};
	char value[3000] = "";
	size_t i;

	ASSERT_EQ(3000, agree(self->trial.fd, value, 3000, value, 3000));
	ASSERT_TRUE(make_everything(&self->trial));
	for (i = 0; i < ARRAY_LEN(requests); i++)
		ask_all(_metadata, &self->trial, requests[i]);
}

/* Events */

static int take_seq(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	__u64 *seq = data;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	*seq = nl_u64(tb[NDVAL_A_EVENT_SEQ]);
	return MNL_CB_OK;
}

/* The number of the last event that has come, 0 if none has; is one @missed? */
static __u64 hear(struct nl *nl, bool *missed)
{
	__u64 seq = 0;

	*missed = false;
	while (file_is_ready(nl_fd(nl), POLLIN, 0))
		if (nl_receive_event(nl, take_seq, &seq) == -ENOBUFS)
			*missed = true;
	return seq;
}

/* Looking at values, of which the kernel tells. What is not told is known to be missed. */
TEST_F_TIMEOUT(netlink, events, 300)
{
	struct nl *nl = nl_open(), *ears = nl_open();
	unsigned int misses = 0;
	bool missed;
	__u64 told;
	int sweep;

	ASSERT_EQ(0, nl_join_events(ears));
	get_values(self->trial.host.nl);
	ASSERT_EQ(0, nl_call(self->trial.host.nl, NULL, NULL));
	told = hear(ears, &missed);
	ASSERT_LT(0, told);
	/* The two allocations of an event are easily jumped over: again and again. */
	for (sweep = 0; sweep < 20 && misses < 2; sweep++) {
		self->trial.fault.nth = 0;
		while (fault_next(&self->trial.fault)) {
			__u64 heard, given;

			get_values(nl);
			fault_arm(&self->trial.fault);
			nl_call(nl, NULL, NULL);
			fault_disarm(&self->trial.fault);
			heard = hear(ears, &missed);
			misses += missed;
			/* One without failure tells how many numbers have been given. */
			get_values(self->trial.host.nl);
			ASSERT_EQ(0, nl_call(self->trial.host.nl, NULL, NULL));
			given = hear(ears, &(bool){ false }) - told - 1;
			ASSERT_TRUE(!given || given == 1);
			ASSERT_EQ(given, heard || missed) {
				TH_LOG("number %u", self->trial.fault.nth);
			}
			told += given + 1;
		}
	}
	nl_close(nl);
	nl_close(ears);
	TH_LOG("%u injections, %u events missed", self->trial.fault.injected, misses);
	EXPECT_LT(0, misses);
}

/* Workers */

/* A round that leaves work to the kernel's workers; what it made is gone after it. */
static bool goes_round(struct trial *self)
{
	struct nl *nl = self->host.nl;
	int err;

	if (!make_asking(self) || !make_link(self))
		return false;
	promote(self, nl);
	err = nl_call(nl, NULL, NULL);
	hang_up(self);
	ask_pair_del(self, nl);
	/* The end of it may not be told: the worker had no memory for that. */
	return !err && !nl_call(nl, NULL, NULL) &&
	       wait_until(access("/dev/ndval-web1", F_OK), 20) &&
	       comes_back(&self->host, &self->before);
}

TEST_F_TIMEOUT(netlink, work, 300)
{
	unsigned int failed;
	int i;

	ASSERT_TRUE(fault_workers(30));
	for (i = 0; i < 30; i++)
		ASSERT_TRUE(goes_round(&self->trial)) TH_LOG("round %d", i);
	failed = fault_workers_failed();
	ASSERT_TRUE(fault_workers(0));
	TH_LOG("%u injections in workers", failed);
	EXPECT_LT(10, failed);
	ASSERT_TRUE(goes_round(&self->trial));
}

TEST_HARNESS_MAIN
