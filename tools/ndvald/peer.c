// SPDX-License-Identifier: GPL-2.0-only
/*
 * A peer is in one of these states, told apart by the fields in brackets:
 *
 *	waiting		no link; tries again at retry_at
 *	resolving	its host names are being looked up	[resolving]
 *	greeting	connecting, or greeting			[greet]
 *	linked		the kernel has a link			[link]
 *	renewing	linked, and resolving or greeting for a fresh one
 *
 *	event				from		to
 *	time is up			waiting		resolving
 *	all found, or 5 s		resolving	greeting
 *	greeted, and attached		greeting	linked
 *	failed, more addresses		greeting	waiting, no time
 *	failed, that was the last	greeting	waiting, longer each time
 *	accepted, and attached		any		linked
 *	the link is old (rekey.c)	linked		renewing
 *	it is in clear, against rules	linked		renewing
 *	... and still is after CLEAR_S	any		as it was; the link is detached
 *	greeted, and attached		renewing	linked, by the fresh one
 *	failed				renewing	linked, tries again as if waiting
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
#include "kernel.h"
#include "log.h"
#include "loop.h"
#include "notify.h"
#include "peer_state.h"

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
#define CLEAR_S		60	/* that a link in clear may last which is to be encrypted */

static int64_t count_at;		/* when to look at what links have carried */

/**
 * peer_complain() - a peer's problem, logged when it begins and when it changes
 * @peer: whose
 * @place: one of TOLD_*
 * @where: with what, or empty
 * @problem: what is wrong
 */
void peer_complain(struct peer *peer, size_t place, const char *where, const char *problem)
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

/**
 * peer_endpoint_count() - how many endpoints a peer has
 * @peer: whose
 */
size_t peer_endpoint_count(const struct peer *peer)
{
	size_t count = 0;
	size_t i;

	for (i = 0; i < peer->target_count; i++)
		count += peer->targets[i].count;
	return count < MAX_ENDPOINTS ? count : MAX_ENDPOINTS;
}

/**
 * peer_endpoint_at() - one of them
 * @peer: whose
 * @turn: less than peer_endpoint_count()
 */
const struct endpoint *peer_endpoint_at(const struct peer *peer, size_t turn)
{
	size_t i;

	for (i = 0; i < peer->target_count; i++) {
		if (turn < peer->targets[i].count)
			return &peer->targets[i].endpoints[turn];
		turn -= peer->targets[i].count;
	}
	return NULL;
}

static void failed(struct peer *peer, const char *problem)
{
	peer_complain(peer, TOLD_ENDPOINT(peer->turn), peer->where, problem);
	if (peer->turn + 1 < peer_endpoint_count(peer)) {
		peer->turn++;
		peer->retry_at = loop_now();
	} else {
		retry_later(peer);
	}
}

static void set_link(struct peer *peer, uint32_t id)
{
	peer->link = id;
	peer->linked_at = loop_now();
	rekey_linked(&peer->rekey, id, peer->linked_at);
}

/**
 * peer_attach() - hand a connection over to the kernel, and forget it
 * @peer: who is at the other end
 * @fd: the connection
 *
 * Return: whether it is a link now; else kernel_message() is set.
 */
bool peer_attach(struct peer *peer, int fd)
{
	uint32_t id = 0;
	int err;

	err = kernel_attach(peer->name, fd, &id);
	close(fd);
	if (err)
		return false;

	log_debug("%s: attached as link %u", peer->name, id);
	if (peer->link)
		peer->failures = 0;
	rekey_made(&peer->rekey, id);
	set_link(peer, id);
	return true;
}

