// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer is in one of these states, told apart by the fields in brackets:
 *
 *	waiting		no link; tries again at retry_at
 *	resolving	its host names are being looked up	[resolving]
 *	greeting	connecting, or greeting			[greet]
 *	linked		the kernel has a link			[link]
 *
 *	event				from		to
 *	time is up			waiting		resolving
 *	all found, or 5 s		resolving	greeting
 *	greeted, and attached		greeting	linked
 *	failed, more addresses		greeting	waiting, no time
 *	failed, that was the last	greeting	waiting, longer each time
 *	accepted, and attached		any		linked
 *	the kernel has no link		linked		waiting
 *	the module is unloaded		any		waiting, for the module
 *
 * A peer that becomes linked by an accepted connection while it is greeting
 * goes on greeting: the other side may have attached its end already. The
 * kernels settle which of the two links stays.
 *
 * What a peer is said to be linked by is what the kernel answers, never what
 * ndvald remembers: links outlive it, and anybody may attach and detach some.
 */
#include "peer.h"
#include "config.h"
#include "greet.h"
#include "kernel.h"
#include "log.h"
#include "loop.h"
#include "notify.h"
#include "target.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define RETRY_MIN_MS	100
#define RETRY_MAX_MS	10000
#define RETRY_DOUBLINGS	7	/* enough for RETRY_MAX_MS */
#define LIVED_MS	10000	/* a link that lived as long was a good one */
#define RESOLVE_MS	5000
#define RESOLVE_POLL_MS	50
#define MAX_ENDPOINTS	32

/* Problems of different kinds, each logged again only when its text changes. */
#define TOLD_ENDPOINT(turn)	(turn)
#define TOLD_NAME(index)	(MAX_ENDPOINTS + (index) % 8)
#define TOLD_ACCEPTED		(MAX_ENDPOINTS + 8)
#define TOLD_COUNT		(MAX_ENDPOINTS + 9)

struct peer {
	struct peer *next;
	char name[NDVAL_NAME_MAX + 1];
	bool any;
	size_t target_count;
	struct target targets[ADDRESS_LIST_MAX];

	uint32_t link;			/* its number, or 0 */
	int64_t linked_at;
	bool link_seen;			/* while the kernel's links are listed */

	struct greet *greet;
	char where[ADDRESS_TEXT_MAX];	/* with whom, to show */
	bool fresh;			/* its host names were never looked up */
	bool resolving;
	int64_t resolve_until;
	size_t turn;			/* which endpoint is tried next */
	unsigned int failures;		/* rounds through all endpoints */
	int64_t retry_at;
	uint32_t told[TOLD_COUNT];	/* hashes of the problems logged last */
};

static struct peer *peers;
static char host_name[NDVAL_NAME_MAX + 1];

static struct peer *find_peer(const char *name)
{
	struct peer *peer;

	for (peer = peers; peer; peer = peer->next) {
		if (!strcmp(peer->name, name))
			break;
	}
	return peer;
}

static void complain(struct peer *peer, size_t place, const char *where, const char *problem)
{
	char text[1024];
	uint32_t hash;

	snprintf(text, sizeof(text), "%s: %s%s%s", peer->name, where, *where ? ": " : "", problem);
	hash = log_hash(text);
	log_line(peer->told[place] == hash ? LOG_DEBUG : LOG_WARNING, "%s", text);
	peer->told[place] = hash;
}

/* Twice as long after each failure, a quarter more or less. */
static int64_t retry_delay(unsigned int failures)
{
	int64_t delay = RETRY_MIN_MS;
	uint32_t random = 0;

	delay <<= failures < RETRY_DOUBLINGS ? failures : RETRY_DOUBLINGS;
	if (delay > RETRY_MAX_MS)
		delay = RETRY_MAX_MS;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = (uint32_t)loop_now() * 2654435761U;
	return delay - delay / 4 + random % (delay / 2 + 1);
}

static void retry_later(struct peer *peer)
{
	peer->turn = 0;
	peer->retry_at = loop_now() + retry_delay(peer->failures++);
}

static size_t endpoint_count(const struct peer *peer)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < peer->target_count; i++)
		count += peer->targets[i].count;
	return count < MAX_ENDPOINTS ? count : MAX_ENDPOINTS;
}

static const struct endpoint *endpoint_at(const struct peer *peer, size_t turn)
{
	size_t i;

	for (i = 0; i < peer->target_count; i++) {
		if (turn < peer->targets[i].count)
			return &peer->targets[i].endpoints[turn];
		turn -= peer->targets[i].count;
	}
	return NULL;
}

static bool has_endpoint(const struct peer *peer, const struct endpoint *endpoint)
{
	size_t count = endpoint_count(peer);
	size_t i;

	if (peer->any)
		return true;
	for (i = 0; i < count; i++) {
		if (endpoint_same_host(endpoint_at(peer, i), endpoint))
			return true;
	}
	return false;
}

static bool is_known(const struct endpoint *endpoint)
{
	const struct peer *peer;

	for (peer = peers; peer; peer = peer->next) {
		if (has_endpoint(peer, endpoint))
			return true;
	}
	return false;
}

