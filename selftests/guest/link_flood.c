// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer that was let in and floods its link, with what is well formed and makes no
 * sense: copies on this host read on at 90 % of their rate at least.
 *
 * The guest has two processors. The reader has the first to itself but for what the
 * kernel puts there; the flood is made on the second. Both work as hard where there is
 * no flood, when the same messages go over a socket that no link has. Slices with and
 * without take turns, and only their ratio counts.
 *
 * An emulated processor gets what its host has to spare just then, which by the clock
 * is more than once as much in one slice as in the next. So all time here is that of the
 * scheduler's clock, and a rate is made of two: which part of the time that the reader
 * could have run it did and no other in its place; and how long its reads took in it, to
 * spin for a lock, or to come again where another has it, included. The longest reads of
 * each slice are left out, @CUT of all, in which the processor itself stood still. Of
 * the ratios of slices that follow each other the median is taken, and of more of them
 * if it is too low: chance goes away with that, and what a flood costs does not.
 *
 * And the sharp edge: so many messages that move nothing are read in a second, no more.
 *
 * vm: sources=peer.c,tls.c,../../tools/lib/nl.c libs="-lmnl -lpthread" timeout=300
 * vm: smp=2 modules=tls,chacha20poly1305 flavours=6.1,6.12
 */
#include <linux/genetlink.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"
#include "tls.h"

/* Least part of their rate that readers keep. */
#define LEAST		0.90

/* A slice, and how long the flood has gone on, or the other messages have, before it. */
#define SLICE_US	20000
#define SETTLE_US	3000

/* Part of a slice's reads that are left out, and most reads of one. */
#define CUT		0.05
#define READS		20000

/* Pairs of slices in a round, and most rounds. */
#define PAIRS		40
#define ROUNDS		6

/* Messages that move nothing: how many the kernel reads at once, and in a second. */
#define IDLE_BURST	16384
#define IDLE_RATE	2000

/* Bytes of a read, and of messages that are sent at once. */
#define PIECE		1024
#define BATCH		(32 * KIB)

/* So far is no copy ever. */
#define NOWHERE		(1ULL << 50)

enum phase {
	ELSEWHERE,	/* messages go where there is no link */
	FLOOD,
	PAUSE,
	END,
};

struct scene {
	struct host host;
	struct fake fake;
	int elsewhere[2];	/* a connection that is no link */
	pthread_t reader;
	pthread_t flooder;
	enum phase flooded;	/* by the flooder */
	enum phase phase;	/* of the reader */
	char batch[BATCH];
	size_t len;		/* of it, whole messages */
	int fd;
	double rate;		/* of the last slice; the reader's, as what follows */
	unsigned int begun;	/* slices */
	unsigned int ended;
	bool failed;		/* a read did */
};

FIXTURE(flood)
{
	struct scene scene;
};

static enum phase phase_of(const enum phase *phase)
{
	return __atomic_load_n(phase, __ATOMIC_ACQUIRE);
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		abort();
}

