// SPDX-License-Identifier: GPL-2.0-only
#include "address.h"

#include <arpa/inet.h>
#include <linux/vm_sockets.h>
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

static bool parse_u32(const char *text, unsigned long most)
{
	size_t length = strlen(text);

	return length && length <= 10 && strspn(text, "0123456789") == length &&
	       strtoull(text, NULL, 10) <= most;
}

/* CID:PORT; neither may be VMADDR_*_ANY, but the word "any" is a CID. */
static const char *parse_vsock(struct address *address, const char *text)
{
	const char *colon = strchr(text, ':');
	size_t length = colon ? (size_t)(colon - text) : 0;
	char cid[11];

	if (!colon || length >= sizeof(cid))
		return "write vsock:CID:PORT";
	snprintf(cid, sizeof(cid), "%.*s", (int)length, text);
	if (strcmp(cid, ADDRESS_VSOCK_ANY) && !parse_u32(cid, VMADDR_CID_ANY - 1))
		return "a CID is a number, 2 for the host that a guest runs on";
	if (!parse_u32(colon + 1, VMADDR_PORT_ANY - 1))
		return "the port is a number from 0 to 4294967294";
	address->vsock = true;
	address->numeric = true;
	if (strcmp(cid, ADDRESS_VSOCK_ANY))
		snprintf(address->host, sizeof(address->host), "%lu", strtoul(cid, NULL, 10));
	else
		strcpy(address->host, cid);
	snprintf(address->port, sizeof(address->port), "%lu", strtoul(colon + 1, NULL, 10));
	return NULL;
}

/**
 * address_parse() - read HOST, HOST:PORT, IPV6, [IPV6]:PORT or vsock:CID:PORT
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

	if (!strncmp(text, "vsock:", 6))
		return parse_vsock(address, text + 6);
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
	return a->vsock == b->vsock && !strcmp(a->host, b->host) && !strcmp(a->port, b->port);
}

static void vsock_endpoint(const struct address *address, struct endpoint *endpoint)
{
	struct sockaddr_vm *vm = (void *)&endpoint->storage;

	memset(vm, 0, sizeof(*vm));
	vm->svm_family = AF_VSOCK;
	vm->svm_port = strtoul(address->port, NULL, 10);
	vm->svm_cid = strcmp(address->host, ADDRESS_VSOCK_ANY) ?
		      strtoul(address->host, NULL, 10) : VMADDR_CID_ANY;
	endpoint->length = sizeof(*vm);
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

	if (address->vsock) {
		vsock_endpoint(address, endpoint);
		return 0;
	}
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

static unsigned int cid(const struct endpoint *endpoint)
{
	return ((const struct sockaddr_vm *)&endpoint->storage)->svm_cid;
}

/**
 * endpoint_same_host() - the same address, whatever the port
 * @a: one
 * @b: the other; two interfaces differ only where both name one
 */
bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b)
{
	struct in6_addr bytes_a, bytes_b;

	if (a->storage.ss_family == AF_VSOCK && b->storage.ss_family == AF_VSOCK)
		return cid(a) == cid(b);
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
	const struct sockaddr_vm *vm = (const void *)&endpoint->storage;
	char host[256], port[16];

	if (endpoint->storage.ss_family == AF_VSOCK) {
		snprintf(text, ADDRESS_TEXT_MAX, with_port ? "vsock:%u:%u" : "vsock:%u",
			 vm->svm_cid, vm->svm_port);
		return text;
	}
	if (getnameinfo((const void *)&endpoint->storage, endpoint->length, host, sizeof(host),
			port, sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV)) {
		strcpy(text, "?");
		return text;
	}
	snprintf(text, ADDRESS_TEXT_MAX, "%s%s%s%s%s", brackets ? "[" : "", host,
		 brackets ? "]" : "", with_port ? ":" : "", with_port ? port : "");
	return text;
}