static void failed(struct peer *peer, const char *problem)
{
	complain(peer, TOLD_ENDPOINT(peer->turn), peer->where, problem);
	if (peer->turn + 1 < endpoint_count(peer)) {
		peer->turn++;
		peer->retry_at = loop_now();
	} else {
		retry_later(peer);
	}
}

/* Hand over a connection and forget it. */
static bool attach(struct peer *peer, int fd)
{
	uint32_t id = 0;
	int err;

	err = kernel_attach(peer->name, fd, &id);
	close(fd);
	if (err)
		return false;

	log_debug("%s: attached as link %u", peer->name, id);
	peer->link = id;
	peer->linked_at = loop_now();
	return true;
}

static void connect_done(void *data, int fd, const char *problem)
{
	struct peer *peer = data;

	peer->greet = NULL;
	if (problem)
		failed(peer, problem);
	else if (!attach(peer, fd))
		failed(peer, kernel_message());
}

static void accept_done(void *data, int fd, const char *problem)
{
	struct peer *peer = data;

	(void)problem;			/* the judge agreed, so there is none */
	if (!attach(peer, fd))
		complain(peer, TOLD_ACCEPTED, "cannot be attached", kernel_message());
}

static bool judge(const char *from, const char *to, const struct endpoint *endpoint,
		  void **data, char *reason)
{
	struct peer *peer = find_peer(from);
	char address[ADDRESS_TEXT_MAX];

	endpoint_text(endpoint, address, false);
	if (!is_known(endpoint))
		snprintf(reason, GREET_REASON_MAX, "no peer configured here has the address %.60s",
			 address);
	else if (strcmp(to, host_name))
		snprintf(reason, GREET_REASON_MAX, "this host is %s, not %s", host_name, to);
	else if (!peer)
		snprintf(reason, GREET_REASON_MAX, "%s is not a peer configured here", from);
	else if (!has_endpoint(peer, endpoint))
		snprintf(reason, GREET_REASON_MAX, "%s is not configured here with %.60s", from,
			 address);
	else if (!kernel_is_open())
		snprintf(reason, GREET_REASON_MAX, "the ndval module is not loaded here");
	else
		*data = peer;
	return *data;
}

/**
 * peers_accept() - somebody has connected to here
 * @fd: the connection, non-blocking; taken over
 * @endpoint: where it comes from
 */
void peers_accept(int fd, const struct endpoint *endpoint)
{
	greet_accept(fd, endpoint, !is_known(endpoint), judge, accept_done);
}

/* Return: when to look again. */
static int64_t resolve(struct peer *peer, int64_t now)
{
	bool done = true;
	size_t i;

	for (i = 0; i < peer->target_count; i++)
		done &= target_poll(&peer->targets[i]);
	if (!done && now < peer->resolve_until)
		return now + RESOLVE_POLL_MS;
	peer->resolving = false;

	for (i = 0; i < peer->target_count; i++) {
		const struct target *target = &peer->targets[i];

		if (target->error)
			complain(peer, TOLD_NAME(i), target->address.host,
				 target->error == EAI_INPROGRESS ?
				 "the name servers do not answer" :
				 gai_strerror(target->error));
	}
	return now;
}

static void start_resolving(struct peer *peer, int64_t now)
{
	size_t i;

	for (i = 0; i < peer->target_count; i++)
		target_start(&peer->targets[i]);
	peer->fresh = false;
	peer->resolving = true;
	peer->resolve_until = now + RESOLVE_MS;
}

static void start_connecting(struct peer *peer)
{
	const struct endpoint *endpoint = endpoint_at(peer, peer->turn);

	if (!endpoint) {
		retry_later(peer);
		return;
	}
	endpoint_text(endpoint, peer->where, true);
	log_debug("%s: connecting to %s", peer->name, peer->where);
	peer->greet = greet_connect(endpoint, host_name, peer->name, connect_done, peer);
	if (!peer->greet)
		failed(peer, strerror(errno));
}

/* Return: when to call again. */
static int64_t peer_tick(struct peer *peer, int64_t now)
{
	int64_t next;

	/* Linked or not: to know the peer when it connects to here. */
	if (peer->fresh)
		start_resolving(peer, now);
	if (peer->resolving) {
		next = resolve(peer, now);
		if (peer->resolving)
			return next;
		if (!peer->link && !peer->greet && kernel_is_open())
			start_connecting(peer);
	}
	if (peer->link || peer->greet || !peer->target_count || !kernel_is_open())
		return LOOP_NEVER;
	if (now < peer->retry_at)
		return peer->retry_at;

	if (!peer->turn)
		start_resolving(peer, now);
	else
		start_connecting(peer);
	return now;
}

static void tell_status(void)
{
	static unsigned int told_linked, told_total;
	unsigned int linked = 0, total = 0;
	const struct peer *peer;

	for (peer = peers; peer; peer = peer->next) {
		total++;
		linked += !!peer->link;
	}
	if (linked == told_linked && total == told_total)
		return;
	notify("STATUS=%u of %u peers linked", linked, total);
	told_linked = linked;
	told_total = total;
}

