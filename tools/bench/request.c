// SPDX-License-Identifier: GPL-2.0-only
/*
 * A request of a service, as far as it draws values: an id, the time, and output commit
 * before the reply; against the same without ndval.
 */
#include "bench.h"

#include <sys/ioctl.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <linux/ndval.h>

#define GROUP	"request"
#define OPS	(256 / plan.divide ?: 1)
#define ID	16

static void op_plain(void *data, size_t size)
{
	struct timespec time;

	(void)data;
	need(getrandom(buffer, size, 0) == (ssize_t)size);
	clock_gettime(CLOCK_REALTIME, &time);
}

static void op_ndval(void *data, size_t size)
{
	struct ndval_clock clock = { .clock = CLOCK_REALTIME };
	int fd = *(int *)data;

	read_all(fd, buffer, size);
	need(!ioctl(fd, NDVAL_IOC_CLOCK, &clock));
	need(!fsync(fd));
}

/* Each copy serves the same requests, the primary's first or after the other one. */
static void measure_service(enum carrier carrier, bool sync, bool secondary)
{
	static const char * const carriers[] = { "unix", "tcp", "tls" };
	struct figures figures[2] = { { .count = 0 }, { .count = 0 } };
	char names[2][64];
	struct task tasks[2];
	struct world world;
	int fds[2], i;

	world_two(&world, carrier, sync ? "commit=sync on_divergence=fail" :
				      "commit=async on_divergence=fail");
	fds[secondary] = world_open("web1", "default", 0);
	fds[!secondary] = world_open("web2", "default", 0);
	for (i = 0; i < 2; i++) {
		snprintf(names[i], sizeof(names[i]), "%s %s %s-%s", sync ? "sync" : "async",
			 carriers[carrier], secondary == i ? "primary" : "secondary",
			 i ? "second" : "first");
		tasks[i] = (struct task){ GROUP, names[i], ID, OPS, &fds[i], NULL, op_ndval, NULL };
	}
	while (figures[0].count <= plan.batches)
		for (i = 0; i < 2; i++)
			measure_batch(&tasks[i], &figures[i]);
	for (i = 0; i < 2; i++) {
		measure_print(&tasks[i], &figures[i]);
		close(fds[i]);
	}
	world_two_end(&world);
}

void bench_request(void)
{
	const struct task plain = {
		GROUP, "getrandom+clock_gettime", ID, OPS, NULL, NULL, op_plain, NULL,
	};
	enum carrier carrier;
	int i;

	measure(&plain);
	for (carrier = UNIX; carrier <= TLS; carrier++)
		for (i = 0; i < 4; i++)
			measure_service(carrier, i & 1, i & 2);
}
