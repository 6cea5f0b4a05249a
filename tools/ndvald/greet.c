// SPDX-License-Identifier: GPL-2.0-only
/*
 * The greeting: two lines on a fresh connection, before the kernel gets it, so
 * that both sides know who is there and mistakes can be read.
 *
 *	the side that connects		ndvald 1 FROM TO
 *	the side that accepts		ok
 *				or	no REASON
 *
 * With keys the two lines are said inside TLS (session.c), after a handshake
 * in which both sides have proved who they are; the lines then tell which of
 * its names is meant, and whether the link is wanted. A connection that begins
 * with the first byte of TLS is taken for one. After "ok" both sides hand
 * their end, and with TLS its keys, to the kernel, which may speak at once.
 *
 * A line has at most CHANNEL_LINE_MAX bytes; connecting, the handshake and the
 * lines may take GREET_TIMEOUT_MS each. At most GREET_MAX accepted connections
 * are in the greeting, half of them at most from addresses that no peer is
 * configured with, and GREET_MAX_ADDRESS from one address: strangers that
 * connect and stay silent keep no peer out, but those with "address = any".
 * From where no peer can be, no handshake is begun.
 *
 * In clear the greeting identifies nobody. Whoever can send from a peer's
 * address can pass for the peer: that is what "security = none" means.
 */
#include "greet.h"
#include "address.h"
#include "channel.h"
#include "config.h"
#include "ktls.h"
#include "log.h"
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_MEMORY		"there is no memory"
#define GREET_TIMEOUT_MS	5000
#define GREET_MAX		32
#define GREET_MAX_ADDRESS	8

enum greet_state {
	GREET_CONNECTING,	/* not connected yet */
	GREET_SHAKING,		/* TLS handshake */
	GREET_ASKED,		/* our line is sent, the answer is awaited */
	GREET_LISTENING,	/* accepted, the other's line is awaited */
};

struct greet {
	struct watch watch;
	struct greet *next;
	enum greet_state state;
	bool accepted;
	int64_t deadline;
	struct endpoint endpoint;
	char from[NDVAL_NAME_MAX + 1];
	char to[NDVAL_NAME_MAX + 1];
	struct channel channel;		/* on the descriptor of @watch */
	struct keys *keys;		/* of the side that connects */
	struct greet_host host;		/* of the side that accepts */
	greet_done *done;
	void *data;
};

static struct greet *greets;

static struct greet *create(int fd, enum greet_state state, const struct endpoint *endpoint)
{
	struct greet *greet = calloc(1, sizeof(*greet));

	if (!greet)
		return NULL;
	greet->watch.fd = fd;
	greet->channel.fd = fd;
	greet->state = state;
	greet->deadline = loop_now() + GREET_TIMEOUT_MS;
	greet->endpoint = *endpoint;
	greet->next = greets;
	greets = greet;
	return greet;
}

/* The connection is closed, unless its fd was taken before. */
static void destroy(struct greet *greet)
{
	struct greet **place;

	for (place = &greets; *place != greet; place = &(*place)->next)
		;
	*place = greet->next;
	loop_close(&greet->watch);
	session_free(greet->channel.session);
	keys_put(greet->keys);
	keys_put(greet->host.x509);
	free(greet);
}

/* The end of a greeting, which @problem may point into. It is NULL on success. */
static void finish(struct greet *greet, const char *problem)
{
	struct session *session = greet->channel.session;
	greet_done *done = greet->done;
	void *data = greet->data;
	char copy[KEYS_PROBLEM_MAX];
	int fd;

	if (!problem && session && session_to_kernel(session, greet->watch.fd))
		problem = session_problem(session);
	if (problem) {
		snprintf(copy, sizeof(copy), "%s", problem);
		problem = copy;
	}
	fd = problem ? -1 : loop_release(&greet->watch);
	destroy(greet);
	done(data, fd, problem);
}

static const char *line_problem(const struct greet *greet, int err)
{
	if (err == -EBADMSG)
		return session_problem(greet->channel.session);
	if (err == -EPROTO)
		return "it does not speak as ndvald does: is this the right port?";
	if (err == -ECONNRESET)
		return "it closed the connection without an answer";
	return strerror(-err);
}

