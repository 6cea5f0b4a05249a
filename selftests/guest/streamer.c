// SPDX-License-Identifier: GPL-2.0-only
/*
 * streamer - an application that tells all that it gets, also if it dies of a power cut
 *
 *   streamer STREAMS LIFE PAIR MEMBER ROUND
 *
 * A thread for each of the streams 0, 1, .. reads in sizes drawn from LIFE, a number, and
 * fsyncs now and then, until it is killed. Another one draws from the stream's journal:
 * what it asks for at a place depends on the number ROUND, the stream and the place, so
 * that all copies ask for the same, wherever they are put. What it offers there tells of
 * its MEMBER and LIFE: no other one offers the same. Lines of the log:
 *
 *   o STREAM			it begins, at offset 0
 *   r STREAM OFFSET HEX	read(2) gave these bytes; OFFSET is the kernel's
 *   c STREAM PLACE KIND VALUE STEPS
 *				a reading, as it stands in the record that begins there
 *   a STREAM PLACE HEX		an agreed value; PLACE is the kernel's here too
 *   f STREAM END PLACE ERRNO	fsync(2) up to END, and PLACE in the journal; 0 if it was
 *				confirmed
 *   e STREAM ERRNO		read(2) fails, told once until it succeeds again
 *   j STREAM ERRNO		the journal fails, told likewise; EPIPE for each place it left
 *
 * The log lies in memory that the guest shares with the harness (the device
 * ivshmem-plain; Guest's option "shared"), because it outlives the guest: bytes
 * that a pipe or a serial port still carries would be lost with it. A thread does not
 * read on before its line is there. So at a power cut at most the read and the record
 * that were just returning are unknown, for each stream.
 *
 * vm: helper=yes
 */
#include "common.h"

#include <dirent.h>
#include <pthread.h>
#include <sys/stat.h>

#include "journal.h"

#define STREAMS_MAX	8

/* Longest read; most are much shorter. */
#define READ_MAX	6000

/* Longest pause after a read or a record, in us. */
#define PAUSE_MAX	120000

/* Before one that does not block asks the journal again, in us. */
#define RETRY		2000

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
	pthread_t	thread, drawer;
	unsigned int	number;
	__u64		random;
	__u64		drawer_random;
	__u64		at;
	__u64		place;		/* in the journal; the drawer moves it */
	int		fd;
	int		error;		/* that was told */
	int		place_error;	/* the same of the journal */
	bool		blocks;
};

/* What is offered, again and again. */
struct offer {
	__u64	life;
	__u64	place;
	char	member[8];
};

static struct log *out;
static size_t ring_size;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const char *pair, *member;
static __u64 life, rounds_seed;

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

