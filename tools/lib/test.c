// SPDX-License-Identifier: GPL-2.0-only
/*
 * libndval on a node that is invented here: it counts up its bytes, fails where it is
 * told to, and knows what a place of the journal was asked for. System calls of
 * ndval.c come here by the linker's --wrap. Prints what is wrong; exit 1 if anything is.
 */
#include "ndval.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NODE_FD		1000
#define STEPS_MAX	8
#define THREADS		4
#define ROUNDS		2000
#define UUIDS		200	/* of each thread */

static int failed;

#define expect(what) do {							\
	if (!(what)) {								\
		printf("%s:%d: not so: %s (errno %d)\n", __func__, __LINE__, #what, errno);	\
		failed = 1;							\
	}									\
} while (0)

/* A call that fails, and with what. */
#define expect_error(error, call) do {						\
	errno = 0;								\
	expect((call) == -1);							\
	expect(errno == (error));						\
} while (0)

/**
 * struct node - the invented one
 * @path: as it was opened
 * @flags: likewise
 * @open: how often more than closed
 * @binding: as it was bound
 * @steps: of each call to come: at most so many bytes, or a negative errno; then
 *	everything succeeds
 * @step: the next of them
 * @calls: how often anything was asked
 * @offset: of the next byte
 * @place: of the next record of the journal
 * @asked: what this place was asked for, 0 if nothing yet
 * @answer: what another copy said
 * @slow: one byte at a time, and other threads run in between
 */
static struct node {
	char			path[128];
	int			flags;
	int			open;
	struct ndval_binding	binding;
	int			steps[STEPS_MAX];
	unsigned int		step;
	unsigned int		calls;
	uint64_t		offset;
	uint64_t		place;
	unsigned long		asked;
	const char		*answer;
	bool			slow;
} node;

/* What is to happen at the next calls. */
static void plan(unsigned int count, ...)
{
	va_list steps;
	unsigned int i;

	memset(node.steps, 0, sizeof(node.steps));
	va_start(steps, count);
	for (i = 0; i < count; i++)
		node.steps[i] = va_arg(steps, int);
	va_end(steps);
	node.step = 0;
	node.calls = 0;
}

/* Return: of this call, 0 is no limit. */
static int next_step(void)
{
	int step = node.step < STEPS_MAX ? node.steps[node.step++] : 0;

	node.calls++;
	if (step < 0)
		errno = -step;
	return step;
}

static unsigned char byte_at(uint64_t offset)
{
	return (offset * 0x9e3779b97f4a7c15ULL) >> 56;
}

static bool is_stream(const unsigned char *bytes, size_t length, uint64_t offset)
{
	size_t i;

	for (i = 0; i < length; i++) {
		if (bytes[i] != byte_at(offset + i))
			return false;
	}
	return true;
}

static uint64_t ns_at(uint64_t place)
{
	return 1764244429999999000ULL + place * 700000;
}

int __wrap_open(const char *path, int flags, ...)
{
	snprintf(node.path, sizeof(node.path), "%s", path);
	node.flags = flags;
	if (next_step() < 0)
		return -1;
	node.open++;
	return NODE_FD;
}

int __wrap_close(int fd)
{
	expect(fd == NODE_FD);
	node.open--;
	errno = EIO;	/* must not hide an earlier one */
	return -1;
}

ssize_t __wrap_read(int fd, void *buffer, size_t length)
{
	unsigned char *bytes = buffer;
	int step = next_step();
	size_t i;

	expect(fd == NODE_FD);
	if (step < 0)
		return -1;
	if (step == STEPS_MAX * 1000)
		return 0;
	if (node.slow)
		step = 1;
	if (step && (size_t)step < length)
		length = step;
	for (i = 0; i < length; i++)
		bytes[i] = byte_at(node.offset++);
	if (node.slow)
		sched_yield();
	pthread_testcancel();
	return length;
}

int __wrap_fsync(int fd)
{
	expect(fd == NODE_FD);
	return next_step() < 0 ? -1 : 0;
}

/* A place of the journal that was asked for something is never asked for another. */
static int ask_journal(unsigned long what)
{
	expect(!node.asked || node.asked == what);
	node.asked = what;
	if (next_step() < 0)
		return -1;
	node.asked = 0;
	node.place++;
	return 0;
}