static void await(struct greet *greet, enum greet_state state, uint32_t events)
{
	greet->state = state;
	greet->deadline = loop_now() + GREET_TIMEOUT_MS;
	loop_change(&greet->watch, events);
}

/* The side that connects: its line. */
static void ask(struct greet *greet)
{
	char line[CHANNEL_LINE_MAX + 1];

	snprintf(line, sizeof(line), "ndvald 1 %s %s\n", greet->from, greet->to);
	if (channel_send_line(&greet->channel, line))
		await(greet, GREET_ASKED, EPOLLIN);
	else
		finish(greet, "the connection broke at once");
}

/*
 * The side that connects: it is connected, or failed. Only the second call of
 * connect() makes a TCP socket itself a connected one, in the eyes of whoever
 * looks at more than the state of TCP; the module may. On AF_VSOCK, which is
 * one already, it would begin anew after a failure: hence SO_ERROR first.
 */
static int end_connect(const struct greet *greet)
{
	const struct endpoint *endpoint = &greet->endpoint;
	int fd = greet->watch.fd;
	socklen_t size = sizeof(int);
	int err = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &size) < 0)
		return errno;
	if (!err && connect(fd, (const void *)&endpoint->storage, endpoint->length) < 0 &&
	    errno != EISCONN)
		err = errno;
	return err;
}

static void connected(struct greet *greet)
{
	int err = end_connect(greet);

	if (err) {
		finish(greet, strerror(err));
	} else if (!greet->keys) {
		ask(greet);
	} else {
		greet->channel.session = session_connect(greet->watch.fd, greet->keys,
							 greet->from, greet->to);
		if (greet->channel.session)
			await(greet, GREET_SHAKING, EPOLLOUT);
		else
			finish(greet, "TLS: " NO_MEMORY);
	}
}

/* The side that connects: the answer. */
static void answered(struct greet *greet)
{
	char problem[4 * CHANNEL_LINE_MAX + 32], reason[4 * CHANNEL_LINE_MAX];
	const char *line = greet->channel.line;
	int ready;

	ready = channel_read_line(&greet->channel);
	if (!ready)
		return;

	if (ready < 0) {
		finish(greet, line_problem(greet, ready));
	} else if (!strcmp(line, "ok")) {
		finish(greet, NULL);
	} else if (!strncmp(line, "no ", 3)) {
		snprintf(problem, sizeof(problem), "it refuses: %s",
			 log_escape(reason, sizeof(reason), line + 3));
		finish(greet, problem);
	} else {
		finish(greet, line_problem(greet, -EPROTO));
	}
}

static void tell_refusal(const struct greet *greet, const char *reason)
{
	char from[ADDRESS_TEXT_MAX];

	log_stranger("refused the connection from %s: %s",
		     endpoint_text(&greet->endpoint, from, false), reason);
}

/* The side that accepts, after the handshake if there is one: no. */
static void refuse(struct greet *greet, const char *reason)
{
	char line[CHANNEL_LINE_MAX + 1];

	tell_refusal(greet, reason);
	snprintf(line, sizeof(line), "no %.*s\n", GREET_REASON_MAX, reason);
	channel_drain(&greet->channel);
	channel_send_line(&greet->channel, line);
	destroy(greet);
}

/* Return: why the line is no greeting of ours, or NULL with from and to filled in. */
static const char *parse_greeting(struct greet *greet)
{
	char *word, *rest = NULL;

	word = strtok_r(greet->channel.line, " ", &rest);
	if (!word || strcmp(word, "ndvald"))
		return "this is ndvald, and that is not its greeting";
	word = strtok_r(NULL, " ", &rest);
	if (!word || strcmp(word, "1"))
		return "this ndvald speaks version 1 of the greeting only";
	word = strtok_r(NULL, " ", &rest);
	if (!word || config_check_name(word))
		return "the greeting has no valid name of the sender";
	strcpy(greet->from, word);
	word = strtok_r(NULL, " ", &rest);
	if (!word || config_check_name(word))
		return "the greeting has no valid name of the receiver";
	strcpy(greet->to, word);
	return strtok_r(NULL, " ", &rest) ? "the greeting has too many words" : NULL;
}