static void connect_done(void *data, int fd, const char *problem)
{
	struct peer *peer = data;

	peer->greet = NULL;
	if (problem)
		failed(peer, problem);
	else if (!peer_attach(peer, fd))
		failed(peer, kernel_message());
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
			peer_complain(peer, TOLD_NAME(i), target->address.host,
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
	const struct endpoint *endpoint = peer_endpoint_at(peer, peer->turn);

	if (!endpoint) {
		retry_later(peer);
		return;
	}
	endpoint_text(endpoint, peer->where, true);
	log_debug("%s: connecting to %s", peer->name, peer->where);
	peer->greet = greet_connect(endpoint, peer->keys, host_name, peer->name, connect_done,
				    peer);
	if (!peer->greet)
		failed(peer, strerror(errno));
}

/* Is a link to be made, beside the one that there may be? */
static bool wants_link(const struct peer *peer, int64_t now)
{
	bool good = peer->link && peer->link != peer->clear && now < peer->rekey.at;

	return !good && !peer->greet && kernel_is_open();
}

/*
 * Values in clear are what the configuration says there are none of: nobody who
 * keeps a fresh link from being made may make that last.
 */
static void end_clear(struct peer *peer)
{
	if (!kernel_detach_link(peer->clear)) {
		peer->clear_until = LOOP_NEVER;
		log_warn("%s: link %u was still in clear: detached", peer->name, peer->clear);
		return;
	}
	peer->clear_until = loop_now() + RETRY_MAX_MS;
	log_error("%s: link %u is in clear, and cannot be detached: %s", peer->name, peer->clear,
		  kernel_message());
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
		if (wants_link(peer, now))
			start_connecting(peer);
	}
	if (!peer->target_count || peer->greet || !kernel_is_open())
		return LOOP_NEVER;
	if (!wants_link(peer, now))
		return peer->rekey.at;
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

static bool has_encrypted(void)
{
	const struct peer *peer;

	for (peer = peers; peer; peer = peer->next) {
		if (peer->link && peer->rekey.encrypted)
			break;
	}
	return peer;
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

	if (now >= count_at && has_encrypted())
		peers_refresh_links();
	for (peer = peers; peer; peer = peer->next) {
		int64_t due = peer_tick(peer, now);

		if (peer->clear && now >= peer->clear_until)
			end_clear(peer);
		if (peer->clear && peer->clear_until < next)
			next = peer->clear_until;
		if (due < next)
			next = due;
		if (peer->link && peer->rekey.encrypted && count_at < next)
			next = count_at;
	}
	tell_status();
	return next;
}

static void link_there(const char *name, uint32_t id, bool clear, uint64_t messages)
{
	struct peer *peer = peer_find(name);

	if (!peer) {
		log_debug("%s: has link %u and is not configured: left alone", name, id);
		return;
	}
	if (clear && id > peer->listed_clear)
		peer->listed_clear = id;
	if (id >= peer->listed) {
		peer->listed = id;
		peer->messages = messages;
	}
}

/*
 * It may be from before ndvald was started, or the files were changed, or of
 * another program. The other host is given time to be told as well.
 */
static void take_clear(struct peer *peer)
{
	uint32_t id = peer->keys ? peer->listed_clear : 0;

	if (id && id != peer->clear) {
		if (!peer->clear || peer->clear_until == LOOP_NEVER)
			peer->clear_until = loop_now() + CLEAR_S * 1000;
		log_warn("%s: link %u is in clear, and is to be encrypted: it is detached in %d s, unless an encrypted one takes its place: does the other host have the key, and was it reloaded?",
			 peer->name, id, (int)((peer->clear_until - loop_now() + 999) / 1000));
	}
	peer->clear = id;
}

static void link_gone(struct peer *peer)
{
	peer->link = 0;
	if (loop_now() - peer->linked_at >= LIVED_MS)
		peer->failures = 0;
	memset(peer->told, 0, sizeof(peer->told));
	retry_later(peer);
}

/* The kernel's links have been listed. */
static void take_listed(struct peer *peer)
{
	if (!peer->listed && peer->link) {
		link_gone(peer);
	} else if (peer->listed && peer->listed != peer->link) {
		log_debug("%s: has link %u", peer->name, peer->listed);
		if (peer->listed < peer->link)
			retry_later(peer);	/* the fresh one did not stay */
		set_link(peer, peer->listed);
	}
	if (peer->listed)
		rekey_counted(&peer->rekey, peer->messages);
	take_clear(peer);
}

/**
 * peers_refresh_links() - ask the kernel which peers have a link
 */
void peers_refresh_links(void)
{
	struct peer *peer;

	count_at = loop_now() + REKEY_COUNT_MS;
	if (!kernel_is_open())
		return;
	for (peer = peers; peer; peer = peer->next) {
		peer->listed = 0;
		peer->listed_clear = 0;
	}
	if (kernel_links(link_there)) {
		log_debug("cannot list the links now: %s", kernel_message());
		return;
	}
	for (peer = peers; peer; peer = peer->next)
		take_listed(peer);
}

/**
 * peer_stop_trying() - give up a connection under way, and begin anew soon
 * @peer: to which
 */
void peer_stop_trying(struct peer *peer)
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
		peer_stop_trying(peer);
		peer->link = 0;
		peer->clear = 0;
		rekey_init(&peer->rekey, peer->keys);
	}
}
