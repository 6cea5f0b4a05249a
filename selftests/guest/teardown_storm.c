// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything is taken away from everybody in random order, while values flow:
 * pairs, links, files, readers. A round is one such step; it happens while
 * processes and threads read for ever (storm.c) and a peer floods. From a seed
 * that is printed (NDVAL_SEED chooses another); NDVAL_ROUNDS makes it longer,
 * NDVAL_REMOVALS says how often the module is removed in the middle of it. At
 * the end the module can be removed at once: the harness looks for what it left.
 *
 * vm: sources=storm.c,peer.c,../../tools/lib/nl.c libs="-lmnl -lpthread" timeout=300
 */
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"
#include "storm.h"

#define SEED		0x73746f726dULL
#define ROUNDS		1000
#define REMOVALS	10
#define COMPARING	4
#define READERS		6
#define WORKERS		6

/* A tenth of them is enough for a kernel that looks at everything. */
#define SLOW_SHARE	10

/* Of the harness, for all rounds that somebody may ask for. */
#define LIMIT		3600

/* Longest that something may take that is bound to happen, in s. */
#define PATIENCE	60

/* Two members of this kernel with a pair each, and who reads them. */
struct storm {
	struct host	host;
	struct fake	fake;		/* a third member, which lies */
	__u64		random;
	struct tally	*tally;
	pid_t		readers[READERS];
	struct worker	workers[WORKERS];
	int		files[READERS];
	pid_t		heir;		/* a child with all our files */
};

static bool is_slow(void)
{
	return from_environment("NDVAL_SLOWER", 1) > 1;
}

/* How often, unless the environment says it. */
static __u64 how_often(const char *name, __u64 otherwise)
{
	return from_environment(name, is_slow() ? otherwise / SLOW_SHARE : otherwise);
}

static const char *member_name(__u64 number)
{
	return number % 2 ? "m2" : "m1";
}

static void make_one(struct storm *storm, __u64 which)
{
	struct nl *nl = storm->host.nl;

	nl_request(nl, NDVAL_CMD_PAIR_NEW, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, pair_name(which));
	nl_put_str(nl, NDVAL_A_PAIR_GROUP, "web");
	nl_put_str(nl, NDVAL_A_PAIR_MEMBER, member_name(which));
	nl_put_str(nl, NDVAL_A_PAIR_PEER, member_name(which + 1));
	nl_put_str(nl, NDVAL_A_PAIR_PEER, "m3");
	nl_put_u32(nl, NDVAL_A_PAIR_RING_SIZE, 16 * KIB);
	nl_put_u32(nl, NDVAL_A_PAIR_JOURNAL_SIZE, 8 * KIB);
	nl_put_u32(nl, NDVAL_A_PAIR_INSTANCES, 3);
	/* A reader that is ahead waits in its read, or those behind are lost. */
	nl_put_u32(nl, NDVAL_A_PAIR_OVERFLOW,
		   which & 2 ? NDVAL_OVERFLOW_STALL : NDVAL_OVERFLOW_DROP);
	/* Links do end by it, but not all of them. */
	nl_put_u32(nl, NDVAL_A_PAIR_PEER_TIMEOUT_MS, is_slow() ? 5000 : 500);
	nl_call(nl, NULL, NULL);
}

static void make_pair(struct storm *storm)
{
	make_one(storm, draw(&storm->random));
}

static void promote(struct storm *storm)
{
	host_promote(&storm->host, pair_name(draw(&storm->random)));
}

/* A link between the two; an older one is replaced. */
static void join_members(struct storm *storm)
{
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return;
	host_attach(&storm->host, "m1", "m2", ends[0], NULL);
	host_attach(&storm->host, "m2", "m1", ends[1], NULL);
	close(ends[0]);
	close(ends[1]);
}

/* Both pairs anew and joined. Chance leaves them both primary most of the time. */
static void renew(struct storm *storm)
{
	__u64 which = draw(&storm->random);

	host_pair_del(&storm->host, "web1");
	host_pair_del(&storm->host, "web2");
	make_one(storm, which);
	make_one(storm, which ^ 1);
	join_members(storm);
	host_promote(&storm->host, pair_name(which));
}

static void detach(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	struct nl *nl = storm->host.nl;

	nl_request(nl, NDVAL_CMD_LINK_DETACH, 0);
	nl_put_str(nl, NDVAL_A_LINK_MEMBER, member_name(which));
	nl_put_str(nl, NDVAL_A_LINK_PEER, which & 2 ? member_name(which + 1) : "m3");
	nl_call(nl, NULL, NULL);
}

