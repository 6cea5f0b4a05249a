// SPDX-License-Identifier: GPL-2.0-only
/*
 * speed - makes links with or without TLS, and measures what goes over them
 *
 *	speed listen HOW PORT MEMBER PEER
 *	speed connect HOW ADDRESS PORT MEMBER PEER
 *	speed pair HOW MEMBER MEMBER		both ends here
 *	speed read PAIR BYTES LINK		prints bytes and messages in a second
 *	speed call PAIR CALLS LINK		readings of a clock, each recorded elsewhere
 *	speed serve HOW PORT			without ndval: a process that sends what
 *	speed ask HOW ADDRESS PORT BYTES PINGS	is asked for; prints bytes and pings in a second
 *
 * HOW is plain or a cipher; keys are fixed and known to all. What makes a link prints
 * its number, of a pair the first one's. tools/bench/links.py uses it.
 *
 * vm: helper=yes
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "common.h"
#include "journal.h"
#include "peer.h"
#include "tls.h"

static void must(bool done, const char *what)
{
	if (done)
		return;
	fprintf(stderr, "speed: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* One end of a connection gets its keys, if any. */
static void protect(int fd, const char *how, bool first)
{
	bool encrypted = strcmp(how, "plain");
	enum cipher cipher = CHACHA20;

	while (encrypted && cipher < CIPHERS && strcmp(how, cipher_names[cipher]))
		cipher++;
	must(cipher < CIPHERS, "no such cipher");
	must(!encrypted || tls_end(fd, cipher, 2 - first, 1 + first), "TLS");
}

/* And is given to the kernel. */
static __u32 give(struct host *host, int fd, const char *how, bool first,
		  const char *member, const char *peer)
{
	__u32 link;

	protect(fd, how, first);
	must(!host_attach(host, member, peer, fd, &link), nl_message(host->nl));
	return link;
}

static int listen_at(const char *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	must(!bind(fd, (void *)&at, sizeof(at)) && !listen(fd, 1), "listen");
	return accept(fd, NULL, NULL);
}

static int connect_to(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(atoi(port)) };
	int fd = -1;
	int tries;

	inet_aton(address, &to.sin_addr);
	/* A socket that was refused once is of no use. */
	for (tries = 0; tries < 1000; tries++) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (!connect(fd, (void *)&to, sizeof(to)))
			return fd;
		close(fd);
		usleep(20000);
	}
	must(false, "connect");
	return -1;
}

static __u64 messages(struct host *host, const char *link)
{
	return host_link_get(host, atoi(link), NDVAL_A_LINK_TX_MESSAGES) +
	       host_link_get(host, atoi(link), NDVAL_A_LINK_RX_MESSAGES);
}

static void measure(struct host *host, bool calls, const char *pair, const char *count,
		    const char *link)
{
	static char bytes[16 * KIB];
	size_t left = strtoul(count, NULL, 0), n = left;
	int fd = node_open(pair, 0);
	struct ndval_clock reading;
	double begin, took;
	__u64 before;

	/* What comes first is not what goes on. */
	must(fd >= 0 && !clock_call(fd, CLOCK_REALTIME, &reading) &&
	     get_all(fd, bytes, sizeof(bytes), sizeof(bytes)), "read");
	before = messages(host, link);
	begin = seconds();
	for (; left; left -= calls ? 1 : sizeof(bytes))
		must(calls ? !clock_call(fd, CLOCK_REALTIME, &reading) :
			     get_all(fd, bytes, sizeof(bytes), sizeof(bytes)), "read");
	took = seconds() - begin;
	printf("%.0f %.0f\n", n / took, (messages(host, link) - before) / took);
}

/* A process in the place of ndval: requests are numbers of bytes. */
static void serve(int fd)
{
	static char bytes[128 * KIB];
	__u32 left;

	while (recv(fd, &left, sizeof(left), MSG_WAITALL) == sizeof(left))
		while (left) {
			ssize_t len = send(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes),
					   MSG_NOSIGNAL);

			must(len > 0, "send");
			left -= len;
		}
}

/* Seconds until so many bytes have come, asked for at once. */
static double ask(int fd, __u32 count)
{
	static char bytes[64 * KIB];
	double begin = seconds();
	__u32 left = count;

	must(send(fd, &count, sizeof(count), MSG_NOSIGNAL) == sizeof(count), "send");
	while (left) {
		ssize_t len = recv(fd, bytes, left < sizeof(bytes) ? left : sizeof(bytes), 0);

		must(len > 0, "receive");
		left -= len;
	}
	return seconds() - begin;
}

static void compare(int fd, __u32 bytes, unsigned int pings)
{
	double took = 0;
	unsigned int i;

	ask(fd, 64 * KIB);
	printf("%.0f ", bytes / ask(fd, bytes));
	for (i = 0; i < pings; i++)
		took += ask(fd, 16);
	printf("%.0f\n", pings / took);
}

static void without_ndval(char **argv, int argc)
{
	int one = 1, fd;

	if (argc == 4)
		fd = listen_at(argv[3]);
	else
		fd = connect_to(argv[3], argv[4]);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	protect(fd, argv[2], argc == 4);
	if (argc == 4)
		serve(fd);
	else
		compare(fd, strtoul(argv[5], NULL, 0), strtoul(argv[6], NULL, 0));
	close(fd);
}

int main(int argc, char **argv)
{
	struct host host = { 0 };
	int ends[2];

	if ((argc == 4 && !strcmp(argv[1], "serve")) || (argc == 7 && !strcmp(argv[1], "ask"))) {
		without_ndval(argv, argc);
		return 0;
	}
	host.nl = nl_open();
	must(host.nl, "ndval");
	if (argc == 6 && !strcmp(argv[1], "listen")) {
		printf("%u\n", give(&host, listen_at(argv[3]), argv[2], true, argv[4], argv[5]));
	} else if (argc == 7 && !strcmp(argv[1], "connect")) {
		printf("%u\n", give(&host, connect_to(argv[3], argv[4]), argv[2], false, argv[5],
				    argv[6]));
	} else if (argc == 5 && !strcmp(argv[1], "pair")) {
		must(tcp_pair(ends), "connect");
		printf("%u\n", give(&host, ends[0], argv[2], true, argv[3], argv[4]));
		give(&host, ends[1], argv[2], false, argv[4], argv[3]);
	} else if (argc == 5) {
		measure(&host, !strcmp(argv[1], "call"), argv[2], argv[3], argv[4]);
	} else {
		must(false, "see the head of speed.c");
	}
	nl_close(host.nl);
	return 0;
}
