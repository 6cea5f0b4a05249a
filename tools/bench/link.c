// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links: a read that needs a round trip, and how much goes through, against the same
 * kind of socket in the hands of two processes.
 */
#include "common.h"
#include "bench.h"
#include "peer.h"

#include <sys/random.h>
#include <sys/wait.h>

/* Bytes of a request, as little as can be. */
#define REQUEST	16

/* What one transfer is of: less than the window, that it fits. */
#define WINDOW	"ring_size=8M retain=8M"
#define LOAD	(6 * MB)

static const char * const carrier_names[] = { "unix", "tcp", "tls" };

static pid_t fork_with(const int *ends)
{
	pid_t pid = fork();

	need(pid >= 0);
	close(ends[!pid ? 0 : 1]);
	return pid;
}

static void end_child(pid_t pid, int fd)
{
	close(fd);
	need(waitpid(pid, NULL, 0) == pid);
}

/* -- round trips -- */

/* With bytes that are there, or drawn for it, as ndval has to. */
static void answer(int fd, size_t size, bool draws)
{
	char request[REQUEST];

	while (read(fd, request, sizeof(request)) == sizeof(request)) {
		if (draws && getrandom(buffer, size, 0) != (ssize_t)size)
			_exit(1);
		write_all(fd, buffer, size);
	}
	_exit(0);
}

static void op_ping(void *data, size_t size)
{
	int fd = *(int *)data;

	write_all(fd, buffer, REQUEST);
	read_all(fd, buffer, size);
}

/* What the last one set off has come to its end. */
static void settle(void)
{
	usleep(3000);
}

static void before_ping(void *data, const struct task *task)
{
	(void)data;
	(void)task;
	settle();
}

/* Each trip is a batch. */
static int batches_of_trips(void)
{
	return plan.batches < 12 ? 5 * plan.batches : 60;
}

static void measure_ping(enum carrier carrier, size_t size, bool draws)
{
	char name[64];
	int ends[2];
	pid_t pid;

	need(world_stream_pair(carrier, ends));
	pid = fork_with(ends);
	if (!pid)
		answer(ends[1], size, draws);
	snprintf(name, sizeof(name), "%s %s", draws ? "ping-draw" : "ping", carrier_names[carrier]);
	measure_times(&(struct task){ "trip", name, size, 1, ends, before_ping, op_ping, NULL },
		      batches_of_trips());
	end_child(pid, ends[0]);
}

/*
 * A primary draws whole chunks. Both copies go on to the end of the one that the last
 * read ended in, and in the same pieces: the next read finds nothing.
 */
static void before_trip(void *data, const struct task *task)
{
	struct copies *copies = data;
	size_t rest = -task->size % CHUNK;

	if (world_position(copies->secondary) > world_position(copies->primary)) {
		read_all(copies->secondary, buffer, rest);
		read_all(copies->primary, buffer, task->size);
		read_all(copies->primary, buffer, rest);
	}
	settle();
}

static void op_trip(void *data, size_t size)
{
	read_all(((struct copies *)data)->secondary, buffer, size);
}

/* A round trip to draw something; nothing is prefetched. */
void measure_trip(const char *group, const char *name, size_t size, struct copies *copies,
		  const char *more)
{
	const struct task task = { group, name, size, 1, copies, before_trip, op_trip, more };

	measure_times(&task, batches_of_trips());
	before_trip(copies, &task);
}

static void measure_trips(enum carrier carrier, bool sync)
{
	struct world world;
	struct copies copies;
	char settings[128], name[64];
	size_t i;

	snprintf(settings, sizeof(settings), "commit=%s prefetch=0 %s", sync ? "sync" : "async",
		 WINDOW);
	snprintf(name, sizeof(name), "%s %s", sync ? "sync" : "async", carrier_names[carrier]);
	world_two(&world, carrier, settings);
	copies.primary = world_open("web1", "default", 0);
	copies.secondary = world_open("web2", "default", 0);
	for (i = 0; i < LENGTH(sizes); i++)
		measure_trip("trip", name, sizes[i], &copies, NULL);
	close(copies.primary);
	close(copies.secondary);
	world_two_end(&world);
}