static void peer_change(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	struct nl *nl = storm->host.nl;

	nl_request(nl, which & 2 ? NDVAL_CMD_PEER_DEL : NDVAL_CMD_PEER_ADD, 0);
	nl_put_str(nl, NDVAL_A_PEER_PAIR, pair_name(which));
	nl_put_str(nl, NDVAL_A_PEER_NAME, member_name(which + 1));
	nl_call(nl, NULL, NULL);
}

static void delete_stream(struct storm *storm)
{
	struct nl *nl = storm->host.nl;

	nl_request(nl, NDVAL_CMD_STREAM_DEL, 0);
	nl_put_str(nl, NDVAL_A_STREAM_PAIR, pair_name(draw(&storm->random)));
	nl_put_str(nl, NDVAL_A_STREAM_NAME, draw(&storm->random) % 2 ? "default" : "s1");
	nl_call(nl, NULL, NULL);
}

/* Where a lost instance goes on; a place that its window, or its journal's, may hold. */
static void reposition(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	bool journal = which >> 4 & 1;
	struct nl *nl = storm->host.nl;
	__u64 tail;

	tail = host_stream_get(&storm->host, pair_name(which), stream_name(which >> 1),
			       journal ? NDVAL_A_STREAM_JOURNAL_TAIL : NDVAL_A_STREAM_TAIL);
	nl_request(nl, NDVAL_CMD_INSTANCE_SET, 0);
	nl_put_str(nl, NDVAL_A_INSTANCE_PAIR, pair_name(which));
	nl_put_str(nl, NDVAL_A_INSTANCE_STREAM, stream_name(which >> 1));
	nl_put_u32(nl, NDVAL_A_INSTANCE_INSTANCE, which >> 3 & 1);
	nl_put_u64(nl, journal ? NDVAL_A_INSTANCE_JOURNAL_POSITION : NDVAL_A_INSTANCE_POSITION,
		   tail);
	nl_call(nl, NULL, NULL);
}

static void end_process(pid_t *pid)
{
	if (*pid > 0) {
		kill(*pid, SIGKILL);
		waitpid(*pid, NULL, 0);
	}
	*pid = 0;
}

/* The first four compare: one for each pair and instance. */
static __u64 reader_number(unsigned int reader, __u64 which)
{
	if (reader < COMPARING)
		return (which & NUMBER_WAITS) | (reader & 1) | (reader >> 1) << 3;
	return which | NUMBER_SHARED;
}

/* Ends a reader wherever it is, and starts another. */
static void change_reader(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	pid_t *reader = &storm->readers[which % READERS];

	end_process(reader);
	*reader = fork();
	if (*reader)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* It has not our files, which are to go when we close them. */
	close_range(3, ~0U, 0);
	read_for_ever(storm->tally, reader_number(reader - storm->readers, which >> 8));
}

/* A signal with a handler, for a process or a thread. */
static void send_signal(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	const struct worker *worker = &storm->workers[which % WORKERS];
	pid_t reader = storm->readers[which % READERS];
	int number = which & 0x100 ? SIGUSR1 : SIGUSR2;

	if (which & 0x200 && worker->runs)
		pthread_kill(worker->thread, number);
	else if (reader > 0)
		kill(reader, number);
}

/* Ends a thread wherever it is, and starts one that goes on in its file. */
static void change_worker(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	struct worker *worker = &storm->workers[which % WORKERS];

	worker_end(worker);
	worker->number = which >> 8 | NUMBER_SHARED;
	worker->waits = which >> 16 & 1;
	worker->draws = which >> 17 & 1;
	worker_start(worker);
}

/* Puts the file of one thread in place of another's, in the middle of its read. */
static void share_file(struct storm *storm)
{
	__u64 which = draw(&storm->random);

	dup2(storm->workers[which % WORKERS].fd, storm->workers[(which >> 8) % WORKERS].fd);
}

/* Closes the file of a thread, in the middle of its read. */
static void close_file(struct storm *storm)
{
	int none = open("/dev/null", O_RDONLY | O_CLOEXEC);

	dup2(none, storm->workers[draw(&storm->random) % WORKERS].fd);
	close(none);
}

/* A child has all files, which live on after we have closed them. */
static void fork_files(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	char bytes[100];
	int i;

	end_process(&storm->heir);
	storm->heir = fork();
	if (storm->heir)
		return;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (i = 0; i < WORKERS; i++) {
		int fd = storm->workers[i].fd;

		if (which >> i & 1) {
			close(fd);
		} else if (poll_now(fd) == POLLIN) {
			/* Another may be first; then this waits, and is killed. */
			get(fd, bytes, sizeof(bytes));
		}
	}
	pause();
	_exit(0);
}

