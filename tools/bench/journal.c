// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clock readings and agreed values, which a journal records one by one, and output
 * commit.
 */
#include "bench.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <linux/ndval.h>

#define GROUP	"journal"
#define OPS	(256 / plan.divide ?: 1)

static void op_vdso(void *data, size_t size)
{
	struct timespec time;

	(void)data;
	(void)size;
	clock_gettime(CLOCK_REALTIME, &time);
}

static void op_syscall(void *data, size_t size)
{
	struct timespec time;

	(void)data;
	(void)size;
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &time);
}

static void op_clock(void *data, size_t size)
{
	struct ndval_clock clock = { .clock = CLOCK_REALTIME };

	(void)size;
	need(!ioctl(*(int *)data, NDVAL_IOC_CLOCK, &clock));
}

static void op_agree(void *data, size_t size)
{
	struct ndval_agreement agreement = {
		.in		= (uintptr_t)buffer,
		.in_length	= size,
		.out		= (uintptr_t)buffer,
		.out_size	= NDVAL_AGREED_MAX,
	};

	need(!ioctl(*(int *)data, NDVAL_IOC_AGREE, &agreement));
}

/* A commit with nothing delivered since the last one. */
static void op_fsync(void *data, size_t size)
{
	(void)size;
	need(!fsync(*(int *)data));
}

static void op_read_fsync(void *data, size_t size)
{
	read_all(*(int *)data, buffer, size);
	need(!fsync(*(int *)data));
}

static void op_clock_fsync(void *data, size_t size)
{
	op_clock(data, size);
	need(!fsync(*(int *)data));
}

/* What one or two copies do: the first call for a value, and the second. */
static const struct {
	const char	*name;
	size_t		size;
	void		(*op)(void *data, size_t size);
} calls[] = {
	{ "clock", 0, op_clock },
	{ "agree", 16, op_agree },
	{ "agree", 4 * KB, op_agree },
	{ "fsync", 0, op_fsync },
	{ "read+fsync", 16, op_read_fsync },
	{ "clock+fsync", 0, op_clock_fsync },
};

/* A call by one copy and then by the other; so many that the window has room for all. */
static void measure_call(int call, const char *world, int *fds, const char * const *who)
{
	struct figures figures[2] = { { .count = 0 }, { .count = 0 } };
	char names[2][64];
	struct task tasks[2];
	int i;

	for (i = 0; i < 2; i++) {
		snprintf(names[i], sizeof(names[i]), "%s %s%s%s", calls[call].name, world,
			 *who[i] ? " " : "", who[i]);
		tasks[i] = (struct task){ GROUP, names[i], calls[call].size,
			calls[call].size > KB ? 8 : OPS, &fds[i], NULL, calls[call].op, NULL };
	}
	while (figures[0].count <= plan.batches)
		for (i = 0; i < 2 && fds[i] >= 0; i++)
			measure_batch(&tasks[i], &figures[i]);
	for (i = 0; i < 2 && fds[i] >= 0; i++)
		measure_print(&tasks[i], &figures[i]);
}

static void measure_calls(const char *world, int *fds, const char * const *who)
{
	size_t i;

	for (i = 0; i < LENGTH(calls); i++)
		measure_call(i, world, fds, who);
	for (i = 0; i < 2 && fds[i] >= 0; i++)
		close(fds[i]);
}

static void measure_alone(void)
{
	static const char * const who[] = { "", "" };
	int fds[2] = { -1, -1 };

	world_pair("alone", "commit=async");
	fds[0] = world_open("alone", "default", 0);
	measure_calls("alone", fds, who);
	world_pair_end("alone");
}

static void measure_instances(void)
{
	static const char * const who[] = { "first", "second" };
	int fds[2];

	world_pair("two", "commit=async instances=0,1");
	fds[0] = world_open("two", "default", 0);
	fds[1] = world_open("two", "default", 1);
	measure_calls("instance", fds, who);
	world_pair_end("two");
}

/* The primary's copy comes first, or the secondary's. */
static void measure_members(bool sync, bool secondary)
{
	static const char * const who[2][2] = {
		{ "primary-first", "secondary-second" },
		{ "secondary-first", "primary-second" },
	};
	struct world world;
	int fds[2];

	world_two(&world, UNIX, sync ? "commit=sync on_divergence=fail" :
				       "commit=async on_divergence=fail");
	fds[secondary] = world_open("web1", "default", 0);
	fds[!secondary] = world_open("web2", "default", 0);
	measure_calls(sync ? "sync" : "async", fds, who[secondary]);
	world_two_end(&world);
}

void bench_journal(void)
{
	const struct task vdso = { GROUP, "clock_gettime vdso", 0, OPS, NULL, NULL, op_vdso, NULL };
	const struct task syscall = {
		GROUP, "clock_gettime syscall", 0, OPS, NULL, NULL, op_syscall, NULL,
	};
	int i;

	measure(&vdso);
	measure(&syscall);
	measure_alone();
	measure_instances();
	for (i = 0; i < 4; i++)
		measure_members(i & 1, i & 2);
}
