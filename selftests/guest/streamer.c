// SPDX-License-Identifier: GPL-2.0-only
/*
 * streamer - an application that tells all that it gets, also if it dies of a power cut
 *
 *   streamer STREAMS SEED PAIR
 *
 * A thread for each of the streams 0, 1, .. reads in sizes drawn from the seed, and
 * fsyncs now and then, until it is killed. Lines of its log:
 *
 *   o STREAM			it begins, at offset 0
 *   r STREAM OFFSET HEX	read(2) gave these bytes; OFFSET is the kernel's
 *   f STREAM END ERRNO		fsync(2) up to END; 0 if it was confirmed
 *   e STREAM ERRNO		read(2) fails, told once until it succeeds again
 *
 * The log lies in memory that the guest shares with the harness (the device
 * ivshmem-plain; Guest's option "shared"), because it outlives the guest: bytes
 * that a pipe or a serial port still carries would be lost with it. A thread does not
 * read on before its line is there. So at a power cut at most the read that was just
 * returning is unknown, for each stream.
 *
 * vm: helper=yes
 */
#include "common.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>

#define STREAMS_MAX	8

/* Longest read; most are much shorter. */
#define READ_MAX	6000

/* Longest pause after a read, in us. */
#define PAUSE_MAX	60000

/* The device's ids. */
#define SHARED_VENDOR	0x1af4
#define SHARED_DEVICE	0x1110

/*
 * The log: a ring of bytes in all but the first page. Both ends count for ever, and
 * stay when the guest boots again.
 */
struct log {
	__u64	head;		/* we have written so much */
	__u64	tail;		/* the harness has read so much */
	__u8	pad[4096 - 16];
	char	ring[];
};

struct streamer {
	pthread_t	thread;
	unsigned int	number;
	__u64		random;
	__u64		at;
	int		fd;
	int		error;		/* that was told */
	bool		blocks;
};

static struct log *journal;
static size_t ring_size;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *pair;
static __u64 seed;

static void die(const char *what)
{
	fprintf(stderr, "streamer: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* xorshift64*; the state is never 0. */
static __u64 draw(__u64 *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return *random * 0x2545f4914f6cdd1dULL;
}

static unsigned int number_in(const char *device, const char *file)
{
	char path[512], text[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/%s", device, file);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (!fgets(text, sizeof(text), f))
		text[0] = '\0';
	fclose(f);
	return strtoul(text, NULL, 0);
}

static void switch_on(const char *device)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/enable", device);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "1", 1) != 1)
		die(path);
	close(fd);
}

static void map_log(const char *device)
{
	char path[512];
	struct stat st;
	int fd;

	switch_on(device);
	snprintf(path, sizeof(path), "/sys/bus/pci/devices/%s/resource2", device);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		die(path);
	journal = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (journal == MAP_FAILED)
		die("mmap");
	close(fd);
	ring_size = st.st_size - sizeof(struct log);
}

static void find_log(void)
{
	DIR *devices = opendir("/sys/bus/pci/devices");
	struct dirent *entry;

	while (devices && !journal && (entry = readdir(devices)))
		if (number_in(entry->d_name, "vendor") == SHARED_VENDOR &&
		    number_in(entry->d_name, "device") == SHARED_DEVICE)
			map_log(entry->d_name);
	if (devices)
		closedir(devices);
	if (!journal) {
		errno = ENODEV;
		die("shared memory");
	}
}

/* A whole line is there, or nothing of it. */
static void say(const char *line, size_t len)
{
	__u64 head;
	size_t i;

	pthread_mutex_lock(&lock);
	head = journal->head;
	while (ring_size - (head - __atomic_load_n(&journal->tail, __ATOMIC_ACQUIRE)) < len)
		usleep(1000);
	for (i = 0; i < len; i++)
		journal->ring[(head + i) % ring_size] = line[i];
	__atomic_store_n(&journal->head, head + len, __ATOMIC_RELEASE);
	pthread_mutex_unlock(&lock);
}

__attribute__((format(printf, 1, 2)))
static void tell(const char *fmt, ...)
{
	char line[128];
	va_list args;
	int len;

	va_start(args, fmt);
	len = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	say(line, len);
}

static void tell_read(const struct streamer *s, __u64 offset, const __u8 *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char line[2 * READ_MAX + 64];
	int at = sprintf(line, "r %u %llu ", s->number, offset);
	size_t i;

	for (i = 0; i < len; i++) {
		line[at++] = digits[bytes[i] >> 4];
		line[at++] = digits[bytes[i] & 15];
	}
	line[at++] = '\n';
	say(line, at);
}

static void open_stream(struct streamer *s)
{
	char name[NDVAL_NAME_SIZE];

	snprintf(name, sizeof(name), "%u", s->number);
	s->fd = instance_open(pair, name, 0, s->blocks ? 0 : O_NONBLOCK);
	if (s->fd < 0)
		die("open");
}

static void fail(struct streamer *s, int error)
{
	if (error == EAGAIN || error == EINTR)
		return;
	if (s->error != error)
		tell("e %u %d\n", s->number, error);
	s->error = error;
	if (error == ENODEV)
		pthread_exit(NULL);
	usleep(5000);
}

static void read_some(struct streamer *s)
{
	size_t size = 1 + draw(&s->random) % (draw(&s->random) % 8 ? 400 : READ_MAX);
	struct pollfd p = { .fd = s->fd, .events = POLLIN };
	__u8 bytes[READ_MAX];
	long long now;
	ssize_t len;

	if (!s->blocks && poll(&p, 1, 20) <= 0)
		return;
	len = read(s->fd, bytes, size);
	if (len < 0) {
		fail(s, errno);
		return;
	}
	/* What the kernel counts is what it gave, unless it was resynced meanwhile. */
	now = position(s->fd);
	if (now >= len)
		s->at = now - len;
	tell_read(s, s->at, bytes, len);
	s->at += len;
	s->error = 0;
}

static void commit(struct streamer *s)
{
	int error = fsync(s->fd) ? errno : 0;

	if (error != EAGAIN && error != EINTR)
		tell("f %u %llu %d\n", s->number, s->at, error);
}

static void *run_stream(void *data)
{
	struct streamer *s = data;

	open_stream(s);
	tell("o %u\n", s->number);
	for (;;) {
		if (draw(&s->random) % 12)
			read_some(s);
		else
			commit(s);
		if (draw(&s->random) % 4)
			usleep(draw(&s->random) % PAUSE_MAX);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	static struct streamer streamers[STREAMS_MAX];
	unsigned int count = argc == 4 ? strtoul(argv[1], NULL, 0) : 0, i;

	if (!count || count > STREAMS_MAX) {
		fprintf(stderr, "usage: streamer STREAMS SEED PAIR\n");
		return 2;
	}
	seed = strtoull(argv[2], NULL, 0);
	pair = argv[3];
	find_log();
	for (i = 0; i < count; i++) {
		struct streamer *s = &streamers[i];

		s->number = i;
		s->random = (seed * 1000003 + i + 1) * 0x9e3779b97f4a7c15ULL | 1;
		s->blocks = draw(&s->random) % 2;
		if (pthread_create(&s->thread, NULL, run_stream, s))
			die("pthread_create");
	}
	for (i = 0; i < count; i++)
		pthread_join(streamers[i].thread, NULL);
	return 0;
}
