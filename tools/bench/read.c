// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random bytes: ndval's ways of reading, and what there is besides.
 *
 * All readers of a pair read in the same sizes, as copies of an application do.
 */
#include "bench.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define GROUP	"read"

/* What a batch reads at least; a peer has that much ahead (prefetch). */
#define BATCH	(64 * KB)
#define AHEAD	(16 * KB)

/* For reads that do not fit into the window that a stream has by default. */
#define WIDE	"ring_size=8M retain=8M prefetch=2M"

static void op_read(void *data, size_t size)
{
	read_all(*(int *)data, buffer, size);
}

static void op_getrandom(void *data, size_t size)
{
	ssize_t got;

	(void)data;
	got = getrandom(buffer, size, 0);
	need(got == (ssize_t)size);
}

static size_t bytes_of_batch(size_t size)
{
	return size == 1 ? AHEAD : BATCH;
}

static void measure_size(const char *name, size_t size, void *data,
			 void (*op)(void *data, size_t size))
{
	const struct task task = {
		GROUP, name, size, ops_of(size, bytes_of_batch(size)), data, NULL, op, NULL,
	};

	measure(&task);
}

static void measure_file(const char *name, int fd)
{
	size_t i;

	for (i = 0; i < LENGTH(sizes); i++)
		measure_size(name, sizes[i], &fd, op_read);
}

static void measure_device(const char *name, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	need(fd >= 0);
	measure_file(name, fd);
	close(fd);
}

static void measure_getrandom(void)
{
	size_t i;

	for (i = 0; i < LENGTH(sizes); i++)
		measure_size("getrandom", sizes[i], NULL, op_getrandom);
}

/*
 * A daemon in user space that gives what it has drawn, or, as it would to a second
 * copy, what it has stored. A request is the number of bytes.
 */
static void serve(int fd, bool draws)
{
	static char pool[64 * KB];
	size_t left = 0, piece;
	uint32_t size;

	while (read(fd, &size, sizeof(size)) == sizeof(size))
		for (; size; size -= piece) {
			if (!left) {
				if (draws && getrandom(pool, sizeof(pool), 0) < 0)
					_exit(1);
				left = sizeof(pool);
			}
			piece = size < left ? size : left;
			write_all(fd, pool + sizeof(pool) - left, piece);
			left -= piece;
		}
	_exit(0);
}

static void op_ask(void *data, size_t size)
{
	int fd = *(int *)data;
	uint32_t request = size;

	write_all(fd, &request, sizeof(request));
	read_all(fd, buffer, size);
}

static void measure_daemon(const char *name, bool draws)
{
	int ends[2];
	pid_t pid;
	size_t i;

	need(!socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
	pid = fork();
	need(pid >= 0);
	if (!pid) {
		close(ends[0]);
		serve(ends[1], draws);
	}
	close(ends[1]);
	for (i = 0; i < LENGTH(sizes); i++)
		measure_size(name, sizes[i], ends, op_ask);
	close(ends[0]);
	need(waitpid(pid, NULL, 0) == pid);
}

static void measure_alone(void)
{
	int fd;

	world_pair("alone", "commit=async");
	fd = world_open("alone", "default", 0);
	measure_file("primary", fd);
	close(fd);
	world_pair_end("alone");
}

/* Two copies of the pair: the one that reads first, and the one that reads the same later. */
struct both {
	int	fds[2];
	bool	peers;		/* not instances of one member */
	bool	sync;
};

/* The second one is as far as the first; what the first will read is there for all. */
static void before_first(void *data, const struct task *task)
{
	struct both *both = data;

	if (both->peers)
		world_await_committed(both->fds[0],
				      world_position(both->fds[0]) + task->ops * task->size);
}

/* The first one has read: it is all there. */
static void before_second(void *data, const struct task *task)
{
	struct both *both = data;
	uint64_t end = world_position(both->fds[0]);

	(void)task;
	if (!both->peers)
		return;
	world_await_head(both->fds[1], end);
	if (both->sync)
		world_await_committed(both->fds[1], end);
}

static void op_first(void *data, size_t size)
{
	read_all(((struct both *)data)->fds[0], buffer, size);
}

static void op_second(void *data, size_t size)
{
	read_all(((struct both *)data)->fds[1], buffer, size);
}

/* In turns, so that the second one finds what the first one left. */
static void measure_copies(struct both *both, const char *first, const char *second,
			   size_t size)
{
	struct task tasks[2] = {
		{ GROUP, first, size, 0, both, before_first, op_first, NULL },
		{ GROUP, second, size, 0, both, before_second, op_second, NULL },
	};
	struct figures figures[2] = { { .count = 0 }, { .count = 0 } };
	int i;

	for (i = 0; i < 2; i++)
		tasks[i].ops = ops_of(size, both->peers ? AHEAD : bytes_of_batch(size));
	while (figures[0].count <= plan.batches)
		for (i = 0; i < 2; i++)
			measure_batch(&tasks[i], &figures[i]);
	for (i = 0; i < 2; i++)
		measure_print(&tasks[i], &figures[i]);
}

/* Is a window by default enough for it? */
static bool bytes_fit(size_t size)
{
	return size <= AHEAD;
}

/* Of the sizes for which a window by default is enough, or of the others. */
static void measure_sizes(struct both *both, const char *first, const char *second, bool wide)
{
	size_t i;

	for (i = 0; i < LENGTH(sizes); i++)
		if (bytes_fit(sizes[i]) != wide &&
		    (is_wanted(first, sizes[i]) || is_wanted(second, sizes[i])))
			measure_copies(both, first, second, sizes[i]);
}

static void measure_instances(bool wide)
{
	struct both both = { .peers = false };
	int i;

	world_pair("two", wide ? "commit=async instances=0,1 " WIDE : "commit=async instances=0,1");
	for (i = 0; i < 2; i++)
		both.fds[i] = world_open("two", "default", i);
	measure_sizes(&both, "instance-first", "instance-second", wide);
	for (i = 0; i < 2; i++)
		close(both.fds[i]);
	world_pair_end("two");
}

static void measure_members(bool sync, bool wide)
{
	struct both both = { .peers = true, .sync = sync };
	struct world world;
	char settings[128];

	snprintf(settings, sizeof(settings), "commit=%s on_divergence=fail %s",
		 sync ? "sync" : "async", wide ? WIDE : "");
	world_two(&world, UNIX, settings);
	both.fds[0] = world_open("web1", "default", 0);
	both.fds[1] = world_open("web2", "default", 0);
	measure_sizes(&both, sync ? "sync" : "async",
		      sync ? "secondary-sync" : "secondary-async", wide);
	close(both.fds[0]);
	close(both.fds[1]);
	world_two_end(&world);
}

void bench_read(void)
{
	int i;

	measure_device("urandom", "/dev/urandom");
	measure_device("zero", "/dev/zero");
	measure_getrandom();
	measure_daemon("daemon", true);
	measure_daemon("daemon-stored", false);
	measure_alone();
	for (i = 0; i < 2 - plan.quick; i++)
		measure_instances(i);
	for (i = 0; i < 4 - 2 * plan.quick; i++)
		measure_members(i & 1, i & 2);
}