static int read_clock(struct ndval_clock *clock)
{
	uint64_t place = node.place;

	expect(!clock->flags);
	if (ask_journal(NDVAL_IOC_CLOCK + clock->clock))
		return -1;
	clock->value = ns_at(place);
	clock->steps = 3;
	clock->frequency = clock->clock == NDVAL_CLOCK_CYCLES ? 2400000000 : 1000000000;
	return 0;
}

static int agree(struct ndval_agreement *agreement)
{
	const char *answer = node.answer ? : (const char *)(uintptr_t)agreement->in;
	size_t length = node.answer ? strlen(answer) : agreement->in_length;

	expect(!agreement->flags && agreement->out_size <= NDVAL_AGREED_MAX);
	if (length > agreement->out_size) {
		agreement->out_length = length;
		errno = ENOBUFS;
		return -1;
	}
	if (ask_journal(NDVAL_IOC_AGREE))
		return -1;
	if (length)
		memmove((void *)(uintptr_t)agreement->out, answer, length);
	agreement->out_length = length;
	return 0;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *argument;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	expect(fd == NODE_FD);
	switch (request) {
	case NDVAL_IOC_BIND:
		node.binding = *(struct ndval_binding *)argument;
		return next_step() < 0 ? -1 : 0;
	case NDVAL_IOC_CLOCK:
		return read_clock(argument);
	case NDVAL_IOC_AGREE:
		return agree(argument);
	}
	errno = ENOTTY;
	return -1;
}

static struct ndval *open_anew(void)
{
	struct ndval *ndval;

	memset(&node, 0, sizeof(node));
	ndval = ndval_open(NULL, NULL, 0);
	if (!ndval) {
		printf("ndval_open: errno %d\n", errno);
		exit(1);
	}
	plan(0);
	return ndval;
}

static void test_open(void)
{
	struct ndval *ndval;

	ndval = open_anew();
	expect(!strcmp(node.path, "/dev/ndval") && node.flags == (O_RDONLY | O_CLOEXEC));
	expect(!strcmp(node.binding.stream, "default") && !node.binding.flags);
	expect(ndval_fd(ndval) == NODE_FD && node.open == 1);
	ndval_close(ndval);
	expect(node.open == 0);

	plan(2, -EINTR, 0, -EINTR);
	ndval = ndval_open("web", "w/1", 7);
	expect(ndval && !strcmp(node.path, "/dev/ndval-web"));
	expect(!strcmp(node.binding.stream, "w/1") && node.binding.instance == 7);
	ndval_close(ndval);
	plan(3, 0, -EINTR, -EINTR);
	ndval = ndval_open("default", "", 1);
	expect(ndval && !strcmp(node.path, "/dev/ndval") && !*node.binding.stream);
	expect(node.calls == 4);
	ndval_close(ndval);
	ndval_close(NULL);
	expect(node.open == 0);
}

/* Names of 63 bytes are good, of 64 not. */
static void test_long_names(void)
{
	char name[NDVAL_NAME_SIZE + 1] = "";

	memset(name, 'x', NDVAL_NAME_SIZE - 1);
	plan(0);
	ndval_close(ndval_open(name, name, 0));
	expect(node.calls == 2 && !strcmp(node.binding.stream, name));
	expect(!strcmp(node.path + strlen("/dev/ndval-"), name));

	name[NDVAL_NAME_SIZE - 1] = 'x';
	plan(0);
	expect(!ndval_open(name, NULL, 0) && errno == EINVAL && !node.calls);
	errno = 0;
	expect(!ndval_open(NULL, name, 0) && errno == EINVAL && node.calls == 1);
	expect(node.open == 0);
}

static void test_open_fails(void)
{
	plan(2, 0, -EBUSY);
	expect(!ndval_open("web", "s", 0) && errno == EBUSY && node.open == 0);
	plan(1, -ENOENT);
	expect(!ndval_open("web", "s", 0) && errno == ENOENT && node.open == 0);
	plan(0);
	errno = 0;
	expect(!ndval_open("", NULL, 0) && errno == EINVAL);
	errno = 0;
	expect(!ndval_open("../null", NULL, 0) && errno == EINVAL && !node.calls);
}

/* Not static: the compiler would see that no object is so big. */
size_t more_than_there_is = SIZE_MAX / 2;

