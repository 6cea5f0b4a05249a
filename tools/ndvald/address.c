// SPDX-License-Identifier: GPL-2.0-only
#include "address.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *parse_port(struct address *address, const char *text)
{
	size_t length = strlen(text);

	if (!length || length > 5 || strspn(text, "0123456789") != length ||
	    atoi(text) < 1 || atoi(text) > 65535)
		return "the port is a number from 1 to 65535";
	snprintf(address->port, sizeof(address->port), "%d", atoi(text));
	return NULL;
}

static bool is_ipv6(const char *host)
{
	char bare[INET6_ADDRSTRLEN];
	size_t length = strcspn(host, "%");
	struct in6_addr in6;

	if (length >= sizeof(bare))
		return false;
	memcpy(bare, host, length);
	bare[length] = '\0';
	return inet_pton(AF_INET6, bare, &in6) == 1;
}

#define HOST_NAME_BYTES	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"

static const char *parse_host(struct address *address, const char *text, size_t length)
{
	struct in_addr in;

	if (!length || length >= sizeof(address->host))
		return "write HOST, HOST:PORT or [IPV6]:PORT";
	memcpy(address->host, text, length);
	address->host[length] = '\0';

	address->numeric = true;
	if (memchr(text, ':', length))
		return is_ipv6(address->host) ? NULL : "this is not an IPv6 address";
	if (inet_pton(AF_INET, address->host, &in) == 1)
		return NULL;
	if (strspn(address->host, "0123456789.") == length)
		return "this is not an IPv4 address";

	address->numeric = false;
	if (strspn(address->host, HOST_NAME_BYTES) != length ||
	    address->host[0] == '.' || address->host[0] == '-')
		return "this is neither an address nor a host name";
	return NULL;
}

/**
 * address_parse() - read HOST, HOST:PORT, IPV6 or [IPV6]:PORT
 * @address: filled in, with the default port where there is none
 * @text: one word
 *
 * Return: NULL, or what is wrong.
 */
const char *address_parse(struct address *address, const char *text)
{
	const char *end = text + strlen(text);
	const char *colon = strchr(text, ':');
	const char *problem;

	memset(address, 0, sizeof(*address));
	strcpy(address->port, ADDRESS_PORT);

	if (*text == '[') {
		end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return "write an IPv6 address with a port as [IPV6]:PORT";
		colon = end[1] ? end + 1 : NULL;
		text++;
		if (!memchr(text, ':', end - text))
			return "only IPv6 addresses stand in brackets";
	} else if (colon && !strchr(colon + 1, ':')) {
		end = colon;
	} else {
		colon = NULL;		/* none, or those of a bare IPv6 address */
	}

	problem = parse_host(address, text, end - text);
	if (!problem && colon)
		problem = parse_port(address, colon + 1);
	return problem;
}

/**
 * address_equal() - written the same way, but for the default port
 * @a: one
 * @b: the other
 */
bool address_equal(const struct address *a, const struct address *b)
{
	return !strcmp(a->host, b->host) && !strcmp(a->port, b->port);
}

/**
 * address_endpoint() - what sockets know a numeric address as
 * @address: numeric
 * @endpoint: filled in
 *
 * Return: 0 or an EAI_* of getaddrinfo(3), as when the interface that an IPv6
 * address names is not there.
 */
int address_endpoint(const struct address *address, struct endpoint *endpoint)
{
	struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = SOCK_STREAM,
	};
	struct addrinfo *found;
	int err;

	err = getaddrinfo(address->host, address->port, &hints, &found);
	if (err)
		return err;
	endpoint->length = found->ai_addrlen;
	memcpy(&endpoint->storage, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	return 0;
}

/* The 16 bytes of the address, an IPv4 one as ::ffff:a.b.c.d. */
static bool host_bytes(const struct endpoint *endpoint, struct in6_addr *bytes)
{
	const struct sockaddr_in6 *in6 = (const void *)&endpoint->storage;
	const struct sockaddr_in *in = (const void *)&endpoint->storage;

	if (endpoint->storage.ss_family == AF_INET6) {
		*bytes = in6->sin6_addr;
		return true;
	}
	if (endpoint->storage.ss_family != AF_INET)
		return false;
	memset(bytes, 0, sizeof(*bytes));
	memset(&bytes->s6_addr[10], 0xff, 2);
	memcpy(&bytes->s6_addr[12], &in->sin_addr, 4);
	return true;
}

static uint32_t scope(const struct endpoint *endpoint)
{
	const struct sockaddr_in6 *in6 = (const void *)&endpoint->storage;

	return endpoint->storage.ss_family == AF_INET6 ? in6->sin6_scope_id : 0;
}

/**
 * endpoint_same_host() - the same address, whatever the port
 * @a: one
 * @b: the other; two interfaces differ only where both name one
 */
bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b)
{
	struct in6_addr bytes_a, bytes_b;

	if (!host_bytes(a, &bytes_a) || !host_bytes(b, &bytes_b))
		return false;
	if (scope(a) && scope(b) && scope(a) != scope(b))
		return false;
	return !memcmp(&bytes_a, &bytes_b, sizeof(bytes_a));
}

/**
 * endpoint_text() - an endpoint to show
 * @endpoint: which
 * @text: ADDRESS_TEXT_MAX bytes
 * @with_port: whether to show the port as well
 *
 * Return: @text
 */
const char *endpoint_text(const struct endpoint *endpoint, char *text, bool with_port)
{
	bool brackets = with_port && endpoint->storage.ss_family == AF_INET6;
	char host[256], port[16];

	if (getnameinfo((const void *)&endpoint->storage, endpoint->length, host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
		strcpy(text, "?");
		return text;
	}
	snprintf(text, ADDRESS_TEXT_MAX, "%s%s%s%s%s", brackets ? "[" : "", host,
		 brackets ? "]" : "", with_port ? ":" : "", with_port ? port : "");
	return text;
}
