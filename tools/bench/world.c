// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs to measure on: one alone, or one of two members of this kernel, joined by
 * a socketpair, by TCP over loopback, or by TLS over that.
 */
#include "common.h"
#include "bench.h"
#include "peer.h"
#include "tls.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/socket.h>

void world_pair(const char *name, const char *settings)
{
	need(!run("ndvalctl pair add %s %s", name, settings));
}

void world_pair_end(const char *name)
{
	need(!run("ndvalctl pair del %s", name));
}

/* Two ends of a stream, as a link may have them. */
bool world_stream_pair(enum carrier carrier, int *ends)
{
	int on = 1, i;

	if (carrier == UNIX)
		return !socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	if (carrier == TLS ? !tls_pair(ends, CHACHA20, 1) : !tcp_pair(ends))
		return false;
	for (i = 0; i < 2; i++)
		need(!setsockopt(ends[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)));
	return true;
}

/* Pairs web1 of m1, the primary, and web2 of m2, of one group. */
void world_two(struct world *world, enum carrier carrier, const char *settings)
{
	struct host *host = &world->host;
	int i;

	/* It takes away what is there. */
	need(host_open(host));
	need(batch("member add m1\nmember add m2\n"));
	need(world_stream_pair(carrier, world->ends));
	for (i = 0; i < 2; i++)
		need(!host_attach(host, i ? "m2" : "m1", i ? "m1" : "m2", world->ends[i], NULL));
	need(batch("pair add web1 --group web --member m1 --peer m2 %s\n"
		   "pair add web2 --group web --member m2 --peer m1 %s\n"
		   "promote web1 --new\n", settings, settings));
	need(wait_until(host_pair_get(host, "web1", NDVAL_A_PAIR_HEALTH) ==
			NDVAL_HEALTH_PROTECTED, 20));
	need(wait_until(host_pair_get(host, "web2", NDVAL_A_PAIR_HEALTH) ==
			NDVAL_HEALTH_PROTECTED, 20));
}

void world_two_end(struct world *world)
{
	two_members_end();
	close(world->ends[0]);
	close(world->ends[1]);
	host_close(&world->host);
}

int world_open(const char *pair, const char *stream, unsigned int instance)
{
	int fd = instance_open(pair, stream, instance, 0);

	need(fd >= 0);
	return fd;
}

static void info_of(int fd, struct ndval_info *info)
{
	need(!ioctl(fd, NDVAL_IOC_INFO, info));
}

/* Waits until so much is stored at this member. */
void world_await_head(int fd, uint64_t head)
{
	struct ndval_info info;

	need(wait_until((info_of(fd, &info), info.head >= head), 20));
}

/* Waits until so much is stored by all. */
void world_await_committed(int fd, uint64_t end)
{
	struct ndval_info info;

	need(wait_until((info_of(fd, &info), info.committed >= end), 20));
}

uint64_t world_position(int fd)
{
	struct ndval_info info;

	info_of(fd, &info);
	return info.position;
}
