// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sockets for links that are made by hand: connect to an address, or wait for
 * one connection.
 */
#include "endpoint.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
/* Wants struct sockaddr from sys/socket.h. */
#include <linux/vm_sockets.h>

#include "args.h"
#include "ndvalctl.h"

#define HOST_SIZE	256

/* Split HOST:PORT or [HOST]:PORT. Return: the port's text. */
static const char *split_address(const char *address, char *host)
{
	const char *colon = strrchr(address, ':');
	size_t length = colon ? (size_t)(colon - address) : 0;

	if (!colon || length >= HOST_SIZE)
		die_usage("the address must look like HOST:PORT, not '%s'", address);
	parse_number("the port", colon + 1, 1, 65535);
	if (length >= 2 && address[0] == '[' && address[length - 1] == ']') {
		address++;
		length -= 2;
	} else if (memchr(address, ':', length)) {
		die_usage("an IPv6 address needs brackets: [HOST]:PORT, not '%s'", address);
	}
	memcpy(host, address, length);
	host[length] = '\0';
	return colon + 1;
}

static struct addrinfo *resolve(const char *address, bool passive)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char host[HOST_SIZE];
	const char *port = split_address(address, host);
	int err;

	if (!passive && !host[0])
		die_usage("the host is missing in '%s'", address);
	hints.ai_flags = AI_NUMERICSERV | (passive ? AI_PASSIVE : 0);
	if (passive && !host[0])
		hints.ai_family = AF_INET6;	/* takes IPv4 too */
	err = getaddrinfo(host[0] ? host : NULL, port, &hints, &found);
	if (err)
		die("cannot find '%s': %s", host, gai_strerror(err));
	return found;
}

int connect_tcp(const char *address)
{
	struct addrinfo *found = resolve(address, false);
	const struct addrinfo *one;
	int fd = -1, saved = 0;

	for (one = found; one && fd < 0; one = one->ai_next) {
		fd = socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC, one->ai_protocol);
		if (fd >= 0 && connect(fd, one->ai_addr, one->ai_addrlen)) {
			saved = errno;
			close(fd);
			fd = -1;
		} else if (fd < 0) {
			saved = errno;
		}
	}
	freeaddrinfo(found);
	if (fd < 0)
		die("cannot connect to %s: %s", address, strerror(saved));
	return fd;
}

/* Wait for one connection to a socket that is not bound yet; closes it. */
static int accept_one(int listener, const struct sockaddr *address, socklen_t length,
		      const char *text)
{
	int on = 1, fd;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(listener, address, length) || listen(listener, 1))
		die("cannot listen on %s: %s", text, strerror(errno));
	do {
		fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	} while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		die("cannot accept a connection on %s: %s", text, strerror(errno));
	close(listener);
	return fd;
}

int listen_tcp(const char *address)
{
	struct addrinfo *found = resolve(address, true);
	struct sockaddr_in any = { .sin_family = AF_INET };
	int listener, off = 0, fd;

	listener = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, found->ai_protocol);
	if (listener < 0 && found->ai_family == AF_INET6 && address[0] == ':') {
		/* No IPv6 on this host. */
		listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		any.sin_port = ((const struct sockaddr_in6 *)found->ai_addr)->sin6_port;
		if (listener >= 0) {
			freeaddrinfo(found);
			return accept_one(listener, (const struct sockaddr *)&any, sizeof(any),
					  address);
		}
	}
	if (listener < 0)
		die("cannot make a socket for %s: %s", address, strerror(errno));
	if (found->ai_family == AF_INET6 && address[0] == ':')
		setsockopt(listener, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	fd = accept_one(listener, found->ai_addr, found->ai_addrlen, address);
	freeaddrinfo(found);
	return fd;
}

static int vsock_socket(void)
{
	int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("cannot make an AF_VSOCK socket: %s", strerror(errno));
	return fd;
}

int connect_vsock(const char *address)
{
	struct sockaddr_vm to = { .svm_family = AF_VSOCK };
	const char *colon = strchr(address, ':');
	char cid[HOST_SIZE];
	int fd;

	if (!colon || colon - address >= HOST_SIZE)
		die_usage("the address must look like CID:PORT, not '%s'", address);
	memcpy(cid, address, colon - address);
	cid[colon - address] = '\0';
	to.svm_cid = parse_number("the CID", cid, 0, ~0U - 1);
	to.svm_port = parse_number("the port", colon + 1, 0, ~0U - 1);

	fd = vsock_socket();
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)))
		die("cannot connect to vsock %s: %s", address, strerror(errno));
	return fd;
}

int listen_vsock(const char *port)
{
	struct sockaddr_vm on = { .svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY };

	on.svm_port = parse_number("the port", port, 0, ~0U - 1);
	return accept_one(vsock_socket(), (const struct sockaddr *)&on, sizeof(on), port);
}
