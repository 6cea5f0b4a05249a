// SPDX-License-Identifier: GPL-2.0-only
/*
 * Host names are resolved by getaddrinfo_a(3), whose threads wait for the name
 * servers in our place. A look-up cannot be stopped: one that nobody wants any
 * more is put aside until it has ended, since it writes to its own memory.
 */
#include "target.h"

#include <netdb.h>
#include <stdlib.h>
#include <string.h>

struct lookup {
	struct lookup *next;		/* among those put aside */
	struct gaicb request;
	struct addrinfo hints;
	struct address address;
};

static struct lookup *aside;

static void lookup_free(struct lookup *lookup)
{
	if (lookup->request.ar_result)
		freeaddrinfo(lookup->request.ar_result);
	free(lookup);
}

static void reap(void)
{
	struct lookup **place = &aside;
	struct lookup *lookup;

	while ((lookup = *place)) {
		if (gai_error(&lookup->request) == EAI_INPROGRESS) {
			place = &lookup->next;
		} else {
			*place = lookup->next;
			lookup_free(lookup);
		}
	}
}

static struct lookup *lookup_start(const struct address *address, int *err)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));
	struct gaicb *list[1];

	if (!lookup) {
		*err = EAI_MEMORY;
		return NULL;
	}
	lookup->address = *address;
	lookup->hints.ai_socktype = SOCK_STREAM;
	lookup->hints.ai_flags = AI_NUMERICSERV;
	lookup->request.ar_name = lookup->address.host;
	lookup->request.ar_service = lookup->address.port;
	lookup->request.ar_request = &lookup->hints;
	list[0] = &lookup->request;
	*err = getaddrinfo_a(GAI_NOWAIT, list, 1, NULL);
	if (*err) {
		free(lookup);
		return NULL;
	}
	return lookup;
}

static void take(struct target *target, const struct addrinfo *found)
{
	for (target->count = 0; found && target->count < TARGET_ENDPOINTS;
	     found = found->ai_next) {
		struct endpoint *endpoint = &target->endpoints[target->count];

		if (found->ai_family != AF_INET && found->ai_family != AF_INET6)
			continue;
		endpoint->length = found->ai_addrlen;
		memcpy(&endpoint->storage, found->ai_addr, found->ai_addrlen);
		target->count++;
	}
}

/**
 * target_start() - find the endpoints anew
 * @target: with its address set; keeps the old endpoints until target_poll()
 *	has new ones. A look-up that is under way already goes on.
 */
void target_start(struct target *target)
{
	reap();
	if (target->lookup)
		return;
	if (target->address.numeric) {
		target->error = address_endpoint(&target->address, &target->endpoints[0]);
		target->count = !target->error;
		return;
	}
	target->lookup = lookup_start(&target->address, &target->error);
}

/**
 * target_poll() - take over what a look-up has found
 * @target: after target_start()
 *
 * If it found nothing the old endpoints stay: the name servers may be where
 * the peer is.
 *
 * Return: whether no look-up is under way any more.
 */
bool target_poll(struct target *target)
{
	struct lookup *lookup = target->lookup;

	if (!lookup)
		return true;
	target->error = gai_error(&lookup->request);
	if (target->error == EAI_INPROGRESS)
		return false;
	if (!target->error)
		take(target, lookup->request.ar_result);
	lookup_free(lookup);
	target->lookup = NULL;
	return true;
}

/**
 * target_drop() - the target is not used any more
 * @target: its memory is the caller's
 */
void target_drop(struct target *target)
{
	if (!target->lookup)
		return;
	target->lookup->next = aside;
	aside = target->lookup;
	target->lookup = NULL;
}
