// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links that can be harmed; chaos_relay.h tells how.
 *
 * vm: helper=yes
 */
#include "chaos_relay.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common.h"

static void close_side(struct relay_link *link, int side)
{
	if (link->fd[side] >= 0)
		close(link->fd[side]);
	link->fd[side] = -1;
}

static void way_empty(struct relay_way *way)
{
	way->from = 0;
	way->to = 0;
}

/* Takes what a side has sent, as much as fits. False at its end. */
static bool take(struct relay_link *link, int side)
{
	struct relay_way *way = &link->way[side];
	ssize_t len;

	if (way->from == way->to)
		way_empty(way);
	if (way->to == RELAY_BUFFER)
		return true;
	len = recv(link->fd[side], way->bytes + way->to, RELAY_BUFFER - way->to, MSG_DONTWAIT);
	if (len < 0)
		return errno == EAGAIN;
	if (!way->to)
		way->due = seconds() + way->delay / 1000.0;
	way->to += len;
	return len > 0;
}

/* Passes on what a side has sent. */
static void give(struct relay_link *link, int side)
{
	struct relay_way *way = &link->way[side];
	ssize_t len;

	len = send(link->fd[!side], way->bytes + way->from, way->to - way->from,
		   MSG_DONTWAIT | MSG_NOSIGNAL);
	if (len > 0)
		way->from += len;
	else if (len < 0 && errno != EAGAIN)
		close_side(link, !side);
}

static bool may_pass(const struct relay_way *way)
{
	return !way->held && way->from < way->to && seconds() >= way->due;
}

/* Moves what can be moved; a side whose other side has ended ends too. */
static void serve(struct relay_link *link, int side)
{
	struct relay_way *way = &link->way[side];

	if (link->fd[side] >= 0 && !way->held && !way->last && !way->to && !take(link, side))
		close_side(link, side);
	if (link->fd[!side] >= 0 && may_pass(way))
		give(link, side);
	if (way->from == way->to)
		way_empty(way);
	if (link->fd[side] < 0 && !way->held && !way->to)
		close_side(link, !side);
}

static void serve_all(struct relay *relay)
{
	int i, side;

	for (i = 0; i < RELAY_LINKS; i++) {
		struct relay_link *link = &relay->links[i];

		for (side = 0; link->used && side < 2; side++)
			serve(link, side);
	}
}

/* What to wait for; returns how many, and the time-out in ms. */
static unsigned int prepare(struct relay *relay, struct pollfd *polls, int *timeout)
{
	unsigned int n = 0;
	int i, side;

	*timeout = 1000;
	polls[n++] = (struct pollfd){ .fd = relay->kick, .events = POLLIN };
	for (i = 0; i < RELAY_LINKS; i++) {
		struct relay_link *link = &relay->links[i];

		for (side = 0; link->used && side < 2; side++) {
			const struct relay_way *in = &link->way[side], *out = &link->way[!side];
			short events = 0;

			if (!in->held && !in->last && !in->to)
				events |= POLLIN;
			if (!out->held && out->to) {
				if (may_pass(out))
					events |= POLLOUT;
				else
					*timeout = 1;
			}
			if (events && link->fd[side] >= 0)
				polls[n++] = (struct pollfd){ .fd = link->fd[side],
							      .events = events };
		}
	}
	return n;
}

static void *run_relay(void *data)
{
	struct pollfd polls[1 + 2 * RELAY_LINKS];
	struct relay *relay = data;
	unsigned int n;
	int timeout;
	__u64 kicks;

	for (;;) {
		pthread_mutex_lock(&relay->lock);
		serve_all(relay);
		n = prepare(relay, polls, &timeout);
		pthread_mutex_unlock(&relay->lock);
		if (relay->quit)
			return NULL;
		poll(polls, n, timeout);
		if (polls[0].revents && read(relay->kick, &kicks, sizeof(kicks)) < 0)
			return NULL;
	}
}

static void kick(struct relay *relay)
{
	__u64 one = 1;

	if (write(relay->kick, &one, sizeof(one)) < 0)
		perror("relay");
}

bool relay_open(struct relay *relay)
{
	memset(relay, 0, sizeof(*relay));
	pthread_mutex_init(&relay->lock, NULL);
	relay->kick = eventfd(0, EFD_CLOEXEC);
	return relay->kick >= 0 && !pthread_create(&relay->thread, NULL, run_relay, relay);
}

void relay_close(struct relay *relay)
{
	int i;

	for (i = 0; i < RELAY_LINKS; i++)
		relay_drop(relay, i);
	relay->quit = true;
	kick(relay);
	pthread_join(relay->thread, NULL);
	close(relay->kick);
}

/**
 * relay_join() - a new link
 * @relay: the relay
 * @ends: set to the sockets for the two sides, which the caller closes
 *
 * Return: its number, or -1.
 */
int relay_join(struct relay *relay, int ends[2])
{
	int a[2], b[2], i;

	for (i = 0; i < RELAY_LINKS && relay->links[i].used; i++)
		;
	if (i == RELAY_LINKS || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, a))
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, b)) {
		close(a[0]);
		close(a[1]);
		return -1;
	}
	pthread_mutex_lock(&relay->lock);
	relay->links[i].fd[0] = a[1];
	relay->links[i].fd[1] = b[1];
	memset(&relay->links[i].way[0], 0, offsetof(struct relay_way, bytes));
	memset(&relay->links[i].way[1], 0, offsetof(struct relay_way, bytes));
	relay->links[i].used = true;
	pthread_mutex_unlock(&relay->lock);
	ends[0] = a[0];
	ends[1] = b[0];
	kick(relay);
	return i;
}

/* Holds back what a side sends, or lets it go on. */
void relay_hold(struct relay *relay, int link, int side, bool held)
{
	pthread_mutex_lock(&relay->lock);
	relay->links[link].way[side].held = held;
	pthread_mutex_unlock(&relay->lock);
	kick(relay);
}

/* Everything takes so long, both ways. */
void relay_delay(struct relay *relay, int link, int ms)
{
	pthread_mutex_lock(&relay->lock);
	relay->links[link].way[0].delay = ms;
	relay->links[link].way[1].delay = ms;
	pthread_mutex_unlock(&relay->lock);
}

/* Takes all that a side has sent so far. */
static void take_all(struct relay_link *link, int side)
{
	size_t before;

	do {
		before = link->way[side].to;
	} while (link->fd[side] >= 0 && take(link, side) && link->way[side].to > before);
}

/* Holds back what a side has sent so far, and takes nothing more. */
void relay_last(struct relay *relay, int link, int side)
{
	struct relay_link *it = &relay->links[link];

	pthread_mutex_lock(&relay->lock);
	take_all(it, side);
	it->way[side].last = true;
	it->way[side].held = true;
	pthread_mutex_unlock(&relay->lock);
}

/* One side sees the end. What it has sent is still on its way. */
void relay_end(struct relay *relay, int link, int side)
{
	struct relay_link *it = &relay->links[link];

	pthread_mutex_lock(&relay->lock);
	if (!it->way[side].last)
		take_all(it, side);
	close_side(it, side);
	pthread_mutex_unlock(&relay->lock);
	kick(relay);
}

/* Both see the end, and what was on its way is lost. */
void relay_drop(struct relay *relay, int link)
{
	pthread_mutex_lock(&relay->lock);
	if (relay->links[link].used) {
		close_side(&relay->links[link], 0);
		close_side(&relay->links[link], 1);
		relay->links[link].used = false;
	}
	pthread_mutex_unlock(&relay->lock);
}
