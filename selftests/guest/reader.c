// SPDX-License-Identifier: GPL-2.0-only
/*
 * reader - reads streams of a pair, one thread each, in sizes drawn from a seed
 *
 *   reader [OPTION..] NODE
 *
 *   -t N      threads; thread I binds the stream NAME/I (default 1)
 *   -s NAME   without it, one thread reads the stream "default", unbound
 *   -i N      as instance N (default 0)
 *   -b BYTES  of each stream (default 65536)
 *   -S SEED   of sizes, pauses and the order in which threads start
 *   -m MAX    longest read (default 1 MiB)
 *   -w US     longest pause between two reads of a thread
 *   -g BYTES  when every thread has read that many, print "gate" and wait for
 *             a line on standard input
 *   -f        fsync in the end
 *   -p        print the position of each read, as NDVAL_IOC_INFO tells it
 *
 * Prints for each stream, in the order of I: its name, the bytes read, a digest
 * of them, and "ok" or the name of the errno that ended it. Two readers with
 * different seeds print the same if they got the same bytes. Exit: 0 if all
 * was read, 1 if some read failed, 2 if it could not begin.
 *
 * vm: helper=yes
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/ndval.h>

#define THREADS_MAX	1024

struct reader {
	pthread_t	thread;
	char		stream[NDVAL_NAME_SIZE];
	__u64	random;
	__u64	done;
	__u64	digest;
	int		error;
};

static const char *node;
static const char *name;
static __u64 threads = 1;
static __u64 instance;
static __u64 bytes = 65536;
static __u64 seed = 1;
static __u64 size_max = 1 << 20;
static __u64 pause_max;
static __u64 gate;
static bool commit;
static bool positions;
static pthread_barrier_t at_gate;
static pthread_barrier_t go_on;

static void die(const char *what)
{
	fprintf(stderr, "reader: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* xorshift64*; the state is never 0. */
static __u64 draw(__u64 *random)
{
	*random ^= *random >> 12;
	*random ^= *random << 25;
	*random ^= *random >> 27;
	return *random * 0x2545f4914f6cdd1dULL;
}

static __u64 seeded(__u64 number)
{
	__u64 random = (seed * 1000003 + number + 1) * 0x9e3779b97f4a7c15ULL | 1;

	draw(&random);
	return random;
}

/* FNV-1a: enough to tell different random bytes apart. */
static __u64 digest(__u64 sum, const __u8 *data, size_t len)
{
	while (len--)
		sum = (sum ^ *data++) * 0x100000001b3ULL;
	return sum;
}

/* Any magnitude is as likely as any other, the borders of chunks likelier. */
static __u64 draw_size(__u64 *random)
{
	static const __u64 borders[] = { 1, 4095, 4096, 4097, 8192, 65536, 1 << 20 };
	__u64 size = 1ULL << draw(random) % 21;

	if (draw(random) % 4)
		size += draw(random) % size;
	else
		size = borders[draw(random) % (sizeof(borders) / sizeof(*borders))];
	return size < size_max ? size : size_max;
}

static void print_position(const struct reader *reader, int fd, size_t len)
{
	struct ndval_info info;

	if (ioctl(fd, NDVAL_IOC_INFO, &info))
		die("NDVAL_IOC_INFO");
	printf("%s @%llu %zu\n", reader->stream, (unsigned long long)info.position, len);
}

/* Reads up to offset @end. Returns 0 or an errno. */
static int read_to(struct reader *reader, int fd, __u8 *buffer, __u64 end)
{
	while (reader->done < end) {
		__u64 size = draw_size(&reader->random);
		ssize_t len;

		if (size > end - reader->done)
			size = end - reader->done;
		if (positions)
			print_position(reader, fd, size);
		len = read(fd, buffer, size);
		if (len < 0)
			return errno;
		if (!len)
			die("a read of nothing");
		reader->digest = digest(reader->digest, buffer, len);
		reader->done += len;
		if (pause_max)
			usleep(draw(&reader->random) % (pause_max + 1));
	}
	return 0;
}