/* How long this thread has run. */
static double own_time(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* How long this thread could have run and another did. */
static double wait_time(int schedstat)
{
	unsigned long long ran, waited;
	char text[100] = "";

	if (pread(schedstat, text, sizeof(text) - 1, 0) < 0 ||
	    sscanf(text, "%llu %llu", &ran, &waited) != 2)
		abort();
	return waited / 1e9;
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* How long a read took. */
static double time_of_read(double *times, size_t n)
{
	size_t i, kept = n * (1 - CUT);
	double sum = 0;

	qsort(times, n, sizeof(*times), compare);
	for (i = 0; i < kept; i++)
		sum += times[i];
	return sum / kept;
}

/* Reads on as long as the phase lasts. */
static void read_in(struct scene *scene, enum phase phase, int schedstat)
{
	double waited = wait_time(schedstat), begin = own_time();
	double before = begin, now = begin;
	static double times[READS];
	char bytes[PIECE];
	size_t n = 0;

	__atomic_store_n(&scene->begun, scene->begun + (phase != PAUSE), __ATOMIC_RELEASE);
	while (phase_of(&scene->phase) == phase) {
		ssize_t len = get(scene->fd, bytes, PIECE);

		/* Another has a lock: to come again is a part of what this read costs. */
		if (len == -EAGAIN)
			continue;
		if (len != PIECE)
			scene->failed = true;
		now = own_time();
		if (n < READS)
			times[n++] = now - before;
		before = now;
	}
	if (phase == PAUSE)
		return;
	waited = wait_time(schedstat) - waited;
	scene->rate = (now - begin) / (now - begin + waited) / time_of_read(times, n);
	__atomic_store_n(&scene->ended, scene->ended + 1, __ATOMIC_RELEASE);
}

static void *read_on(void *data)
{
	struct scene *scene = data;
	int schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
	enum phase phase;

	pin(0);
	while ((phase = phase_of(&scene->phase)) != END)
		read_in(scene, phase, schedstat);
	close(schedstat);
	return NULL;
}

/* Takes what is answered, so that the link is not dropped for that. */
static void drain(int fd)
{
	static char bytes[64 * KIB];

	while (recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		;
}

/* Sends messages whole: what is left is sent before anything else. */
static void pour(int fd, const char *batch, size_t len, size_t *at)
{
	ssize_t sent = send(fd, batch + *at, len - *at, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent > 0)
		*at = (*at + sent) % len;
	else
		file_is_ready(fd, POLLOUT | POLLIN, 10);
}

static void *flood_on(void *data)
{
	struct scene *scene = data;
	size_t at[2] = { 0 };
	enum phase phase;

	pin(1);
	while ((phase = phase_of(&scene->flooded)) != END) {
		if (phase == FLOOD) {
			pour(scene->fake.peer.fd, scene->batch, scene->len, &at[0]);
			drain(scene->fake.peer.fd);
		} else {
			pour(scene->elsewhere[0], scene->batch, scene->len, &at[1]);
			drain(scene->elsewhere[1]);
		}
	}
	return NULL;
}

FIXTURE_SETUP(flood)
{
	struct scene *scene = &self->scene;

	memset(scene, 0, sizeof(*scene));
	pin(1);
	scene->fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&scene->host));
	ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, scene->elsewhere));
	ASSERT_EQ(0, host_call(&scene->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&scene->host, "web1", "web", "m1", "m2"));
	ASSERT_EQ(0, host_promote(&scene->host, "web1"));
	ASSERT_EQ(0, host_set(&scene->host, "web1", NDVAL_A_PAIR_COMMIT, NDVAL_COMMIT_ASYNC));
	side_secondary(&scene->fake.side, "web");
	scene->fd = node_open("web1", O_NONBLOCK);
	ASSERT_TRUE(node_ready(scene->fd));
}

FIXTURE_TEARDOWN(flood)
{
	struct scene *scene = &self->scene;

	peer_close(&scene->fake.peer);
	close(scene->fd);
	close(scene->elsewhere[0]);
	close(scene->elsewhere[1]);
	host_pair_del(&scene->host, "web1");
	EXPECT_TRUE(host_member_del(&scene->host, "m1"));
	host_close(&scene->host);
}

/* A message, or two in turns, until no other fits. */
static void fill_batch(struct scene *scene, __u64 stream_id,
		       void (*make)(struct fake *fake, __u64 stream_id),
		       void (*other)(struct fake *fake, __u64 stream_id))
{
	struct wire *wire = &scene->fake.wire;

	scene->len = 0;
	for (;;) {
		make(&scene->fake, stream_id);
		if (scene->len + 2 * wire->nlh->nlmsg_len > BATCH)
			return;
		memcpy(scene->batch + scene->len, wire->buf, wire->nlh->nlmsg_len);
		scene->len += wire->nlh->nlmsg_len;
		if (other)
			other(&scene->fake, stream_id);
		memcpy(scene->batch + scene->len, wire->buf, wire->nlh->nlmsg_len);
		scene->len += wire->nlh->nlmsg_len;
	}
}

static void await(const unsigned int *count, unsigned int value)
{
	while (__atomic_load_n(count, __ATOMIC_ACQUIRE) != value)
		usleep(100);
}