static void test_bytes(void)
{
	struct ndval *ndval = open_anew();
	unsigned char bytes[100];

	plan(5, 10, -EINTR, 1, -EINTR, 60);
	expect(!ndval_bytes(ndval, bytes, 100) && is_stream(bytes, 100, 0) && node.calls == 6);
	plan(0);
	expect(!ndval_bytes(ndval, bytes, 0) && !node.calls);
	expect_error(ENOMEM, ndval_bytes(ndval, bytes, more_than_there_is));
	expect(!node.calls);
	plan(1, STEPS_MAX * 1000);
	expect_error(EIO, ndval_bytes(ndval, bytes, 1));
	plan(1, -EPIPE);
	expect_error(EPIPE, ndval_bytes(ndval, bytes, 1));
	expect(!ndval_bytes(ndval, bytes, 1) && is_stream(bytes, 1, 100));
	ndval_close(ndval);
}

/* What a call got before it failed comes first in the next one. */
static void test_bytes_kept(void)
{
	struct ndval *ndval = open_anew();
	unsigned char bytes[300];

	plan(2, 40, -ETIMEDOUT);
	expect_error(ETIMEDOUT, ndval_bytes(ndval, bytes, 100));
	memset(bytes, 0, sizeof(bytes));
	plan(2, 30, -EAGAIN);
	expect_error(EAGAIN, ndval_bytes(ndval, bytes, 100));
	memset(bytes, 0, sizeof(bytes));
	plan(0);
	expect(!ndval_bytes(ndval, bytes, 100) && is_stream(bytes, 100, 0) && node.calls == 1);
	expect(node.offset == 100);

	/* Another size the next time, which no copy should do, loses nothing either. */
	plan(2, 90, -ETIMEDOUT);
	expect_error(ETIMEDOUT, ndval_bytes(ndval, bytes, 100));
	plan(0);
	expect(!ndval_bytes(ndval, bytes, 20) && is_stream(bytes, 20, 100) && !node.calls);
	plan(1, -EINVAL);
	expect_error(EINVAL, ndval_bytes(ndval, bytes, 300));
	plan(0);
	expect(!ndval_bytes(ndval, bytes, 300) && is_stream(bytes, 300, 120) && node.calls == 1);
	plan(2, 5, -ETIMEDOUT);
	expect_error(ETIMEDOUT, ndval_bytes(ndval, bytes, 10));
	ndval_close(ndval);
}

/* Any sizes, cut and failing anywhere: what is given out is the stream. */
static void test_bytes_any(void)
{
	static const int errors[] = { -EINTR, -ETIMEDOUT, -EAGAIN };
	struct ndval *ndval = open_anew();
	unsigned char bytes[700];
	uint64_t given = 0;
	int round, i;

	srand(1);
	for (round = 0; round < ROUNDS; round++) {
		size_t length = rand() % sizeof(bytes);

		plan(0);
		for (i = 0; i < rand() % STEPS_MAX; i++)
			node.steps[i] = rand() % 2 ? 1 + rand() % 200 : errors[rand() % 3];
		if (ndval_bytes(ndval, bytes, length))
			continue;
		expect(is_stream(bytes, length, given));
		given += length;
	}
	expect(given > ROUNDS * 100 && given <= node.offset && node.offset - given < sizeof(bytes));
	ndval_close(ndval);
}

static void test_clock(void)
{
	struct ndval *ndval = open_anew();
	struct ndval_clock reading;
	struct timespec time;
	uint64_t value;

	plan(2, -EINTR, -EINTR);
	expect(!ndval_clock_ns(ndval, CLOCK_MONOTONIC, &value) && value == ns_at(0));
	expect(node.calls == 3 && node.place == 1);
	plan(1, -EINTR);
	expect(!ndval_clock_gettime(ndval, CLOCK_TAI, &time));
	expect(time.tv_sec == (time_t)(ns_at(1) / 1000000000));
	expect(time.tv_nsec == (long)(ns_at(1) % 1000000000));
	expect(!ndval_clock_ns(ndval, NDVAL_CLOCK_CYCLES, &value) && value == ns_at(2));
	expect(!ndval_clock_reading(ndval, NDVAL_CLOCK_CYCLES, &reading));
	expect(reading.value == ns_at(3) && reading.steps == 3);
	expect(reading.frequency == 2400000000);

	plan(0);
	expect_error(EINVAL, ndval_clock_gettime(ndval, NDVAL_CLOCK_CYCLES, &time));
	expect(!node.calls);
	plan(1, -ETIMEDOUT);
	value = 7;
	expect_error(ETIMEDOUT, ndval_clock_ns(ndval, CLOCK_BOOTTIME, &value));
	expect(value == 7);
	expect(!ndval_clock_ns(ndval, CLOCK_BOOTTIME, &value) && value == ns_at(4));
	ndval_close(ndval);
}

