// SPDX-License-Identifier: GPL-2.0-only
/*
 * What pairs cost: nothing once they are gone, and little while they idle.
 * Pairs are made and removed over netlink directly, for there are many. Not on
 * the debug kernel: its own records of memory would count; it has kmemleak.
 *
 * vm: flavours=6.1,6.12 timeout=300 libs="-lmnl"
 */
#include "kselftest_harness.h"

#include <glob.h>
#include <sched.h>

#include "common.h"
#include "genl.h"

#define TIMEOUT		200
#define USED		10000	/* pairs made, used once and removed */
#define IDLE		2000	/* pairs that are there at the same time */
#define IDLE_COST	(8 * KIB)
#define LEAK		64	/* bytes a pair; noise is below that, any object above */

FIXTURE(pairs) {
	struct genl genl;
};

FIXTURE_SETUP(pairs)
{
	ASSERT_TRUE(genl_open(&self->genl));
}

FIXTURE_TEARDOWN(pairs)
{
	genl_close(&self->genl);
}

/* NDVAL_CMD_PAIR_NEW or _DEL for pair number @number; 0 or an errno. */
static int pair_command(FIXTURE_DATA(pairs) * self, int cmd, int number)
{
	char buffer[512], name[16];

	snprintf(name, sizeof(name), "p%d", number);
	return genl_ask(&self->genl, genl_pair(&self->genl, buffer, cmd, name));
}

/*
 * Removes a pair and waits for the end of it: many removals at a time would
 * have the kernel make workers that stay for minutes, and count here.
 */
static bool pair_end(FIXTURE_DATA(pairs) * self, int number)
{
	double limit = seconds() + 20;
	char path[32];

	if (pair_command(self, NDVAL_CMD_PAIR_DEL, number))
		return false;
	snprintf(path, sizeof(path), "/dev/ndval-p%d", number);
	while (!access(path, F_OK) && seconds() < limit)
		sched_yield();
	return access(path, F_OK);
}

static void write_to(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");

	if (!file)
		return;
	fputs(value, file);
	fclose(file);
}

/* Gives back the pages that slabs keep empty. */
static void shrink_slabs(void)
{
	glob_t found;
	size_t i;

	if (glob("/sys/kernel/slab/*/shrink", 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc; i++)
		write_to(found.gl_pathv[i], "1");
	globfree(&found);
}

/* Bytes that are not free, caches left out. */
static long long used_memory(void)
{
	long long total = 0, unused = 0;
	char line[128];
	FILE *file;

	/* Few pages in the processors' own lists, which do not count as free. */
	write_to("/proc/sys/vm/percpu_pagelist_high_fraction", "100000");
	write_to("/proc/sys/vm/drop_caches", "3");
	shrink_slabs();
	file = fopen("/proc/meminfo", "r");
	if (!file)
		return -1;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "MemTotal:", 9))
			total = strtoll(line + 9, NULL, 10);
		else if (!strncmp(line, "MemFree:", 8))
			unused = strtoll(line + 8, NULL, 10);
	}
	fclose(file);
	return (total - unused) * 1024;
}

/* Nothing of ours is left but the default pair. */
static bool all_gone(void)
{
	return !run("[ \"$(ls /sys/class/ndval)\" = ndval ]");
}

/* Makes, uses once and removes pairs; true if all went well. */
static bool use_pairs(FIXTURE_DATA(pairs) * self, int from, int to)
{
	int i;

	for (i = from; i < to; i++) {
		char name[16], bytes[16];
		int fd;

		snprintf(name, sizeof(name), "p%d", i);
		if (pair_command(self, NDVAL_CMD_PAIR_NEW, i))
			return false;
		fd = node_open(name, 0);
		if (fd < 0 || get(fd, bytes, sizeof(bytes)) != sizeof(bytes))
			return false;
		close(fd);
		if (!pair_end(self, i))
			return false;
	}
	return wait_until(all_gone(), 30);
}

TEST_F_TIMEOUT(pairs, made_used_once_and_removed_leave_nothing_behind, TIMEOUT)
{
	long long before, after = 0;

	/* The allocators' own growth comes first. */
	ASSERT_TRUE(use_pairs(self, 0, 500));
	before = used_memory();
	ASSERT_TRUE(use_pairs(self, 500, 500 + USED));
	/* What RCU and work queues still hold goes soon. */
	EXPECT_TRUE(wait_until((after = used_memory()) - before < LEAK * USED, 20));
	TH_LOG("%lld bytes more after %d pairs", after - before, USED);
}

TEST_F_TIMEOUT(pairs, cost_at_most_8_KiB_while_they_idle, TIMEOUT)
{
	long long before = used_memory(), after;
	int i;

	for (i = 0; i < IDLE; i++)
		ASSERT_EQ(0, pair_command(self, NDVAL_CMD_PAIR_NEW, i));
	after = used_memory();
	TH_LOG("%lld bytes a pair", (after - before) / IDLE);
	EXPECT_GE(IDLE_COST, (unsigned long)((after - before) / IDLE));
	for (i = 0; i < IDLE; i++)
		ASSERT_TRUE(pair_end(self, i));
	ASSERT_TRUE(wait_until(all_gone(), 30));
	EXPECT_TRUE(wait_until((after = used_memory()) - before < 512LL * IDLE, 20));
	TH_LOG("%lld bytes a pair are left", (after - before) / IDLE);
}

TEST_HARNESS_MAIN