/**
 * peers_tick() - do what is due
 * @now: loop_now()
 *
 * Return: when to call again.
 */
int64_t peers_tick(int64_t now)
{
	int64_t next = LOOP_NEVER;
	struct peer *peer;

	for (peer = peers; peer; peer = peer->next) {
		int64_t due = peer_tick(peer, now);

		if (due < next)
			next = due;
	}
	tell_status();
	return next;
}

static void link_there(const char *name, uint32_t id)
{
	struct peer *peer = find_peer(name);

	if (!peer) {
		log_debug("%s: has link %u and is not configured: left alone", name, id);
		return;
	}
	peer->link_seen = true;
	if (peer->link == id)
		return;
	if (!peer->link)
		log_debug("%s: has link %u", name, id);
	peer->link = id;
	peer->linked_at = loop_now();
}

static void link_gone(struct peer *peer)
{
	peer->link = 0;
	if (loop_now() - peer->linked_at >= LIVED_MS)
		peer->failures = 0;
	memset(peer->told, 0, sizeof(peer->told));
	retry_later(peer);
}

/**
 * peers_refresh_links() - ask the kernel which peers have a link
 */
void peers_refresh_links(void)
{
	struct peer *peer;

	if (!kernel_is_open())
		return;
	for (peer = peers; peer; peer = peer->next)
		peer->link_seen = false;
	if (kernel_links(link_there)) {
		log_debug("cannot list the links now: %s", kernel_message());
		return;
	}
	for (peer = peers; peer; peer = peer->next) {
		if (peer->link && !peer->link_seen)
			link_gone(peer);
	}
}

static void stop_trying(struct peer *peer)
{
	if (peer->greet)
		greet_cancel(peer->greet);
	peer->greet = NULL;
	peer->turn = 0;
	peer->failures = 0;
	peer->retry_at = loop_now();
}

/**
 * peers_module_gone() - the module was unloaded, and all links with it
 */
void peers_module_gone(void)
{
	struct peer *peer;

	for (peer = peers; peer; peer = peer->next) {
		stop_trying(peer);
		peer->link = 0;
	}
}

static void drop_targets(struct peer *peer)
{
	size_t i;

	for (i = 0; i < peer->target_count; i++)
		target_drop(&peer->targets[i]);
	memset(peer->targets, 0, sizeof(peer->targets));
	peer->target_count = 0;
	peer->resolving = false;
}

static void destroy_peer(struct peer *peer)
{
	stop_trying(peer);
	drop_targets(peer);
	free(peer);
}

static bool same_addresses(const struct peer *peer, const struct peer_config *config)
{
	size_t i;

	if (peer->target_count != config->addresses.count)
		return false;
	for (i = 0; i < peer->target_count; i++) {
		if (!address_equal(&peer->targets[i].address, &config->addresses.item[i]))
			return false;
	}
	return true;
}

static void set_addresses(struct peer *peer, const struct peer_config *config)
{
	size_t i;

	peer->any = config->any;
	if (same_addresses(peer, config))
		return;

	stop_trying(peer);
	drop_targets(peer);
	memset(peer->told, 0, sizeof(peer->told));
	for (i = 0; i < config->addresses.count; i++)
		peer->targets[i].address = config->addresses.item[i];
	peer->target_count = config->addresses.count;
	peer->fresh = true;
}

static struct peer *add_peer(const struct peer_config *config)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	snprintf(peer->name, sizeof(peer->name), "%s", config->name);
	peer->retry_at = loop_now();
	peer->next = peers;
	peers = peer;
	log_warn("%s: links are neither encrypted nor authenticated (security = none)",
		 peer->name);
	return peer;
}

static void remove_peer(struct peer *peer)
{
	if (peer->link && kernel_is_open()) {
		log_info("%s: is no longer configured, detaching link %u", peer->name, peer->link);
		if (kernel_detach(peer->name))
			log_error("%s: cannot be detached: %s", peer->name, kernel_message());
	}
	destroy_peer(peer);
}

/**
 * peers_update() - there is a configuration, or a new one
 * @config: has the peers; not kept
 *
 * Peers that are not in it lose their links, those that stay keep theirs.
 *
 * Return: 0 or -ENOMEM.
 */
int peers_update(const struct config *config)
{
	struct peer **place = &peers;
	struct peer *peer;
	size_t i;

	snprintf(host_name, sizeof(host_name), "%s", config->host);
	while ((peer = *place)) {
		if (config_peer(config, peer->name)) {
			place = &peer->next;
		} else {
			*place = peer->next;
			remove_peer(peer);
		}
	}
	for (i = 0; i < config->peer_count; i++) {
		peer = find_peer(config->peers[i].name);
		if (!peer)
			peer = add_peer(&config->peers[i]);
		if (!peer)
			return -ENOMEM;
		set_addresses(peer, &config->peers[i]);
	}
	return 0;
}

/**
 * peers_free() - ndvald ends; links stay
 */
void peers_free(void)
{
	struct peer *peer;

	while ((peer = peers)) {
		peers = peer->next;
		destroy_peer(peer);
	}
}