/* The rate of a slice. */
static double slice(struct scene *scene, enum phase kind)
{
	unsigned int next = scene->ended + 1;

	__atomic_store_n(&scene->flooded, kind, __ATOMIC_RELEASE);
	usleep(SETTLE_US);
	__atomic_store_n(&scene->phase, kind, __ATOMIC_RELEASE);
	await(&scene->begun, next);
	usleep(SLICE_US);
	__atomic_store_n(&scene->phase, PAUSE, __ATOMIC_RELEASE);
	await(&scene->ended, next);
	return scene->rate;
}

/* Which part of the reader's rate is left. */
static double left_over(struct scene *scene, const char *what)
{
	double ratios[PAIRS * ROUNDS], quiet, median;
	size_t n = 0;

	scene->flooded = ELSEWHERE;
	scene->phase = PAUSE;
	if (pthread_create(&scene->reader, NULL, read_on, scene) ||
	    pthread_create(&scene->flooder, NULL, flood_on, scene))
		abort();
	do {
		do {
			quiet = slice(scene, ELSEWHERE);
			ratios[n++] = slice(scene, FLOOD) / quiet;
		} while (n % PAIRS);
		qsort(ratios, n, sizeof(*ratios), compare);
		median = ratios[n / 2];
	} while (median < LEAST && n < ARRAY_LEN(ratios));
	__atomic_store_n(&scene->flooded, END, __ATOMIC_RELEASE);
	__atomic_store_n(&scene->phase, END, __ATOMIC_RELEASE);
	pthread_join(scene->flooder, NULL);
	pthread_join(scene->reader, NULL);
	printf("# %s: %.3f of the rate (quartiles %.3f, %.3f; %zu)\n", what, median,
	       ratios[n / 4], ratios[3 * n / 4], n);
	fflush(stdout);
	return median;
}

static __u64 received(struct scene *scene)
{
	return host_link_get(&scene->host, scene->fake.peer.link, NDVAL_A_LINK_RX_MESSAGES);
}

/* Messages that a peer may send, and that are of no use. */

static void make_ping(struct fake *fake, __u64 stream_id UNUSED)
{
	fake_make(fake, NDVAL_WIRE_CMD_PING);
}

static void make_pair(struct fake *fake, __u64 stream_id UNUSED)
{
	fake_make(fake, NDVAL_WIRE_CMD_PAIR);
}

static void make_unknown_pair(struct fake *fake, __u64 stream_id UNUSED)
{
	struct side side = fake->side;

	side.pair = "unknown";
	side.gone = true;
	wire_pair(&fake->wire, &side);
}

/* Each is answered by what is true. */
static void make_values(struct fake *fake, __u64 stream_id UNUSED)
{
	const struct values values = { .stream = "default", .id = 1, .len = 16 };
	struct side side = fake->side;

	side.epoch_id++;
	wire_values(&fake->wire, &side, &values);
}

static void make_fetch(struct fake *fake, __u64 stream_id UNUSED)
{
	const struct fetch fetch = { .stream = "other", .want = 64 * KIB };

	wire_fetch(&fake->wire, &fake->side, &fetch);
}

/* More, and less again. */
static void make_more(struct fake *fake, __u64 stream_id)
{
	const struct fetch fetch = { .stream = "default", .id = stream_id, .want = 64 * KIB };

	wire_fetch(&fake->wire, &fake->side, &fetch);
}

static void make_less(struct fake *fake, __u64 stream_id)
{
	const struct fetch fetch = { .stream = "default", .id = stream_id };

	wire_fetch(&fake->wire, &fake->side, &fetch);
}

static void make_stream_del(struct fake *fake, __u64 stream_id UNUSED)
{
	wire_stream_del(&fake->wire, &fake->side, "unknown", 1, 0);
}

/* Of the stream that is read. */
static void make_check(struct fake *fake, __u64 stream_id)
{
	struct check check = { .stream = "default", .instance = 1, .length = 1, .n = STOPS };
	unsigned int i;

	check.id = stream_id;
	for (i = 0; i < STOPS; i++)
		check.stops[i] = (struct stop) { NOWHERE + i, i };
	wire_check(&fake->wire, &fake->side, &check);
}