/* A number that depends on all of another one, as splitmix64 has it. */
static __u64 mix(__u64 number)
{
	number += 0x9e3779b97f4a7c15ULL;
	number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9ULL;
	number = (number ^ number >> 27) * 0x94d049bb133111ebULL;
	return number ^ number >> 31;
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
	out = mmap(NULL, st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (out == MAP_FAILED)
		die("mmap");
	close(fd);
	ring_size = st.st_size - sizeof(struct log);
}

static void find_log(void)
{
	DIR *devices = opendir("/sys/bus/pci/devices");
	struct dirent *entry;

	while (devices && !out && (entry = readdir(devices)))
		if (number_in(entry->d_name, "vendor") == SHARED_VENDOR &&
		    number_in(entry->d_name, "device") == SHARED_DEVICE)
			map_log(entry->d_name);
	if (devices)
		closedir(devices);
	if (!out) {
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
	head = out->head;
	while (ring_size - (head - __atomic_load_n(&out->tail, __ATOMIC_ACQUIRE)) < len)
		usleep(1000);
	for (i = 0; i < len; i++)
		out->ring[(head + i) % ring_size] = line[i];
	__atomic_store_n(&out->head, head + len, __ATOMIC_RELEASE);
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

static void tell_bytes(char word, unsigned int stream, __u64 offset, const __u8 *bytes,
		       size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char line[2 * READ_MAX + 64];
	int at = sprintf(line, "%c %u %llu ", word, stream, offset);
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

static void fail(char word, unsigned int stream, int *told, int error)
{
	if (error == EAGAIN || error == EINTR)
		return;
	if (*told != error)
		tell("%c %u %d\n", word, stream, error);
	*told = error;
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
		fail('e', s->number, &s->error, errno);
		return;
	}
	/* What the kernel counts is what it gave, unless it was resynced meanwhile. */
	now = position(s->fd);
	if (now >= len)
		s->at = now - len;
	tell_bytes('r', s->number, s->at, bytes, len);
	s->at += len;
	s->error = 0;
}

static void commit(struct streamer *s)
{
	/* All before it was told. */
	__u64 place = __atomic_load_n(&s->place, __ATOMIC_ACQUIRE);
	int error = fsync(s->fd) ? errno : 0;

	if (error != EAGAIN && error != EINTR)
		tell("f %u %llu %llu %d\n", s->number, s->at, place, error);
}

/* What is asked for at a place. */
static __u32 kind_at(const struct streamer *s)
{
	__u64 drawn = mix(mix(rounds_seed * STREAMS_MAX + s->number) + s->place);

	if (drawn % 8 < 3)
		return NDVAL_VALUE_KIND_AGREED;
	return NDVAL_VALUE_KIND_REALTIME + (drawn >> 32) % ARRAY_LEN(all_clocks);
}

/* Mostly short, sometimes as long as may be; as offer() of hosts/chaos_journal.py. */
static __u32 make_offer(__u64 place, __u8 *value)
{
	struct offer offer = { .life = life, .place = place };
	__u64 drawn = mix(life + mix(place));
	__u32 length = (drawn >> 8) % ((drawn % 8 ? 96 : NDVAL_AGREED_MAX) + 1), i;
	const __u8 *from = (const __u8 *)&offer;

	strncpy(offer.member, member, sizeof(offer.member) - 1);
	for (i = 0; i < length; i++)
		value[i] = from[i % sizeof(offer)];
	return length;
}

/* 0 or an errno. */
static int look_up(const struct streamer *s, struct ndval_info *info)
{
	while (ioctl(s->fd, NDVAL_IOC_INFO, info))
		if (errno != EAGAIN && errno != EINTR)
			return errno;
	return 0;
}

/*
 * Where it stands now. One that is lost does not ask for what belongs to another place,
 * and says so before it is put to a new one, each time.
 */
static bool find_place(struct streamer *s)
{
	struct ndval_info info;
	int error = look_up(s, &info);

	if (!error && info.flags & NDVAL_INFO_JOURNAL_LOST)
		error = EPIPE;
	if (error) {
		fail('j', s->number, &s->place_error, error);
		return false;
	}
	if (s->place_error == EPIPE)
		s->place_error = 0;
	__atomic_store_n(&s->place, info.journal_position, __ATOMIC_RELEASE);
	return true;
}

/* Where a record of so many bytes begins that was just had. */
static __u64 place_of(struct streamer *s, __u64 size)
{
	struct ndval_info info;

	/* What the kernel counts is what it gave, unless it was resynced meanwhile. */
	if (!look_up(s, &info) && info.journal_position >= size)
		return info.journal_position - size;
	return s->place;
}

static int draw_agreed(struct streamer *s)
{
	__u8 value[NDVAL_AGREED_MAX];
	__u32 length = make_offer(s->place, value);
	long got = agree(s->fd, value, length, value, sizeof(value));

	if (got < 0)
		return got;
	tell_bytes('a', s->number, place_of(s, RECORD_AGREED(got)), value, got);
	return 0;
}

/* In a record the frequency of cycles, in kHz, stands where others have their steps. */
static int draw_clock(struct streamer *s, __u32 kind)
{
	struct ndval_clock clock;
	int err = clock_call(s->fd, all_clocks[kind - NDVAL_VALUE_KIND_REALTIME], &clock);

	if (err)
		return err;
	if (kind == NDVAL_VALUE_KIND_CYCLES)
		clock.steps = clock.frequency / 1000;
	tell("c %u %llu %u %llu %llu\n", s->number, place_of(s, RECORD_CLOCK), kind,
	     clock.value, clock.steps);
	return 0;
}

static void draw_record(struct streamer *s)
{
	__u32 kind;
	int err;

	if (!find_place(s))
		return;
	kind = kind_at(s);
	err = kind == NDVAL_VALUE_KIND_AGREED ? draw_agreed(s) : draw_clock(s, kind);
	if (err == -EAGAIN)
		usleep(RETRY);
	if (err)
		fail('j', s->number, &s->place_error, -err);
	else
		s->place_error = 0;
}

static void *draw_records(void *data)
{
	struct streamer *s = data;

	for (;;) {
		draw_record(s);
		if (draw(&s->drawer_random) % 4)
			usleep(draw(&s->drawer_random) % PAUSE_MAX);
	}
	return NULL;
}

static void *run_stream(void *data)
{
	struct streamer *s = data;

	open_stream(s);
	tell("o %u\n", s->number);
	if (pthread_create(&s->drawer, NULL, draw_records, s))
		die("pthread_create");
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
	unsigned int count = argc == 6 ? strtoul(argv[1], NULL, 0) : 0, i;

	if (!count || count > STREAMS_MAX) {
		fprintf(stderr, "usage: streamer STREAMS LIFE PAIR MEMBER ROUND\n");
		return 2;
	}
	life = strtoull(argv[2], NULL, 0);
	pair = argv[3];
	member = argv[4];
	rounds_seed = strtoull(argv[5], NULL, 0);
	find_log();
	for (i = 0; i < count; i++) {
		struct streamer *s = &streamers[i];

		s->number = i;
		s->random = (life * 1000003 + i + 1) * 0x9e3779b97f4a7c15ULL | 1;
		s->drawer_random = mix(s->random) | 1;
		s->blocks = draw(&s->random) % 2;
		if (pthread_create(&s->thread, NULL, run_stream, s))
			die("pthread_create");
	}
	for (i = 0; i < count; i++)
		pthread_join(streamers[i].thread, NULL);
	return 0;
}
