// SPDX-License-Identifier: GPL-2.0-only
/*
 * Threads that read at the same time, each its own stream, against as many that read
 * /dev/urandom. It says something by the clock and on several processors only.
 */
#include "bench.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define GROUP	"threads"
#define THREADS	32

struct reader {
	pthread_t		thread;
	pthread_barrier_t	*barrier;
	int			fd;
	size_t			size;
	long			ops;
};

static void *work(void *data)
{
	struct reader *reader = data;
	char *to = malloc(reader->size);
	long i;

	need(to);
	pthread_barrier_wait(reader->barrier);
	for (i = 0; i < reader->ops; i++)
		read_all(reader->fd, to, reader->size);
	pthread_barrier_wait(reader->barrier);
	free(to);
	return NULL;
}

/* Returns ns for each read, whoever makes it. */
static double run_readers(const int *fds, int count, size_t size, long ops)
{
	struct reader readers[THREADS];
	pthread_barrier_t barrier;
	uint64_t begin;
	double took;
	int i;

	need(!pthread_barrier_init(&barrier, NULL, count + 1));
	for (i = 0; i < count; i++) {
		readers[i] = (struct reader){ 0, &barrier, fds[i], size, ops / count };
		need(!pthread_create(&readers[i].thread, NULL, work, &readers[i]));
	}
	pthread_barrier_wait(&barrier);
	begin = now();
	pthread_barrier_wait(&barrier);
	took = now() - begin;
	for (i = 0; i < count; i++)
		need(!pthread_join(readers[i].thread, NULL));
	pthread_barrier_destroy(&barrier);
	return took / (ops / count * count);
}

static void measure_threads(const char *name, const int *fds, size_t size, long ops)
{
	static const int counts[] = { 1, 2, 4, 8, 16, 32 };
	struct figures figures;
	char more[64];
	const struct task task = { GROUP, name, size, ops, NULL, NULL, NULL, more };
	size_t i;

	for (i = 0; i < LENGTH(counts); i++) {
		figures.count = 0;
		while (figures.count <= plan.batches) {
			figures.total[figures.count] = run_readers(fds, counts[i], size, ops);
			figures.own[figures.count] = figures.total[figures.count];
			figures.count++;
		}
		snprintf(more, sizeof(more), "\"number\": %d", counts[i]);
		measure_print(&task, &figures);
	}
}

void bench_threads(void)
{
	int random[THREADS], values[THREADS], i;
	char stream[16];

	world_pair("alone", "commit=async");
	for (i = 0; i < THREADS; i++) {
		random[i] = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
		need(random[i] >= 0);
		snprintf(stream, sizeof(stream), "s%d", i);
		values[i] = world_open("alone", stream, 0);
	}
	measure_threads("urandom", random, 64, 100000 / plan.divide);
	measure_threads("ndval", values, 64, 100000 / plan.divide);
	measure_threads("urandom", random, 4 * KB, 5000 / plan.divide);
	measure_threads("ndval", values, 4 * KB, 5000 / plan.divide);
	for (i = 0; i < THREADS; i++) {
		close(random[i]);
		close(values[i]);
	}
	world_pair_end("alone");
}