/* The side that accepts: TLS comes. */
static void start_tls(struct greet *greet)
{
	const struct greet_host *host = &greet->host;

	if (host->no_tls) {
		tell_refusal(greet, host->no_tls);
		channel_deny(&greet->channel);
		destroy(greet);
		return;
	}
	greet->channel.session = session_accept(greet->watch.fd, host->x509, host->find);
	if (greet->channel.session)
		await(greet, GREET_SHAKING, EPOLLIN);
	else
		destroy(greet);
}

static const char *judge(struct greet *greet, char *reason)
{
	struct session *session = greet->channel.session;
	const char *problem;

	problem = parse_greeting(greet);
	if (problem)
		return problem;
	if (session && !session_proves(session, greet->from, greet->to))
		return session_problem(session);
	if (!greet->host.judge(greet->from, greet->to,
			       session ? session_security(session) : SECURITY_NONE,
			       &greet->endpoint, &greet->data, reason))
		return reason;
	return session ? ktls_prepare(greet->watch.fd) : NULL;
}

/* The side that accepts: the other's line. */
static void greeted(struct greet *greet)
{
	char reason[GREET_REASON_MAX];
	const char *problem;
	int ready;

	if (channel_starts_tls(&greet->channel)) {
		start_tls(greet);
		return;
	}
	ready = channel_read_line(&greet->channel);
	if (!ready)
		return;
	if (ready == -EPROTO) {
		refuse(greet, "this is ndvald, and that is not its greeting");
		return;
	}
	if (ready < 0) {
		if (ready == -EBADMSG)
			tell_refusal(greet, session_problem(greet->channel.session));
		destroy(greet);
		return;
	}
	problem = judge(greet, reason);
	if (problem)
		refuse(greet, problem);
	else if (!channel_send_line(&greet->channel, "ok\n"))
		destroy(greet);
	else
		finish(greet, NULL);
}

static void shaken(struct greet *greet)
{
	struct session *session = greet->channel.session;
	const char *problem;

	if (greet->accepted) {
		await(greet, GREET_LISTENING, EPOLLIN);
		return;
	}
	problem = session_proves(session, greet->to, greet->from) ?
		  ktls_prepare(greet->watch.fd) : session_problem(session);
	if (problem)
		finish(greet, problem);
	else
		ask(greet);
}

/* The handshake is no good, on either side. */
static void not_shaken(struct greet *greet, const char *problem)
{
	if (!greet->accepted) {
		finish(greet, problem);
		return;
	}
	tell_refusal(greet, problem);
	channel_drain(&greet->channel);
	destroy(greet);
}

static void shake(struct greet *greet)
{
	struct session *session = greet->channel.session;
	int err = session_handshake(session);

	if (err == -EAGAIN)
		loop_change(&greet->watch, session_wants_write(session) ? EPOLLOUT : EPOLLIN);
	else if (err)
		not_shaken(greet, session_problem(session));
	else
		shaken(greet);
}

static void greet_ready(struct watch *watch, uint32_t events)
{
	struct greet *greet = container_of(watch, struct greet, watch);

	(void)events;
	switch (greet->state) {
	case GREET_CONNECTING:
		connected(greet);
		break;
	case GREET_SHAKING:
		shake(greet);
		break;
	case GREET_ASKED:
		answered(greet);
		break;
	case GREET_LISTENING:
		greeted(greet);
		break;
	}
}

/**
 * greet_connect() - connect and greet
 * @endpoint: where to
 * @keys: to encrypt with; NULL, in clear
 * @from: this host
 * @to: the peer that is expected there
 * @done: called once, later, unless the greeting is cancelled
 * @data: for @done
 *
 * Return: the greeting, for greet_cancel(), valid until @done is called; NULL
 * with errno set if it could not even begin.
 */
