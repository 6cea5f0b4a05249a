// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who may connect to here. A link is attached under the name that was proved,
 * and only if that is the name of a configured peer, which connects from an
 * address of its own and proves itself as is configured.
 */
#include "kernel.h"
#include "peer.h"
#include "peer_state.h"

#include <stdio.h>
#include <string.h>

static bool lists(const struct peer *peer, const struct endpoint *endpoint)
{
	size_t count = peer_endpoint_count(peer);
	size_t i;

	for (i = 0; i < count; i++) {
		if (endpoint_same_host(peer_endpoint_at(peer, i), endpoint))
			return true;
	}
	return false;
}

static bool is_listed(const struct endpoint *endpoint)
{
	const struct peer *peer;

	for (peer = peers; peer && !lists(peer, endpoint); peer = peer->next)
		;
	return peer;
}

/* Can a peer be there, by address? */
static bool is_known(const struct endpoint *endpoint)
{
	const struct peer *peer;

	for (peer = peers; peer && !peer->any; peer = peer->next)
		;
	return peer || is_listed(endpoint);
}

static void accept_done(void *data, int fd, const char *problem)
{
	struct peer *peer = data;

	if (problem)
		peer_complain(peer, TOLD_ACCEPTED, "cannot be attached", problem);
	else if (!peer_attach(peer, fd))
		peer_complain(peer, TOLD_ACCEPTED, "cannot be attached", kernel_message());
}

static enum security security_of(const struct peer *peer)
{
	return peer->keys ? peer->keys->security : SECURITY_NONE;
}

static const char *security_name(enum security security)
{
	return security == SECURITY_PSK ? "psk" : security == SECURITY_X509 ? "x509" : "none";
}

/* Return: the peer, if it is one and means this host; else NULL with @reason filled in. */
static struct peer *identify(const char *from, const char *to, enum security security,
			     char *reason)
{
	struct peer *peer = peer_find(from);

	if (strcmp(to, host_name))
		snprintf(reason, GREET_REASON_MAX, "this host is %s, not %s", host_name, to);
	else if (!peer)
		snprintf(reason, GREET_REASON_MAX, "%s is not a peer configured here", from);
	else if (security_of(peer) != security)
		snprintf(reason, GREET_REASON_MAX,
			 "security is %s here for %s, not %s: make it the same on both",
			 security_name(security_of(peer)), from, security_name(security));
	else
		return peer;
	return NULL;
}

static bool find_psk(const char *from, const char *to, const struct keys **keys, char *reason)
{
	const struct peer *peer = identify(from, to, SECURITY_PSK, reason);

	if (peer)
		*keys = peer->keys;
	return peer;
}

static bool judge(const char *from, const char *to, enum security security,
		  const struct endpoint *endpoint, void **data, char *reason)
{
	char address[ADDRESS_TEXT_MAX];
	struct peer *peer = NULL;

	endpoint_text(endpoint, address, false);
	if (!is_known(endpoint))
		snprintf(reason, GREET_REASON_MAX, "no peer configured here has the address %.60s",
			 address);
	else
		peer = identify(from, to, security, reason);
	if (peer && !peer->any && !lists(peer, endpoint)) {
		snprintf(reason, GREET_REASON_MAX, "%s is not configured here with %.60s", from,
			 address);
		peer = NULL;
	}
	if (peer && !kernel_is_open()) {
		snprintf(reason, GREET_REASON_MAX, "the ndval module is not loaded here");
		peer = NULL;
	}
	*data = peer;
	return peer;
}

static bool has_psk(void)
{
	const struct peer *peer;

	for (peer = peers; peer && security_of(peer) != SECURITY_PSK; peer = peer->next)
		;
	return peer;
}

/**
 * peers_accept() - somebody has connected to here
 * @fd: the connection, non-blocking; taken over
 * @endpoint: where it comes from
 */
void peers_accept(int fd, const struct endpoint *endpoint)
{
	struct greet_host host = {
		.stranger = !is_listed(endpoint),
		.x509 = host_x509,
		.find = has_psk() ? find_psk : NULL,
		.judge = judge,
		.done = accept_done,
	};

	if (!is_known(endpoint))
		host.no_tls = "no peer configured here has this address";
	else if (!host.x509 && !host.find)
		host.no_tls = "it encrypts, and no peer configured here has keys";
	greet_accept(fd, endpoint, &host);
}
