// SPDX-License-Identifier: GPL-2.0-only
/*
 * Readers in a storm; storm.h tells how tests use them.
 *
 * vm: helper=yes
 */
#include "storm.h"

#include <sys/epoll.h>

#include "common.h"
#include "journal.h"
#include "peer.h"

/* What is compared. A read of whole blocks is cut at their ends, if at all. */
#define BLOCK		64

/* Between attempts to open a node that is not there, in us. */
#define PAUSE		1000

const char *pair_name(__u64 number)
{
	return number & 1 ? "web2" : "web1";
}

/* Nobody deletes "s2": what was at a place of it stays there for a life. */
const char *stream_name(__u64 number)
{
	static const char *const names[] = { "s2", "default", "s2", "s1" };

	return names[number % ARRAY_LEN(names)];
}

struct tally *tally_new(void)
{
	return shared(sizeof(struct tally));
}

static void on_signal(int number UNUSED)
{
}

/* USR1 cuts a read, USR2 has it go on. */
void catch_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };

	sigaction(SIGUSR1, &action, NULL);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR2, &action, NULL);
}

/* Takes note of an errno; a reader goes on after any of these. */
static void note_error(struct tally *tally, int errnum)
{
	switch (errnum) {
	case EINTR:
		atomic_fetch_add(&tally->cut, 1);
		break;
	case ENODEV:
		atomic_fetch_add(&tally->removed, 1);
		break;
	case ESTALE:
		atomic_fetch_add(&tally->gone, 1);
		break;
	case EPIPE:
		atomic_fetch_add(&tally->lost, 1);
		break;
	case EAGAIN:
	case EBUSY:
	case ENOSPC:
	case ENXIO:
	case ETIMEDOUT:
		break;
	default:
		atomic_fetch_add(&tally->odd, 1);
		atomic_store(&tally->errnum, errnum);
	}
}

/* An open file, or -1 where the pair or the stream is not there now. */
static int open_one(struct tally *tally, __u64 number, int flags)
{
	int fd = node_open(pair_name(number), flags);
	int err;

	if (fd < 0) {
		/* The node is removed after the pair. */
		if (errno != ENOENT)
			note_error(tally, errno);
		return -1;
	}
	err = node_bind(fd, stream_name(number >> 1), number >> 3 & 1,
			number & NUMBER_SHARED ? 0 : NDVAL_BIND_EXCL);
	if (!err)
		return fd;
	note_error(tally, err);
	close(fd);
	return -1;
}

/* A number that differs if its arguments do, as far as 64 bits can tell. */
static __u64 mix(__u64 a, __u64 b)
{
	__u64 seed = a ^ (b * 0x9ddfea08eb382d69ULL);

	return draw(&seed);
}

/*
 * Compares one block with what was seen at its place, if that is remembered:
 * of a word, 39 bits say which place it is, one which pair it was read from, 24
 * what was there. So it can be exchanged at once, and a reader that is killed
 * leaves nothing behind that is half done.
 */
static void see_block(struct tally *tally, __u64 place, const void *block, bool second,
		      atomic_ulong *agreed, atomic_ulong *joined)
{
	__u64 word, old, value = 0;
	__u64 words[BLOCK / 8];
	atomic_ullong *slot;
	int i;

	memcpy(words, block, BLOCK);
	for (i = 0; i < BLOCK / 8; i++)
		value = mix(value, words[i]);
	word = (place & ~0x1ffffffULL) | second << 24 | (value & 0xffffff);
	slot = &tally->seen[place % SEEN];
	old = atomic_exchange(slot, word);
	if ((old ^ word) & ~0x1ffffffULL)
		return;
	if ((old ^ word) & 0xffffff)
		atomic_fetch_add(&tally->differed, 1);
	else
		atomic_fetch_add(agreed, 1);
	if ((old ^ word) >> 24 & 1)
		atomic_fetch_add(joined, 1);
}

/* Is it what the fake peer has at an offset? */
static bool is_forged(const unsigned char *block, __u64 offset)
{
	unsigned char fake[BLOCK];

	pattern_fill(fake, offset, BLOCK);
	return !memcmp(fake, block, BLOCK);
}

/*
 * What was read between two looks at the file, if it was the only thing that
 * happened there. A life in which the fake peer leads may come and go between
 * the two; its bytes are known by themselves.
 */
static void check(struct tally *tally, const struct ndval_info *before,
		  const struct ndval_info *after, const unsigned char *bytes, ssize_t len,
		  bool second)
{
	__u64 life = mix(before->incarnation, before->epoch_id);
	struct side fake;
	ssize_t at;

	side_primary(&fake, "web");
	if (before->incarnation != after->incarnation || before->epoch_id != after->epoch_id ||
	    after->position != before->position + len || before->position % BLOCK)
		return;
	for (at = 0; at + BLOCK <= len; at += BLOCK) {
		__u64 offset = before->position + at;

		if (is_forged(bytes + at, offset))
			atomic_fetch_add(&tally->forged, 1);
		else if (before->incarnation != fake.incarnation)
			see_block(tally, mix(life, offset), bytes + at, second,
				  &tally->agreed, &tally->joined);
	}
}

/* A block that nobody else offers. */
static void make_offer(unsigned char *block)
{
	static __u64 seed;
	__u64 words[BLOCK / 8];
	int i;

	seed ^= (__u64)syscall(SYS_gettid) << 32;
	for (i = 0; i < BLOCK / 8; i++)
		words[i] = draw(&seed);
	memcpy(block, words, BLOCK);
}

/*
 * Agrees on a block, and compares it with what was seen there. Of a stream that is
 * compared nothing else is drawn. False after an error that stays.
 */
