/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Addresses: as written in the configuration, and as the sockets know them.
 */
#ifndef NDVALD_ADDRESS_H
#define NDVALD_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#define ADDRESS_PORT		"7391"
#define ADDRESS_TEXT_MAX	320

#define ADDRESS_VSOCK_ANY	"any"

/* One HOST[:PORT] of the configuration, or vsock:CID:PORT. */
struct address {
	char host[254];		/* or CID */
	char port[11];
	bool numeric;		/* an address, not a name that must be resolved */
	bool vsock;
};

#define ADDRESS_LIST_MAX	8

struct address_list {
	size_t count;
	struct address item[ADDRESS_LIST_MAX];
};

/* Where a connection goes to or comes from. */
struct endpoint {
	socklen_t length;
	struct sockaddr_storage storage;
};

const char *address_parse(struct address *address, const char *text);
bool address_equal(const struct address *a, const struct address *b);
int address_endpoint(const struct address *address, struct endpoint *endpoint);
bool endpoint_same_host(const struct endpoint *a, const struct endpoint *b);
const char *endpoint_text(const struct endpoint *endpoint, char *text, bool with_port);

#endif /* NDVALD_ADDRESS_H */
