// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is on the wire for a value that two copies draw, one after the other.
 */
#include "common.h"
#include "bench.h"

#include <netinet/in.h>
#include <linux/tcp.h>
#include <sys/socket.h>

#define GROUP	"wire"

struct sent {
	uint64_t	bytes;
	uint64_t	packets;
};

/* In both directions; the headers of TCP and below come on top, for each packet. */
static struct sent sent_by(const struct world *world)
{
	struct sent sent = { 0, 0 };
	struct tcp_info info;
	socklen_t size;
	int i;

	for (i = 0; i < 2; i++) {
		size = sizeof(info);
		need(!getsockopt(world->ends[i], IPPROTO_TCP, TCP_INFO, &info, &size));
		sent.bytes += info.tcpi_bytes_sent;
		sent.packets += info.tcpi_segs_out;
	}
	return sent;
}

static void take(int fd, size_t size)
{
	struct ndval_clock clock = { .clock = CLOCK_REALTIME };

	if (size)
		read_all(fd, buffer, size);
	else
		need(!ioctl(fd, NDVAL_IOC_CLOCK, &clock));
}

/* Values of so many bytes, or clock readings. */
static void count(enum carrier carrier, bool sync, size_t size)
{
	int fds[2], i, draws = 1024 / plan.divide ?: 1;
	struct world world;
	struct sent before, after;
	char name[64];

	world_two(&world, carrier, sync ? "commit=sync" : "commit=async");
	fds[0] = world_open("web1", "default", 0);
	fds[1] = world_open("web2", "default", 0);
	before = sent_by(&world);
	for (i = 0; i < draws; i++) {
		take(fds[0], size);
		take(fds[1], size);
	}
	after = sent_by(&world);
	snprintf(name, sizeof(name), "bytes %s %s", carrier == TLS ? "tls" : "tcp",
		 sync ? "sync" : "async");
	print_value(GROUP, name, size, (double)(after.bytes - before.bytes) / draws);
	snprintf(name, sizeof(name), "packets %s %s", carrier == TLS ? "tls" : "tcp",
		 sync ? "sync" : "async");
	print_value(GROUP, name, size, (double)(after.packets - before.packets) / draws);
	close(fds[0]);
	close(fds[1]);
	world_two_end(&world);
}

void bench_wire(void)
{
	static const size_t what[] = { 0, 16, 4 * KB };
	enum carrier carrier;
	size_t i;

	for (carrier = TCP; carrier <= TLS; carrier++)
		for (i = 0; i < LENGTH(what); i++) {
			count(carrier, false, what[i]);
			count(carrier, true, what[i]);
		}
}