static int open_stream(const struct reader *reader)
{
	struct ndval_binding binding = { .instance = instance };
	int fd = open(node, O_RDONLY);

	if (fd < 0)
		die(node);
	if (!name && !instance)
		return fd;
	memcpy(binding.stream, reader->stream, sizeof(binding.stream));
	if (!ioctl(fd, NDVAL_IOC_BIND, &binding))
		return fd;
	close(fd);
	return -1;
}

static void *run(void *argument)
{
	struct reader *reader = argument;
	__u8 *buffer = malloc(size_max);
	int fd = open_stream(reader);

	if (!buffer)
		die("memory");
	if (fd < 0)
		reader->error = errno;
	if (gate) {
		if (!reader->error)
			reader->error = read_to(reader, fd, buffer, gate);
		pthread_barrier_wait(&at_gate);
		pthread_barrier_wait(&go_on);
	}
	if (!reader->error)
		reader->error = read_to(reader, fd, buffer, bytes);
	if (!reader->error && commit && fsync(fd))
		reader->error = errno;
	if (fd >= 0)
		close(fd);
	free(buffer);
	return NULL;
}

/* In an order drawn from the seed. */
static void start(struct reader *readers)
{
	unsigned int order[THREADS_MAX];
	__u64 random = seeded(THREADS_MAX);
	unsigned int i;

	for (i = 0; i < threads; i++) {
		unsigned int other = draw(&random) % (i + 1);

		order[i] = order[other];
		order[other] = i;
	}
	for (i = 0; i < threads; i++) {
		struct reader *reader = &readers[order[i]];

		if (pthread_create(&reader->thread, NULL, run, reader))
			die("pthread_create");
		if (pause_max)
			usleep(draw(&random) % (pause_max + 1));
	}
}

static void hold_gate(void)
{
	char line[16];

	pthread_barrier_wait(&at_gate);
	printf("gate\n");
	if (!fgets(line, sizeof(line), stdin))
		die("waiting at the gate");
	pthread_barrier_wait(&go_on);
}

static void name_streams(struct reader *readers)
{
	unsigned int i;

	for (i = 0; i < threads; i++) {
		struct reader *reader = &readers[i];

		if (name)
			snprintf(reader->stream, sizeof(reader->stream), "%s/%u", name, i);
		else
			snprintf(reader->stream, sizeof(reader->stream), "default");
		reader->random = seeded(i);
		reader->digest = 0xcbf29ce484222325ULL;
	}
}

static void parse(int argc, char **argv)
{
	struct {
		char	letter;
		__u64	*number;
	} options[] = {
		{ 't', &threads }, { 'i', &instance }, { 'b', &bytes }, { 'S', &seed },
		{ 'm', &size_max }, { 'w', &pause_max }, { 'g', &gate },
	};
	unsigned int i;
	int letter;

	while ((letter = getopt(argc, argv, "t:s:i:b:S:m:w:g:fp")) != -1) {
		if (letter == '?')
			exit(2);
		if (letter == 's')
			name = optarg;
		if (letter == 'f')
			commit = true;
		if (letter == 'p')
			positions = true;
		for (i = 0; i < sizeof(options) / sizeof(*options); i++)
			if (options[i].letter == letter)
				*options[i].number = strtoull(optarg, NULL, 0);
	}
	if (optind != argc - 1 || !threads || threads > THREADS_MAX || !size_max ||
	    gate > bytes || (threads > 1 && !name)) {
		fprintf(stderr, "reader: see the top of reader.c for its usage\n");
		exit(2);
	}
	node = argv[optind];
}

int main(int argc, char **argv)
{
	struct reader *readers;
	bool failed = false;
	unsigned int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	parse(argc, argv);
	readers = calloc(threads, sizeof(*readers));
	if (!readers)
		die("memory");
	pthread_barrier_init(&at_gate, NULL, threads + 1);
	pthread_barrier_init(&go_on, NULL, threads + 1);
	name_streams(readers);
	start(readers);
	if (gate)
		hold_gate();
	for (i = 0; i < threads; i++)
		pthread_join(readers[i].thread, NULL);
	for (i = 0; i < threads; i++) {
		const struct reader *reader = &readers[i];

		printf("%s %llu %016llx %s\n", reader->stream,
		       (unsigned long long)reader->done,
		       (unsigned long long)reader->digest,
		       reader->error ? strerrorname_np(reader->error) : "ok");
		failed |= reader->error;
	}
	return failed;
}
