// SPDX-License-Identifier: GPL-2.0-only
#include "listen.h"
#include "address.h"
#include "config.h"
#include "log.h"
#include "loop.h"
#include "peer.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct listener {
	struct watch watch;
	struct listener *next;
	struct address address;
	bool wanted;
	bool optional;		/* no error if there is no such address family */
};

static struct listener *listeners;

static void accept_ready(struct watch *watch, uint32_t events)
{
	struct endpoint endpoint = { .length = sizeof(endpoint.storage) };
	int fd;

	(void)events;
	fd = accept4(watch->fd, (void *)&endpoint.storage, &endpoint.length,
		     SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd >= 0)
		peers_accept(fd, &endpoint);
	else
		log_debug("accept: %s", strerror(errno));
}

/* The address may be one that this host gets only later: hence FREEBIND. */
static int open_socket(const struct endpoint *endpoint)
{
	int family = endpoint->storage.ss_family;
	int one = 1;
	int err, fd;

	fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (family != AF_VSOCK) {
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof(one));
	}
	if (family == AF_INET6) {
		setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof(one));
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	}
	if (bind(fd, (const void *)&endpoint->storage, endpoint->length) < 0 ||
	    listen(fd, SOMAXCONN) < 0) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

static struct listener *find(const struct address *address)
{
	struct listener *listener;

	for (listener = listeners; listener; listener = listener->next) {
		if (address_equal(&listener->address, address))
			break;
	}
	return listener;
}

/* Return: 0 or a negative errno. */
static int open_listener(struct listener *listener)
{
	struct endpoint endpoint;
	int err;

	if (address_endpoint(&listener->address, &endpoint))
		return -EADDRNOTAVAIL;
	listener->watch.fd = open_socket(&endpoint);
	if (listener->watch.fd < 0)
		return listener->watch.fd;
	err = loop_add(&listener->watch, EPOLLIN);
	if (err)
		loop_close(&listener->watch);
	return err;
}

/* Return: 0 or -ENOMEM. */
static int want(const struct address *address, bool optional)
{
	struct listener *listener = find(address);

	if (!listener) {
		listener = calloc(1, sizeof(*listener));
		if (!listener)
			return -ENOMEM;
		listener->address = *address;
		listener->watch.fd = -1;
		listener->watch.ready = accept_ready;
		listener->next = listeners;
		listeners = listener;
	}
	listener->wanted = true;
	listener->optional = optional;
	return 0;
}

/* Both families, the second only where the kernel has it. */
static int want_everywhere(void)
{
	struct address address;
	int err;

	address_parse(&address, "0.0.0.0");
	err = want(&address, false);
	address_parse(&address, "::");
	return err ? err : want(&address, true);
}

static void close_unwanted(void)
{
	struct listener **place = &listeners;
	struct listener *listener;

	while ((listener = *place)) {
		if (listener->wanted) {
			place = &listener->next;
		} else {
			*place = listener->next;
			loop_close(&listener->watch);
			free(listener);
		}
	}
}

/* Return: 0 or the first error, as a negative errno. */
static int open_wanted(void)
{
	struct listener *listener;
	int first = 0;
	int err;

	for (listener = listeners; listener; listener = listener->next) {
		if (listener->watch.fd >= 0)
			continue;
		err = open_listener(listener);
		if (!err || (err == -EAFNOSUPPORT && listener->optional))
			continue;
		log_error("cannot listen on %s%s port %s: %s",
			  listener->address.vsock ? "vsock CID " : "", listener->address.host,
			  listener->address.port, strerror(-err));
		if (!first)
			first = err;
	}
	return first;
}

/**
 * listen_update() - listen where the configuration says, and nowhere else
 * @config: says where
 *
 * What is no longer wanted is closed first, since the new address may overlap
 * with it (0.0.0.0 and 10.9.0.1, say).
 *
 * Return: 0, or a negative errno after logging why; call it with the old
 * configuration then to go back.
 */
int listen_update(const struct config *config)
{
	struct listener *listener;
	size_t i;
	int err = 0;

	for (listener = listeners; listener; listener = listener->next)
		listener->wanted = false;
	if (!config->listen.count && !config->listen_none)
		err = want_everywhere();
	for (i = 0; i < config->listen.count && !err; i++)
		err = want(&config->listen.item[i], false);
	if (err) {
		log_error("cannot listen: %s", strerror(-err));
		return err;
	}
	close_unwanted();
	return open_wanted();
}

/**
 * listen_close_all() - accept no more connections
 */
void listen_close_all(void)
{
	struct listener *listener;

	for (listener = listeners; listener; listener = listener->next)
		listener->wanted = false;
	close_unwanted();
}