struct greet *greet_connect(const struct endpoint *endpoint, struct keys *keys,
			    const char *from, const char *to, greet_done *done, void *data)
{
	struct greet *greet;
	int err, fd;

	fd = socket(endpoint->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return NULL;
	greet = create(fd, GREET_CONNECTING, endpoint);
	if (!greet) {
		close(fd);
		errno = ENOMEM;
		return NULL;
	}
	snprintf(greet->from, sizeof(greet->from), "%s", from);
	snprintf(greet->to, sizeof(greet->to), "%s", to);
	greet->watch.ready = greet_ready;
	greet->keys = keys_get(keys);
	greet->done = done;
	greet->data = data;

	err = 0;
	if (connect(fd, (const void *)&endpoint->storage, endpoint->length) < 0 &&
	    errno != EINPROGRESS)
		err = -errno;
	if (!err)
		err = loop_add(&greet->watch, EPOLLOUT);
	if (err) {
		destroy(greet);
		errno = -err;
		return NULL;
	}
	return greet;
}

static bool has_room(const struct endpoint *endpoint, bool stranger)
{
	int accepted = 0, strangers = 0, same = 0;
	const struct greet *greet;

	for (greet = greets; greet; greet = greet->next) {
		if (!greet->accepted)
			continue;
		accepted++;
		strangers += greet->host.stranger;
		same += endpoint_same_host(&greet->endpoint, endpoint);
	}
	return accepted < GREET_MAX && same < GREET_MAX_ADDRESS &&
	       (!stranger || strangers < GREET_MAX / 2);
}

/**
 * greet_accept() - await the greeting on an accepted connection
 * @fd: the connection, non-blocking; taken over, and closed if there is no room
 * @endpoint: where it comes from
 * @host: what it gets to know of this host
 */
void greet_accept(int fd, const struct endpoint *endpoint, const struct greet_host *host)
{
	struct greet *greet;

	greet = has_room(endpoint, host->stranger) ? create(fd, GREET_LISTENING, endpoint) : NULL;
	if (!greet) {
		log_stranger("closed a connection: too many have not said who they are");
		close(fd);
		return;
	}
	greet->watch.ready = greet_ready;
	greet->accepted = true;
	greet->host = *host;
	keys_get(greet->host.x509);
	greet->done = host->done;
	if (loop_add(&greet->watch, EPOLLIN))
		destroy(greet);
}

/**
 * greet_cancel() - give up a greeting
 * @greet: from greet_connect(); its done is not called
 */
void greet_cancel(struct greet *greet)
{
	destroy(greet);
}

/**
 * greet_cancel_accepted() - give up all greetings of accepted connections
 */
void greet_cancel_accepted(void)
{
	struct greet *greet, *next;

	for (greet = greets; greet; greet = next) {
		next = greet->next;
		if (greet->accepted)
			destroy(greet);
	}
}

/* A greeting whose time is up, or NULL. */
static struct greet *find_late(int64_t now)
{
	struct greet *greet;

	for (greet = greets; greet; greet = greet->next) {
		if (greet->deadline <= now)
			break;
	}
	return greet;
}

/**
 * greet_expire() - end greetings that take too long
 * @now: loop_now()
 */
void greet_expire(int64_t now)
{
	struct greet *greet;

	while ((greet = find_late(now))) {
		if (greet->state == GREET_LISTENING)
			refuse(greet, "the greeting did not come in time");
		else if (greet->state == GREET_SHAKING)
			not_shaken(greet, "the TLS handshake was not done in time");
		else if (greet->state == GREET_CONNECTING)
			finish(greet, "no connection in time: is the host up, and the port open?");
		else
			finish(greet, "it did not answer in time");
	}
}

/**
 * greet_deadline() - when the next greeting will have taken too long
 *
 * Return: when to call greet_expire().
 */
int64_t greet_deadline(void)
{
	int64_t deadline = LOOP_NEVER;
	struct greet *greet;

	for (greet = greets; greet; greet = greet->next) {
		if (greet->deadline < deadline)
			deadline = greet->deadline;
	}
	return deadline;
}
