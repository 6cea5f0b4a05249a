// SPDX-License-Identifier: GPL-2.0-only
/*
 * libndval: draws from a node, each all or nothing.
 *
 * What a node has given is consumed: the instance never gets it again. So if a
 * draw of several steps fails after the first, what it got stays in the handle, and
 * is what the next draw begins with. A single step needs no care: the kernel
 * moves the instance only if it delivers, and an interrupted or timed out step that is
 * done again takes the same place of the journal.
 */
#include "ndval.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define PATH_SIZE	(NDVAL_NAME_SIZE + 16)
#define NS_PER_MS	1000000
#define NS_PER_S	1000000000

/**
 * struct ndval - a node, bound to a stream and an instance
 * @fd: of the node
 * @lock: held while a draw moves the instance; the order of its steps, and what follows
 * @kept: bytes that were delivered and not given out
 * @kept_length: how many
 * @kept_size: room for them
 */
struct ndval {
	int		fd;
	pthread_mutex_t	lock;
	unsigned char	*kept;
	size_t		kept_length;
	size_t		kept_size;
};

/*
 * Begin a draw. A thread that is cancelled in the middle of one would take with it
 * what was delivered, and the lock. Return: for end_draw().
 */
static int begin_draw(struct ndval *ndval)
{
	int cancel;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_mutex_lock(&ndval->lock);
	return cancel;
}

static void end_draw(struct ndval *ndval, int cancel)
{
	pthread_mutex_unlock(&ndval->lock);
	pthread_setcancelstate(cancel, NULL);
}

/* An ioctl, however often it is interrupted. */
static int call(const struct ndval *ndval, unsigned long request, void *argument)
{
	int err;

	do {
		err = ioctl(ndval->fd, request, argument);
	} while (err && errno == EINTR);
	return err;
}

/* Make room before anything is delivered: afterwards it would be too late to fail. */
static int reserve(struct ndval *ndval, size_t size)
{
	unsigned char *kept;

	if (size <= ndval->kept_size)
		return 0;
	kept = malloc(size);
	if (!kept)
		return -1;
	if (ndval->kept_length) {
		memcpy(kept, ndval->kept, ndval->kept_length);
		explicit_bzero(ndval->kept, ndval->kept_length);
	}
	free(ndval->kept);
	ndval->kept = kept;
	ndval->kept_size = size;
	return 0;
}

/* Put back what a draw got, before what is kept; reserve() was told of that much. */
static void keep(struct ndval *ndval, const unsigned char *bytes, size_t length)
{
	if (!length)
		return;
	memmove(ndval->kept + length, ndval->kept, ndval->kept_length);
	memcpy(ndval->kept, bytes, length);
	ndval->kept_length += length;
}

/* Return: how many of the bytes were kept. */
static size_t take_kept(struct ndval *ndval, unsigned char *bytes, size_t length)
{
	size_t rest;

	if (length > ndval->kept_length)
		length = ndval->kept_length;
	if (!length)
		return 0;
	rest = ndval->kept_length - length;
	memcpy(bytes, ndval->kept, length);
	memmove(ndval->kept, ndval->kept + length, rest);
	explicit_bzero(ndval->kept + rest, length);
	ndval->kept_length = rest;
	return length;
}

static int draw_bytes(struct ndval *ndval, unsigned char *bytes, size_t length)
{
	size_t done;

	if (reserve(ndval, length))
		return -1;
	done = take_kept(ndval, bytes, length);
	while (done < length) {
		ssize_t delivered = read(ndval->fd, bytes + done, length - done);

		if (delivered > 0) {
			done += delivered;
			continue;
		}
		if (delivered < 0 && errno == EINTR)
			continue;
		if (!delivered)
			errno = EIO;	/* no node of ndval: these have no end */
		keep(ndval, bytes, done);
		return -1;
	}
	return 0;
}

static int draw_clock(struct ndval *ndval, unsigned int clock, struct ndval_clock *reading)
{
	*reading = (struct ndval_clock){ .clock = clock };
	return call(ndval, NDVAL_IOC_CLOCK, reading);
}