static bool agree_and_check(struct tally *tally, int fd, __u64 number)
{
	struct ndval_info before, after;
	unsigned char block[BLOCK];
	long len;

	make_offer(block);
	if (ioctl(fd, NDVAL_IOC_INFO, &before)) {
		note_error(tally, errno);
		return false;
	}
	len = agree(fd, block, BLOCK, block, BLOCK);
	if (len < 0) {
		note_error(tally, -len);
		return len == -EAGAIN;
	}
	if (ioctl(fd, NDVAL_IOC_INFO, &after) || before.incarnation != after.incarnation ||
	    before.epoch_id != after.epoch_id ||
	    after.journal_position != before.journal_position + RECORD_AGREED(BLOCK))
		return true;
	see_block(tally, mix(mix(before.incarnation, before.epoch_id),
			     ~before.journal_position), block, number & 1,
		  &tally->shared, &tally->united);
	return true;
}

/* Reads a file until it has an error that stays. */
static void read_and_check(struct tally *tally, int fd, __u64 number)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct ndval_info before, after;
	unsigned char bytes[512];
	ssize_t len;

	for (;;) {
		if (poll(&p, 1, -1) < 0 || ioctl(fd, NDVAL_IOC_INFO, &before))
			return note_error(tally, errno);
		len = read(fd, bytes, sizeof(bytes));
		if (len < 0 && errno == EAGAIN)
			continue;
		if (len < 0)
			return note_error(tally, errno);
		atomic_fetch_add(&tally->reads, 1);
		if (!(number & NUMBER_SHARED) && !ioctl(fd, NDVAL_IOC_INFO, &after))
			check(tally, &before, &after, bytes, len, number & 1);
		if (!(number & NUMBER_SHARED) && !agree_and_check(tally, fd, number))
			return;
	}
}

/* A process that reads whatever there is to read until it is killed. */
void read_for_ever(struct tally *tally, __u64 number)
{
	/* By turns one that waits in poll and one that waits in read. */
	int flags = number & NUMBER_WAITS ? O_NONBLOCK : 0;

	for (;;) {
		int fd = open_one(tally, number, flags);

		if (fd >= 0) {
			read_and_check(tally, fd, number);
			close(fd);
		}
		usleep(PAUSE);
	}
}

/* Waits with others at an epoll file of its own. */
static bool wait_at(int epoll)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, -1) == 1 && !(event.events & (EPOLLERR | EPOLLHUP));
}

static void close_epoll(void *epoll)
{
	close(*(int *)epoll);
}

/* Has an epoll file, as long as the worker's file is what it was. */
static void read_when_told(struct worker *worker)
{
	struct epoll_event event = { .events = EPOLLIN };
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	char bytes[256];

	pthread_cleanup_push(close_epoll, &epoll);
	if (!epoll_ctl(epoll, EPOLL_CTL_ADD, worker->fd, &event))
		while (wait_at(epoll) && read(worker->fd, bytes, sizeof(bytes)) > 0)
			atomic_fetch_add(&worker->tally->reads, 1);
	pthread_cleanup_pop(true);
}

/* Draws whatever comes, of any kind: what another copy recorded may be none of it. */
static long draw_any(int fd, __u64 which)
{
	struct ndval_clock clock;
	char value[300];

	if (which & 1)
		return clock_call(fd, all_clocks[which / 2 % ARRAY_LEN(all_clocks)], &clock);
	memset(value, which, sizeof(value));
	return agree(fd, value, which / 2 % sizeof(value), value, sizeof(value));
}

/* An ioctl is where no thread can be cancelled, but at any time. */
static void draw_for_long(struct worker *worker)
{
	__u64 seed = worker->number;
	long ret = 0;
	int was;

	while (ret >= 0 || ret == -EAGAIN) {
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &was);
		ret = draw_any(worker->fd, draw(&seed));
		pthread_setcanceltype(was, NULL);
		if (ret >= 0)
			atomic_fetch_add(&worker->tally->drawn, 1);
		else if (ret == -EAGAIN)
			usleep(PAUSE);
	}
	/* Its file may have been exchanged for one that is none of ours. */
	if (ret != -ENOTTY)
		note_error(worker->tally, -ret);
}

/* May be cancelled wherever it waits: in read, epoll_wait, usleep, and an ioctl. */
static void *work(void *data)
{
	struct worker *worker = data;
	char bytes[5000];
	ssize_t len;

	for (;;) {
		int fd, was;

		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &was);
		fd = open_one(worker->tally, worker->number, worker->waits ? O_NONBLOCK : 0);
		if (fd >= 0) {
			/* Others change the file behind this number too. */
			dup2(fd, worker->fd);
			close(fd);
		}
		pthread_setcancelstate(was, NULL);
		if (fd >= 0 && worker->draws)
			draw_for_long(worker);
		else if (fd >= 0 && worker->waits)
			read_when_told(worker);
		while (fd >= 0 && !worker->draws && !worker->waits) {
			len = read(worker->fd, bytes, sizeof(bytes));
			if (len < 0)
				note_error(worker->tally, errno);
			if (len <= 0)
				break;
			atomic_fetch_add(&worker->tally->reads, 1);
		}
		usleep(PAUSE);
	}
	return NULL;
}

bool worker_start(struct worker *worker)
{
	worker->runs = !pthread_create(&worker->thread, NULL, work, worker);
	return worker->runs;
}

/* Ends the thread wherever it is. Its file stays open. */
void worker_end(struct worker *worker)
{
	if (!worker->runs)
		return;
	pthread_cancel(worker->thread);
	pthread_join(worker->thread, NULL);
	worker->runs = false;
}