/* -- throughput -- */

/* What is asked for is sent, in pieces. */
static void send_loads(int fd, size_t piece)
{
	uint32_t request;
	size_t left;

	while (read(fd, &request, sizeof(request)) == sizeof(request))
		for (left = request; left; left -= piece < left ? piece : left)
			write_all(fd, buffer, piece < left ? piece : left);
	_exit(0);
}

static void receive(int fd, size_t size)
{
	size_t piece;

	for (; size; size -= piece) {
		piece = size < 64 * KB ? size : 64 * KB;
		read_all(fd, buffer, piece);
	}
}

static void op_load(void *data, size_t size)
{
	int fd = *(int *)data;
	uint32_t request = size;

	write_all(fd, &request, sizeof(request));
	receive(fd, size);
}

static void measure_load(enum carrier carrier, size_t piece)
{
	char name[64];
	int ends[2];
	pid_t pid;

	need(world_stream_pair(carrier, ends));
	pid = fork_with(ends);
	if (!pid)
		send_loads(ends[1], piece);
	snprintf(name, sizeof(name), "send %zuK %s", piece / KB, carrier_names[carrier]);
	measure(&(struct task){ "load", name, LOAD, 1, ends, NULL, op_load, NULL });
	end_child(pid, ends[0]);
}

struct transfer {
	struct world	world;
	struct copies	copies;
	enum carrier	carrier;
};

/* Without a link the primary goes on alone; what its copy reads is all to be sent. */
static void before_transfer(void *data, const struct task *task)
{
	struct transfer *transfer = data;
	int i;

	need(batch("link detach --member m1 --peer m2\n"));
	for (i = 0; i < 2; i++)
		close(transfer->world.ends[i]);
	need(wait_until(host_pair_get(&transfer->world.host, "web1", NDVAL_A_PAIR_HEALTH) ==
			NDVAL_HEALTH_ALONE, 20));
	receive(transfer->copies.primary, task->size);
	need(world_stream_pair(transfer->carrier, transfer->world.ends));
}

static void op_transfer(void *data, size_t size)
{
	struct transfer *transfer = data;
	int i;

	for (i = 0; i < 2; i++)
		need(!host_attach(&transfer->world.host, i ? "m2" : "m1", i ? "m1" : "m2",
				  transfer->world.ends[i], NULL));
	receive(transfer->copies.secondary, size);
}

static void measure_transfer(enum carrier carrier)
{
	struct transfer transfer = { .carrier = carrier };
	char name[64];
	const struct task task = {
		"load", name, LOAD, 1, &transfer, before_transfer, op_transfer, NULL,
	};

	world_two(&transfer.world, carrier, "commit=async " WINDOW);
	transfer.copies.primary = world_open("web1", "default", 0);
	transfer.copies.secondary = world_open("web2", "default", 0);
	snprintf(name, sizeof(name), "ndval %s", carrier_names[carrier]);
	measure(&task);
	close(transfer.copies.primary);
	close(transfer.copies.secondary);
	world_two_end(&transfer.world);
}

void bench_link(void)
{
	enum carrier carrier;
	size_t i;
	int draws;

	for (carrier = UNIX; carrier <= TLS; carrier++)
		for (i = 0; i < LENGTH(sizes); i++)
			for (draws = 0; draws < 2; draws++)
				measure_ping(carrier, sizes[i], draws);
	for (carrier = UNIX; carrier <= TLS; carrier++) {
		measure_trips(carrier, false);
		measure_trips(carrier, true);
	}
	for (carrier = UNIX; carrier <= TLS; carrier++) {
		measure_load(carrier, 16 * KB);
		measure_load(carrier, 128 * KB);
		measure_transfer(carrier);
	}
}