static void test_agree(void)
{
	static char much[NDVAL_AGREED_MAX + 1];
	struct ndval *ndval = open_anew();
	char out[16] = "";
	size_t length = 0;

	plan(2, -EINTR, -EINTR);
	expect(!ndval_agree(ndval, "mine", 4, out, sizeof(out), &length));
	expect(length == 4 && !memcmp(out, "mine", 4) && node.place == 1);
	node.answer = "theirs";
	memcpy(out, "mine", 4);
	expect(!ndval_agree(ndval, out, 4, out, (size_t)1 << 32, &length));
	expect(length == 6 && !memcmp(out, "theirs", 6));
	length = 0;
	expect_error(ENOBUFS, ndval_agree(ndval, "mine", 4, out, 5, &length));
	expect(length == 6 && node.place == 2);

	node.answer = NULL;
	expect(!ndval_agree(ndval, NULL, 0, NULL, 0, &length) && !length);
	length = 7;
	plan(0);
	expect_error(EMSGSIZE, ndval_agree(ndval, much, sizeof(much), much, 1, &length));
	expect_error(EMSGSIZE, ndval_agree(ndval, much, (size_t)1 << 32, much, 1, &length));
	expect(!node.calls);
	plan(1, -ESTALE);
	expect_error(ESTALE, ndval_agree(ndval, "x", 1, out, sizeof(out), &length));
	expect(length == 7);
	ndval_close(ndval);
}

static void test_commit(void)
{
	struct ndval *ndval = open_anew();

	plan(2, -EINTR, -EINTR);
	expect(!ndval_commit(ndval) && node.calls == 3);
	plan(1, -ENOTCONN);
	expect_error(ENOTCONN, ndval_commit(ndval));
	expect(node.calls == 1);
	ndval_close(ndval);
}

/* The bits of the version and the variant are as RFC 9562 has them, others are drawn. */
static bool has_form(const unsigned char *uuid, int version, int first, uint64_t offset)
{
	int i;

	for (i = first; i < NDVAL_UUID_SIZE; i++) {
		unsigned char fixed = i == 6 ? 0xf0 : i == 8 ? 0xc0 : 0;

		if ((uuid[i] ^ byte_at(offset + i - first)) & ~fixed)
			return false;
	}
	return uuid[6] >> 4 == version && uuid[8] >> 6 == 2;
}

static uint64_t ms_of(const unsigned char *uuid)
{
	uint64_t ms = 0;
	int i;

	for (i = 0; i < 6; i++)
		ms = ms << 8 | uuid[i];
	return ms;
}

static void test_uuid(void)
{
	unsigned char uuid[NDVAL_UUID_SIZE], before[6] = { 0 };
	struct ndval *ndval = open_anew();
	int version, i;

	for (i = 0; i < 300; i++)
		expect(!ndval_uuid(ndval, 4, uuid) && has_form(uuid, 4, 0, i * 16));
	expect(!node.place);
	for (i = 0; i < 300; i++) {
		expect(!ndval_uuid(ndval, 7, uuid) && has_form(uuid, 7, 6, 4800 + i * 10));
		expect(ms_of(uuid) == ns_at(i) / 1000000);
		expect(memcmp(before, uuid, 6) <= 0);
		memcpy(before, uuid, 6);
	}
	expect(node.place == 300);
	plan(0);
	for (version = -1; version < 10; version++) {
		if (version != 4 && version != 7)
			expect_error(EINVAL, ndval_uuid(ndval, version, uuid));
	}
	expect(!node.calls);
	ndval_close(ndval);
}