static void make_propose(struct fake *fake, __u64 stream_id UNUSED)
{
	const struct record record = { .kind = NDVAL_VALUE_KIND_AGREED };

	wire_propose(&fake->wire, &fake->side, "unknown", 0, &record);
}

static const struct {
	const char	*what;
	void		(*make)(struct fake *fake, __u64 stream_id);
	void		(*other)(struct fake *fake, __u64 stream_id);
} floods[] = {
	{ "PING", make_ping, NULL },
	{ "PAIR", make_pair, NULL },
	{ "PAIR of none", make_unknown_pair, NULL },
	{ "VALUES of another life", make_values, NULL },
	{ "FETCH", make_fetch, NULL },
	{ "FETCH to and fro", make_more, make_less },
	{ "STREAM_DEL", make_stream_del, NULL },
	{ "CHECK", make_check, NULL },
	{ "PROPOSE", make_propose, NULL },
};

/* Links over a socketpair, or over TLS. */
static bool join(struct scene *scene, bool encrypted)
{
	struct fake *fake = &scene->fake;
	int ends[2];

	if (encrypted ? !tls_pair(ends, CHACHA20, 1) :
			socketpair(AF_UNIX, SOCK_STREAM, 0, ends))
		return false;
	return peer_attach(&scene->host, &fake->peer, "m1", "m2", ends[0], ends[1]) &&
	       peer_greet(&fake->peer) && fake_follow(fake) &&
	       peer_is_served(&fake->peer);
}

static void flood_with_all(struct __test_metadata *_metadata, struct scene *scene,
			   bool encrypted)
{
	double begin;
	size_t i;

	for (i = 0; i < ARRAY_LEN(floods); i++) {
		begin = seconds();
		ASSERT_TRUE(join(scene, encrypted)) TH_LOG("%s", floods[i].what);
		fill_batch(scene, host_stream_get(&scene->host, "web1", "default",
						  NDVAL_A_STREAM_ID),
			   floods[i].make, floods[i].other);
		EXPECT_LE(LEAST, left_over(scene, floods[i].what)) TH_LOG("%s", floods[i].what);
		EXPECT_LT(received(scene), IDLE_BURST + 1.1 * IDLE_RATE * (seconds() - begin))
			TH_LOG("%s", floods[i].what);
		EXPECT_FALSE(scene->failed) TH_LOG("%s", floods[i].what);
		EXPECT_TRUE(host_link_lives(&scene->host, scene->fake.peer.link))
			TH_LOG("%s", floods[i].what);
		ASSERT_TRUE(fake_hang_up(&scene->host, &scene->fake));
	}
}

TEST_F(flood, readers_keep_their_rate)
{
	flood_with_all(_metadata, &self->scene, false);
}

TEST_F(flood, readers_keep_their_rate_when_it_is_encrypted)
{
	flood_with_all(_metadata, &self->scene, true);
}

/* Who moves something may say more besides than the limit is for those who do not. */
TEST_F(flood, messages_that_move_something_are_not_limited)
{
	struct fetch fetch = { .stream = "default" };
	struct scene *scene = &self->scene;
	struct fake *fake = &scene->fake;
	double begin = seconds(), took;
	const __u64 most = 40000;
	__u64 said = 0;
	int i;

	ASSERT_TRUE(join(scene, false));
	fetch.id = host_stream_get(&scene->host, "web1", "default", NDVAL_A_STREAM_ID);
	while (said < most) {
		fetch.want++;
		ASSERT_TRUE(say_fetch(&fake->peer, &fake->side, &fetch));
		fake_make(fake, NDVAL_WIRE_CMD_PONG);
		for (i = 0; i < 3; i++)
			ASSERT_TRUE(peer_send(&fake->peer, &fake->wire));
		said += 4;
		drain(fake->peer.fd);
	}
	ASSERT_TRUE(wait_until(received(scene) >= most, 60));
	took = seconds() - begin;
	printf("# %llu messages in %.1f s\n", (unsigned long long)most, took);
	EXPECT_GT(most, IDLE_BURST + 1.1 * IDLE_RATE * took);
}

TEST_HARNESS_MAIN