/* Opens, binds, polls or closes a file of our own. */
static void change_file(struct storm *storm)
{
	__u64 which = draw(&storm->random);
	int *fd = &storm->files[which % READERS];

	if (*fd > 0) {
		poll_now(*fd);
		close(*fd);
		*fd = 0;
		return;
	}
	*fd = node_open(pair_name(which >> 8), O_NONBLOCK);
	if (*fd > 0 && which >> 9 & 1)
		node_bind(*fd, which >> 10 & 1 ? "s1" : "s2", 0,
			  which >> 11 & 1 ? NDVAL_BIND_EXCL : 0);
}

/* A piece of what the third member has, or any other message. */
static void flood_message(struct storm *storm, unsigned int number)
{
	struct fake *fake = &storm->fake;
	const struct values values = {
		.stream = "s2", .id = FAKE_STREAM_ID + 2, .offset = 1024 * number, .len = 1024,
	};

	if (number % 2)
		fake_make(fake, 2 + draw(&storm->random) % (NDVAL_WIRE_CMD_MAX - 2));
	else
		wire_values(&fake->wire, &fake->side, &values);
}

/* The third member comes, floods and goes, without a good-bye. */
static void flood(struct storm *storm)
{
	struct fake *fake = &storm->fake;
	unsigned int i;

	peer_close(&fake->peer);
	side_primary(&fake->side, "web");
	if (!fake_connect(&storm->host, fake, member_name(draw(&storm->random)), "m3") ||
	    !say_pair(&fake->peer, &fake->side))
		return;
	for (i = 0; i < 20; i++) {
		flood_message(storm, i);
		if (send(fake->peer.fd, fake->wire.buf, fake->wire.nlh->nlmsg_len,
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			break;
	}
}

static void delete_pair(struct storm *storm)
{
	host_call(&storm->host, NDVAL_CMD_PAIR_DEL, NDVAL_A_PAIR_NAME,
		  pair_name(draw(&storm->random)));
}

static void resync(struct storm *storm)
{
	host_call(&storm->host, NDVAL_CMD_RESYNC, NDVAL_A_PAIR_NAME,
		  pair_name(draw(&storm->random)));
}

/* Some more often, so that there is something to take away. */
static void (* const things[])(struct storm *storm) = {
	make_pair, make_pair, make_pair, promote, promote, join_members, join_members,
	join_members, delete_pair, resync, detach, peer_change, delete_stream, reposition,
	reposition, change_reader, change_reader, change_worker, change_worker, send_signal,
	send_signal, send_signal, share_file, close_file, fork_files, change_file, flood, renew,
};

static void storm_step(struct storm *storm)
{
	things[draw(&storm->random) % ARRAY_LEN(things)](storm);
	host_skip_events(&storm->host);
}

/* Two members with a pair each, joined, and everybody reads. */
static bool storm_begin(struct storm *storm, __u64 seed)
{
	int i;

	memset(storm, 0, sizeof(*storm));
	storm->random = seed;
	storm->fake.peer.fd = -1;
	storm->tally = tally_new();
	if (!storm->tally || !host_open(&storm->host) ||
	    host_call(&storm->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1") ||
	    host_call(&storm->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m2"))
		return false;
	catch_signals();
	for (i = 0; i < WORKERS; i++) {
		storm->workers[i].tally = storm->tally;
		storm->workers[i].fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	}
	for (i = 0; i < 4; i++)
		make_pair(storm);
	join_members(storm);
	for (i = 0; i < 2 * READERS; i++) {
		change_reader(storm);
		change_worker(storm);
	}
	return true;
}

/* Nobody reads any more, and nobody has a file. */
static void calm(struct storm *storm)
{
	int i;

	for (i = 0; i < READERS; i++) {
		end_process(&storm->readers[i]);
		if (storm->files[i] > 0)
			close(storm->files[i]);
	}
	for (i = 0; i < WORKERS; i++) {
		worker_end(&storm->workers[i]);
		close(storm->workers[i].fd);
	}
	end_process(&storm->heir);
	peer_close(&storm->fake.peer);
}

static void storm_end(struct storm *storm)
{
	munmap(storm->tally, sizeof(*storm->tally));
}

static int remove_module(void)
{
	return syscall(SYS_delete_module, "ndval", O_NONBLOCK) ? errno : 0;
}

FIXTURE(teardown) {
	struct storm *storm;
	__u64 seed;
};

FIXTURE_SETUP(teardown)
{
	static struct storm storm;

	self->storm = &storm;
	self->seed = from_environment("NDVAL_SEED", SEED);
	/* The test before has removed it. */
	ASSERT_EQ(0, run("modprobe ndval"));
}

FIXTURE_TEARDOWN(teardown)
{
}

TEST_F_TIMEOUT(teardown, harms_nobody_and_the_module_goes_at_once, LIMIT)
{
	__u64 rounds = how_often("NDVAL_ROUNDS", ROUNDS);
	struct storm *storm = self->storm;
	struct tally *tally;
	double begin = seconds();
	__u64 i;

	TH_LOG("seed %#llx, %llu rounds", self->seed, rounds);
	ASSERT_TRUE(storm_begin(storm, self->seed));
	tally = storm->tally;
	/* There is something to compare, whatever the rounds leave of it. */
	ASSERT_TRUE(wait_until((renew(storm), wait_until(tally->joined && tally->united,
							 PATIENCE / 6)), PATIENCE));
	for (i = 0; i < rounds; i++)
		storm_step(storm);
	/* So few rounds may have missed these; they come if they can. */
	EXPECT_TRUE(wait_until((send_signal(storm), tally->cut), PATIENCE));
	EXPECT_TRUE(wait_until((renew(storm), tally->removed), PATIENCE));
	EXPECT_TRUE(wait_until((change_worker(storm), tally->drawn), PATIENCE));
	/* Pairs, links and a peer that is still there do not keep it. */
	make_pair(storm);
	make_pair(storm);
	join_members(storm);
	calm(storm);
	host_close(&storm->host);
	TH_LOG("%.1f s, %lu reads, cut %lu, removed %lu, gone %lu, lost %lu", seconds() - begin,
	       tally->reads, tally->cut, tally->removed, tally->gone, tally->lost);
	TH_LOG("%lu blocks agreed, %lu of them at both pairs, %lu were the fake's",
	       tally->agreed, tally->joined, tally->forged);
	TH_LOG("%lu draws, %lu values agreed, %lu of them at both pairs", tally->drawn,
	       tally->shared, tally->united);
	begin = seconds();
	EXPECT_EQ(0, remove_module());
	EXPECT_GT(5, seconds() - begin) TH_LOG("%.1f s", seconds() - begin);
	EXPECT_NE(0, access("/sys/module/ndval", F_OK));
	EXPECT_EQ(0, tally->differed);
	EXPECT_EQ(0, tally->odd) TH_LOG("%s", strerror(tally->errnum));
	storm_end(storm);
}

/* Takes away and gives back, with no file of its own, until it is killed. */
static pid_t start_disturbing(struct storm *storm)
{
	static void (* const few[])(struct storm *storm) = {
		make_pair, promote, join_members, delete_pair, resync, detach, peer_change,
		delete_stream, reposition,
	};
	pid_t pid = fork();

	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(3, ~0U, 0);
	/* The family goes while it is asked. */
	storm->host.nl = nl_open();
	while (storm->host.nl)
		few[draw(&storm->random) % ARRAY_LEN(few)](storm);
	_exit(0);
}

/* Loads the module, makes a storm and removes it in the middle of that. */
static void remove_once(struct __test_metadata *_metadata, struct storm *storm, __u64 seed)
{
	int fd, err = 0, i;
	pid_t pid;

	ASSERT_EQ(0, run("modprobe ndval"));
	fd = node_open("default", 0);
	ASSERT_LE(0, fd);
	ASSERT_TRUE(storm_begin(storm, seed));
	pid = start_disturbing(storm);
	for (i = 0; i < 10; i++) {
		storm_step(storm);
		EXPECT_EQ(EWOULDBLOCK, remove_module());
	}
	close(fd);
	calm(storm);
	/* A command of the other's may hold it for as long as it takes. */
	EXPECT_TRUE(wait_until(!(err = remove_module()) || err != EWOULDBLOCK, PATIENCE));
	EXPECT_EQ(0, err);
	EXPECT_NE(0, access("/sys/module/ndval", F_OK));
	end_process(&pid);
	host_close(&storm->host);
	EXPECT_EQ(0, storm->tally->differed);
	EXPECT_EQ(0, storm->tally->odd) TH_LOG("%s", strerror(storm->tally->errnum));
	storm_end(storm);
}

TEST_F_TIMEOUT(teardown, of_the_module_is_refused_or_whole, LIMIT)
{
	__u64 removals = how_often("NDVAL_REMOVALS", REMOVALS);
	double begin = seconds();
	__u64 i;

	TH_LOG("seed %#llx, %llu removals", self->seed, removals);
	ASSERT_EQ(0, remove_module());
	for (i = 0; i < removals; i++)
		remove_once(_metadata, self->storm, self->seed + i);
	TH_LOG("%.1f s", seconds() - begin);
}

TEST_HARNESS_MAIN