/* A UUID that fails halfway and is drawn again is the one it would have been. */
static void test_uuid_fails(void)
{
	struct ndval *ndval = open_anew();
	unsigned char uuid[NDVAL_UUID_SIZE], bytes[100];

	plan(2, 7, -ETIMEDOUT);
	expect_error(ETIMEDOUT, ndval_uuid(ndval, 4, uuid));
	expect(!ndval_uuid(ndval, 4, uuid) && has_form(uuid, 4, 0, 0));

	plan(4, 4, -EINTR, 6, -ETIMEDOUT);
	expect_error(ETIMEDOUT, ndval_uuid(ndval, 7, uuid));
	plan(1, -EAGAIN);
	expect_error(EAGAIN, ndval_uuid(ndval, 7, uuid));
	expect(node.offset == 26 && !node.place);
	expect(!ndval_uuid(ndval, 7, uuid) && has_form(uuid, 7, 6, 16));
	expect(ms_of(uuid) == ns_at(0) / 1000000 && node.offset == 26 && node.place == 1);

	/* The same before bytes that are kept already. */
	plan(2, 90, -ETIMEDOUT);
	expect_error(ETIMEDOUT, ndval_bytes(ndval, bytes, sizeof(bytes)));
	plan(1, -ETIMEDOUT);
	expect_error(ETIMEDOUT, ndval_uuid(ndval, 7, uuid));
	expect(!ndval_uuid(ndval, 7, uuid) && has_form(uuid, 7, 6, 26));
	expect(!ndval_uuid(ndval, 7, uuid) && has_form(uuid, 7, 6, 36));
	ndval_close(ndval);
}

static void test_uuid_string(void)
{
	/* The example of RFC 9562, A.6. */
	static const unsigned char uuid[] = {
		0x01, 0x7f, 0x22, 0xe2, 0x79, 0xb0, 0x7c, 0xc3,
		0x98, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f,
	};
	char string[NDVAL_UUID_STRING_SIZE + 1];

	memset(string, '#', sizeof(string));
	ndval_uuid_string(uuid, string);
	expect(!strcmp(string, "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"));
	expect(string[NDVAL_UUID_STRING_SIZE] == '#');
}

static void *draw_uuids(void *data)
{
	unsigned char *uuids = data;
	int i;

	for (i = 0; i < UUIDS; i++)
		expect(!ndval_uuid(*(struct ndval **)data, 4, uuids + (i + 1) * NDVAL_UUID_SIZE));
	return NULL;
}

static bool is_piece(const unsigned char *uuid)
{
	uint64_t i;

	for (i = 0; i < node.offset; i += NDVAL_UUID_SIZE) {
		if (has_form(uuid, 4, 0, i))
			return true;
	}
	return false;
}

/* Without the lock another thread would get in between. */
static void test_threads(void)
{
	static unsigned char uuids[THREADS][(UUIDS + 1) * NDVAL_UUID_SIZE];
	struct ndval *ndval = open_anew();
	pthread_t threads[THREADS];
	int i, j;

	node.slow = true;
	for (i = 0; i < THREADS; i++) {
		memcpy(uuids[i], &ndval, sizeof(ndval));
		pthread_create(&threads[i], NULL, draw_uuids, uuids[i]);
	}
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	expect(node.offset == THREADS * UUIDS * NDVAL_UUID_SIZE);
	for (i = 0; i < THREADS; i++) {
		for (j = 1; j <= UUIDS; j++)
			expect(is_piece(uuids[i] + j * NDVAL_UUID_SIZE));
	}
	ndval_close(ndval);
}

static bool drawn;

static void *draw_cancelled(void *data)
{
	unsigned char bytes[10];

	pthread_cancel(pthread_self());
	expect(!ndval_bytes(data, bytes, sizeof(bytes)) && is_stream(bytes, sizeof(bytes), 0));
	drawn = true;
	pthread_testcancel();
	return NULL;
}

/* A thread that is cancelled takes neither bytes with it nor the lock. */
static void test_cancel(void)
{
	struct ndval *ndval = open_anew();
	unsigned char bytes[10];
	pthread_t thread;
	void *result;

	plan(2, 1, 1);
	pthread_create(&thread, NULL, draw_cancelled, ndval);
	pthread_join(thread, &result);
	expect(drawn && result == PTHREAD_CANCELED);
	expect(!ndval_bytes(ndval, bytes, 10) && is_stream(bytes, 10, 10));
	ndval_close(ndval);
}

/* Of ASan: more than it can allocate is ENOMEM, as it is without. */
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

int main(void)
{
	alarm(60);	/* a lock that is never free */
	test_open();
	test_long_names();
	test_open_fails();
	test_bytes();
	test_bytes_kept();
	test_bytes_any();
	test_clock();
	test_agree();
	test_commit();
	test_uuid();
	test_uuid_fails();
	test_uuid_string();
	test_threads();
	test_cancel();
	return failed;
}
