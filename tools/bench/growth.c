// SPDX-License-Identifier: GPL-2.0-only
/*
 * What many pairs, many streams and wide windows cost: time of what looks them up, and
 * memory.
 */
#include "common.h"
#include "bench.h"
#include "peer.h"

#define OPS	(256 / plan.divide ?: 1)

/* Most pairs and streams. */
static unsigned int most(unsigned int number)
{
	return number / plan.divide ?: 1;
}

/* Free memory of the machine, in bytes, without what could be thrown away. */
static double memory_free(void)
{
	unsigned long free = 0, reclaimable = 0;
	char line[128];
	FILE *file;

	need(!run("sync; echo 3 >/proc/sys/vm/drop_caches"));
	file = fopen("/proc/meminfo", "re");
	need(file);
	while (fgets(line, sizeof(line), file)) {
		if (sscanf(line, "MemFree: %lu", &free) != 1)
			sscanf(line, "SReclaimable: %lu", &reclaimable);
	}
	fclose(file);
	return (free + reclaimable) * 1024.0;
}

struct place {
	struct host	host;
	char		name[NDVAL_NAME_SIZE];
	char		node[NDVAL_NAME_SIZE + 16];
	char		stream[NDVAL_NAME_SIZE];
	int		fd;
};

/* Finds the pair by its node, makes a file, finds the stream. */
static void op_open(void *data, size_t size)
{
	struct place *place = data;
	int fd = open(place->node, O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	need(!node_bind(fd, place->stream, 0, 0));
	if (size)
		read_all(fd, buffer, size);
	close(fd);
}

static void op_read(void *data, size_t size)
{
	read_all(((struct place *)data)->fd, buffer, size);
}

static void op_get(void *data, size_t size)
{
	struct place *place = data;

	(void)size;
	need(host_pair_get(&place->host, place->name, NDVAL_A_PAIR_HEALTH) ==
	     NDVAL_HEALTH_STANDALONE);
}

static void measure_at(struct place *place, const char *group, unsigned int number, bool get)
{
	char more[64];
	struct task task = { group, "open+read", 16, OPS, place, NULL, op_open, more };

	snprintf(more, sizeof(more), "\"number\": %u", number);
	place->fd = world_open(place->name, place->stream, 0);
	measure(&task);
	task.name = "read";
	task.op = op_read;
	task.ops = 4 * OPS;
	measure(&task);
	close(place->fd);
	if (!get)
		return;
	task.name = "netlink get";
	task.op = op_get;
	task.size = 0;
	task.ops = OPS;
	measure(&task);
}

/* Pairs number @from to @to - 1. */
static void pairs(const char *verb, unsigned int from, unsigned int to, const char *settings)
{
	FILE *lines = popen("exec ndvalctl batch >/dev/null", "we");

	need(lines);
	for (; from < to; from++)
		fprintf(lines, "pair %s p%u %s\n", verb, from, settings);
	need(!pclose(lines));
}

void bench_pairs(void)
{
	static const unsigned int numbers[] = { 1, 10, 100, 1000, 10000 };
	double before = memory_free();
	unsigned int number, made = 0;
	struct place place;
	size_t i;

	need(host_open(&place.host));
	strcpy(place.stream, "default");
	for (i = 0; i < LENGTH(numbers); i++) {
		number = most(numbers[i]);
		pairs("add", made, number, "commit=async");
		made = number;
		if (number > 1)
			print_value("pairs", "memory", number, (before - memory_free()) / number);
		snprintf(place.name, sizeof(place.name), "p%u", number / 2);
		snprintf(place.node, sizeof(place.node), "/dev/ndval-%s", place.name);
		measure_at(&place, "pairs", number, true);
	}
	pairs("del", 0, made, "");
	host_close(&place.host);
}

/* Streams s0 to s(@to - 1) of a pair, of which @from are there; nothing is read. */
static void streams(const char *pair, unsigned int from, unsigned int to)
{
	char name[NDVAL_NAME_SIZE];

	for (; from < to; from++) {
		snprintf(name, sizeof(name), "s%u", from);
		close(world_open(pair, name, 0));
	}
}

static void local_streams(void)
{
	static const unsigned int numbers[] = { 1, 16, 256, 4096 };
	unsigned int number, made = 0;
	struct place place;
	double before;
	size_t i;

	world_pair("many", "commit=async max_streams=8192");
	strcpy(place.name, "many");
	strcpy(place.node, "/dev/ndval-many");
	before = memory_free();
	for (i = 0; i < LENGTH(numbers); i++) {
		number = most(numbers[i]);
		streams("many", made, number);
		made = number;
		if (number > 1)
			print_value("streams", "memory", number, (before - memory_free()) / number);
		print_value("streams", "accounted", number,
			    (double)sys_get("many", "memory") / number);
		snprintf(place.stream, sizeof(place.stream), "s%u", number / 2);
		measure_at(&place, "streams", number, false);
	}
	world_pair_end("many");
}

static void linked_streams(unsigned int number)
{
	struct world world;
	struct copies copies;
	char more[64], name[NDVAL_NAME_SIZE];

	world_two(&world, UNIX, "commit=sync prefetch=0 max_streams=8192");
	streams("web1", 0, number);
	snprintf(name, sizeof(name), "s%u", number / 2);
	copies.primary = world_open("web1", name, 0);
	copies.secondary = world_open("web2", name, 0);
	snprintf(more, sizeof(more), "\"number\": %u", number);
	measure_trip("streams", "round trip", 16, &copies, more);
	close(copies.primary);
	close(copies.secondary);
	world_two_end(&world);
}

void bench_streams(void)
{
	local_streams();
	linked_streams(1);
	linked_streams(most(4096));
}

static void op_read_fd(void *data, size_t size)
{
	read_all(*(int *)data, buffer, size);
}

/* Reads of an instance as far behind as the window goes. */
static void measure_window(size_t ring_size)
{
	int fds[2], i;
	char settings[128], more[64];
	static const size_t what[] = { 16, 4 * KB };
	size_t left;

	snprintf(settings, sizeof(settings),
		 "commit=async on_divergence=report instances=0,1 memory_max=128M %s=%zu %s=%zu",
		 "ring_size", ring_size, "retain", ring_size);
	world_pair("wide", settings);
	for (i = 0; i < 2; i++)
		fds[i] = world_open("wide", "default", i);
	for (left = ring_size; left; left -= 8 * KB)
		read_all(fds[0], buffer, 8 * KB);
	snprintf(more, sizeof(more), "\"number\": %zu", ring_size);
	for (i = 0; i < 2; i++)
		measure(&(struct task){ "window", "second instance", what[i],
			ops_of(what[i], 4 * KB),
			&fds[1], NULL, op_read_fd, more });
	close(fds[0]);
	close(fds[1]);
	world_pair_end("wide");
}

void bench_window(void)
{
	static const size_t windows[] = { 64 * KB, 256 * KB, MB, 16 * MB, 64 * MB };
	size_t i;

	for (i = 0; i < LENGTH(windows); i++)
		measure_window(windows[i]);
}
