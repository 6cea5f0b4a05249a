// SPDX-License-Identifier: GPL-2.0-only
/*
 * How something is measured, and told: a line of JSON for each.
 *
 * Where time counts instructions (QEMU's -icount), the processor's cycle counter gives
 * their number as it is. The kernel's clock, which it makes from that counter, says the
 * same but for a rounding; a thread's own time comes from it.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

struct plan plan = { .batches = 7, .divide = 1 };

const size_t sizes[9] = { 1, 16, 64, 256, KB, 4 * KB, 16 * KB, 64 * KB, MB };

char buffer[4 * MB];

void give_up(const char *file, int line, const char *what)
{
	fprintf(stderr, "bench: %s:%d: %s: %s\n", file, line, what, strerror(errno));
	exit(1);
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec time;

	clock_gettime(clock, &time);
	return time.tv_sec * 1000000000ULL + time.tv_nsec;
}

uint64_t now(void)
{
	return plan.wall ? clock_ns(CLOCK_MONOTONIC) : __rdtsc();
}

static int compare(const void *one, const void *other)
{
	double a = *(const double *)one, b = *(const double *)other;

	return (a > b) - (a < b);
}

void measure_batch(const struct task *task, struct figures *figures)
{
	uint64_t begin, own;
	long i;

	need(figures->count < (int)LENGTH(figures->total));
	if (task->before)
		task->before(task->data, task);
	own = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	begin = now();
	for (i = 0; i < task->ops; i++)
		task->op(task->data, task->size);
	figures->total[figures->count] = (double)(now() - begin) / task->ops;
	own = clock_ns(CLOCK_THREAD_CPUTIME_ID) - own;
	figures->own[figures->count++] = (double)own / task->ops;
}

static void print_spread(const char *name, double *values, int count)
{
	qsort(values, count, sizeof(*values), compare);
	printf(", \"%s\": [%.1f, %.1f, %.1f]", name, values[0], values[count / 2],
	       values[count - 1]);
}

/* Least, median and most of all batches but the first. */
void measure_print(const struct task *task, struct figures *figures)
{
	printf("{\"group\": \"%s\", \"name\": \"%s\", \"size\": %zu, \"ops\": %ld, \"batches\": %d",
	       task->group, task->name, task->size, task->ops, figures->count - 1);
	print_spread("total", figures->total + 1, figures->count - 1);
	print_spread("own", figures->own + 1, figures->count - 1);
	printf("%s%s}\n", task->more ? ", " : "", task->more ?: "");
	fflush(stdout);
}

void measure(const struct task *task)
{
	struct figures figures = { .count = 0 };

	while (figures.count <= plan.batches)
		measure_batch(task, &figures);
	measure_print(task, &figures);
}

void print_value(const char *group, const char *name, size_t size, double value)
{
	printf("{\"group\": \"%s\", \"name\": \"%s\", \"size\": %zu, \"value\": %.1f}\n",
	       group, name, size, value);
	fflush(stdout);
}

/* Operations of a batch that is to have so many bytes. */
long ops_of(size_t size, size_t bytes)
{
	bytes /= plan.divide;
	return bytes > size ? bytes / size : 1;
}

void read_all(int fd, void *to, size_t len)
{
	ssize_t got;

	for (; len; to = (char *)to + got, len -= got) {
		got = read(fd, to, len);
		if (got <= 0)
			need(!"read");
	}
}

void write_all(int fd, const void *from, size_t len)
{
	ssize_t put;

	for (; len; from = (const char *)from + put, len -= put) {
		put = write(fd, from, len);
		if (put <= 0)
			need(!"write");
	}
}
