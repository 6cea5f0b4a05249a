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

const size_t sizes[SIZES] = { 1, 16, 64, 256, KB, 4 * KB, 16 * KB, 64 * KB, MB };

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

struct took {
	uint64_t	total;
	uint64_t	own;
};

static struct took time_ops(const struct task *task, long ops)
{
	struct took took;
	uint64_t begin;

	took.own = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	begin = now();
	while (ops--)
		task->op(task->data, task->size);
	took.total = now() - begin;
	took.own = clock_ns(CLOCK_THREAD_CPUTIME_ID) - took.own;
	return took;
}

/* What it takes to look at the clocks. */
static struct took time_nothing(const struct task *task)
{
	struct took took, least = time_ops(task, 0);
	int i;

	for (i = 0; i < 20; i++) {
		took = time_ops(task, 0);
		least.total = took.total < least.total ? took.total : least.total;
		least.own = took.own < least.own ? took.own : least.own;
	}
	return least;
}

void measure_batch(const struct task *task, struct figures *figures)
{
	static struct took nothing;
	struct took took;

	need(figures->count < (int)LENGTH(figures->total));
	if (!nothing.own)
		nothing = time_nothing(task);
	if (task->before)
		task->before(task->data, task);
	took = time_ops(task, task->ops);
	figures->total[figures->count] = (double)(took.total - nothing.total) / task->ops;
	figures->own[figures->count++] = (double)(took.own - nothing.own) / task->ops;
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

/* Is this to be measured? */
bool is_wanted(const char *name, size_t size)
{
	if (plan.quick && size != 16 && size != 64 && size != 4 * KB)
		return false;
	return (!plan.name || !strcmp(name, plan.name)) && (!plan.size || size == plan.size);
}

void measure_times(const struct task *task, int batches)
{
	struct figures figures = { .count = 0 };

	if (!is_wanted(task->name, task->size))
		return;

	while (figures.count <= batches)
		measure_batch(task, &figures);
	measure_print(task, &figures);
}

void measure(const struct task *task)
{
	measure_times(task, plan.batches);
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