/* The node of a pair. Return: 0, or -1 if there cannot be such a pair. */
static int node_path(const char *pair, char path[PATH_SIZE])
{
	if (!pair || !strcmp(pair, "default")) {
		snprintf(path, PATH_SIZE, "/dev/ndval");
		return 0;
	}
	if (!*pair || strlen(pair) >= NDVAL_NAME_SIZE || strchr(pair, '/')) {
		errno = EINVAL;
		return -1;
	}
	snprintf(path, PATH_SIZE, "/dev/ndval-%s", pair);
	return 0;
}

static int open_node(const char *pair)
{
	char path[PATH_SIZE];
	int fd;

	if (node_path(pair, path))
		return -1;
	do {
		fd = open(path, O_RDONLY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	return fd;
}

static int bind_stream(struct ndval *ndval, const char *stream, unsigned int instance)
{
	struct ndval_binding binding = { .instance = instance };

	if (!stream)
		stream = "default";
	if (strlen(stream) >= sizeof(binding.stream)) {
		errno = EINVAL;
		return -1;
	}
	strcpy(binding.stream, stream);
	return call(ndval, NDVAL_IOC_BIND, &binding);
}

/**
 * ndval_open() - get ready to draw
 * @pair: local name of the pair; NULL is "default"
 * @stream: is made if it is not there; NULL is "default"
 * @instance: number of this copy of the application on this host, 0 to 7
 *
 * Return: a handle, or NULL with errno set.
 */
struct ndval *ndval_open(const char *pair, const char *stream, unsigned int instance)
{
	struct ndval *ndval = calloc(1, sizeof(*ndval));
	int err;

	if (!ndval)
		return NULL;
	pthread_mutex_init(&ndval->lock, NULL);
	ndval->fd = open_node(pair);
	if (ndval->fd >= 0 && !bind_stream(ndval, stream, instance))
		return ndval;

	err = errno;
	ndval_close(ndval);
	errno = err;
	return NULL;
}

/**
 * ndval_close() - end the use of a handle
 * @ndval: from ndval_open(), or NULL
 *
 * What was kept of a draw that failed is gone, though the instance consumed it.
 */
void ndval_close(struct ndval *ndval)
{
	if (!ndval)
		return;
	if (ndval->fd >= 0)
		close(ndval->fd);
	if (ndval->kept_length)
		explicit_bzero(ndval->kept, ndval->kept_length);
	free(ndval->kept);
	pthread_mutex_destroy(&ndval->lock);
	free(ndval);
}

/**
 * ndval_fd() - the node's descriptor, for poll(2) and fcntl(2)
 * @ndval: from ndval_open()
 *
 * Return: a descriptor that the handle owns.
 */
int ndval_fd(const struct ndval *ndval)
{
	return ndval->fd;
}

/**
 * ndval_bytes() - draw random bytes
 * @ndval: from ndval_open()
 * @bytes: gets them
 * @length: how many
 *
 * Return: 0, all were drawn; -1 with errno: the next call begins with what this one got.
 */
int ndval_bytes(struct ndval *ndval, void *bytes, size_t length)
{
	int cancel = begin_draw(ndval);
	int err = draw_bytes(ndval, bytes, length);

	end_draw(ndval, cancel);
	return err;
}

/**
 * ndval_clock_reading() - read a clock, with all that is recorded
 * @ndval: from ndval_open()
 * @clock: CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI or
 *	NDVAL_CLOCK_CYCLES
 * @reading: gets it
 *
 * Return: 0, or -1 with errno set.
 */
int ndval_clock_reading(struct ndval *ndval, unsigned int clock, struct ndval_clock *reading)
{
	int cancel = begin_draw(ndval);
	int err = draw_clock(ndval, clock, reading);

	end_draw(ndval, cancel);
	return err;
}

/**
 * ndval_clock_ns() - read a clock
 * @ndval: from ndval_open()
 * @clock: as for ndval_clock_reading()
 * @value: gets nanoseconds, of NDVAL_CLOCK_CYCLES cycles
 *
 * Return: 0, or -1 with errno set.
 */
int ndval_clock_ns(struct ndval *ndval, unsigned int clock, uint64_t *value)
{
	struct ndval_clock reading;

	if (ndval_clock_reading(ndval, clock, &reading))
		return -1;
	*value = reading.value;
	return 0;
}

/**
 * ndval_clock_gettime() - read a clock, as clock_gettime(2) does
 * @ndval: from ndval_open()
 * @clock: CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME or CLOCK_TAI
 * @time: gets the reading
 *
 * Return: 0, or -1 with errno set.
 */
int ndval_clock_gettime(struct ndval *ndval, clockid_t clock, struct timespec *time)
{
	uint64_t ns;

	if (clock == NDVAL_CLOCK_CYCLES) {
		errno = EINVAL;		/* these are no time */
		return -1;
	}
	if (ndval_clock_ns(ndval, clock, &ns))
		return -1;
	time->tv_sec = ns / NS_PER_S;
	time->tv_nsec = ns % NS_PER_S;
	return 0;
}

/**
 * ndval_agree() - agree on a value with the other copies
 * @ndval: from ndval_open()
 * @in: the value that this copy offers
 * @in_length: its length, NDVAL_AGREED_MAX at most
 * @out: gets what is recorded: this value if this copy came first. May be @in.
 * @out_size: room there; NDVAL_AGREED_MAX is always enough
 * @out_length: gets the length of what is recorded; with ENOBUFS too, which says that
 *	it does not fit and is still to be had
 *
 * Return: 0, or -1 with errno set.
 */
int ndval_agree(struct ndval *ndval, const void *in, size_t in_length,
		void *out, size_t out_size, size_t *out_length)
{
	struct ndval_agreement agreement = {
		.in = (uintptr_t)in,
		.out = (uintptr_t)out,
		.in_length = in_length,
		.out_size = out_size < NDVAL_AGREED_MAX ? out_size : NDVAL_AGREED_MAX,
	};
	int cancel, err;

	if (in_length > NDVAL_AGREED_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	cancel = begin_draw(ndval);
	err = call(ndval, NDVAL_IOC_AGREE, &agreement);
	end_draw(ndval, cancel);
	if (!err || errno == ENOBUFS)
		*out_length = agreement.out_length;
	return err;
}

/**
 * ndval_commit() - wait until no failure of one host can lose what was drawn
 * @ndval: from ndval_open()
 *
 * Return: 0, or -1 with errno set.
 */
int ndval_commit(struct ndval *ndval)
{
	int err;

	do {
		err = fsync(ndval->fd);
	} while (err && errno == EINTR);
	return err;
}

/* 48 bits of milliseconds and 80 random ones. */
static int draw_uuid7(struct ndval *ndval, unsigned char uuid[NDVAL_UUID_SIZE])
{
	struct ndval_clock reading;
	uint64_t ms;
	int i;

	/* The clock comes last: bytes can be kept if it fails. */
	if (draw_bytes(ndval, uuid + 6, 10))
		return -1;
	if (draw_clock(ndval, CLOCK_REALTIME, &reading)) {
		keep(ndval, uuid + 6, 10);
		return -1;
	}
	ms = reading.value / NS_PER_MS;
	for (i = 5; i >= 0; i--) {
		uuid[i] = ms;
		ms >>= 8;
	}
	return 0;
}

/**
 * ndval_uuid() - draw a UUID as RFC 9562 has it
 * @ndval: from ndval_open()
 * @version: 4, random; or 7, of the time and random
 * @uuid: gets it, in the order of its text
 *
 * Return: 0, or -1 with errno set.
 */
int ndval_uuid(struct ndval *ndval, int version, unsigned char uuid[NDVAL_UUID_SIZE])
{
	int cancel, err;

	if (version != 4 && version != 7) {
		errno = EINVAL;
		return -1;
	}
	cancel = begin_draw(ndval);
	if (version == 7)
		err = draw_uuid7(ndval, uuid);
	else
		err = draw_bytes(ndval, uuid, NDVAL_UUID_SIZE);
	end_draw(ndval, cancel);
	if (err)
		return -1;
	uuid[6] = (uuid[6] & 0x0f) | version << 4;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
	return 0;
}

/**
 * ndval_uuid_string() - the text of a UUID
 * @uuid: from ndval_uuid()
 * @string: gets it, in lower case, with a terminating NUL
 */
void ndval_uuid_string(const unsigned char uuid[NDVAL_UUID_SIZE],
		       char string[NDVAL_UUID_STRING_SIZE])
{
	static const char digits[] = "0123456789abcdef";
	int i;

	for (i = 0; i < NDVAL_UUID_SIZE; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*string++ = '-';
		*string++ = digits[uuid[i] >> 4];
		*string++ = digits[uuid[i] & 15];
	}
	*string = '\0';
}
