// SPDX-License-Identifier: GPL-2.0-only
/*
 * The greeting: two lines on a fresh TCP connection, before the kernel gets
 * it, so that both sides know who is there and mistakes can be read.
 *
 *	the side that connects		ndvald 1 FROM TO
 *	the side that accepts		ok
 *				or	no REASON
 *
 * After "ok" both sides hand their end to the kernel, which may speak at once.
 * So each side reads one byte at a time, no further than the newline: what
 * comes behind it is not for ndvald.
 *
 * A line has at most GREET_LINE_MAX bytes, a greeting takes at most
 * GREET_TIMEOUT_MS, and at most GREET_MAX accepted connections are in it, half
 * of them at most from addresses that no peer has: strangers that connect and
 * stay silent keep no peer out.
 *
 * The greeting identifies nobody. Whoever can send from a peer's address can
 * pass for the peer: that is what "security = none" means.
 */
#include "greet.h"
#include "address.h"
#include "config.h"
#include "log.h"
#include "loop.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GREET_LINE_MAX		160
#define GREET_TIMEOUT_MS	5000
#define GREET_MAX		32

enum greet_state {
	GREET_CONNECTING,	/* TCP is not connected yet */
	GREET_ASKED,		/* our line is sent, the answer is awaited */
	GREET_LISTENING,	/* accepted, the other's line is awaited */
};

struct greet {
	struct watch watch;
	struct greet *next;
	enum greet_state state;
	bool stranger;
	int64_t deadline;
	struct endpoint endpoint;
	char from[NDVAL_NAME_MAX + 1];
	char to[NDVAL_NAME_MAX + 1];
	greet_judge *judge;
	greet_done *done;
	void *data;
	size_t length;
	char line[GREET_LINE_MAX + 1];
};

static struct greet *greets;

static struct greet *create(int fd, enum greet_state state, const struct endpoint *endpoint)
{
	struct greet *greet = calloc(1, sizeof(*greet));

	if (!greet)
		return NULL;
	greet->watch.fd = fd;
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
	free(greet);
}

/* The end of a greeting. @problem is NULL on success. */
static void finish(struct greet *greet, const char *problem)
{
	greet_done *done = greet->done;
	void *data = greet->data;
	int fd = problem ? -1 : loop_release(&greet->watch);

	destroy(greet);
	done(data, fd, problem);
}

/* A line fits into the buffer of a fresh socket as a whole, or the socket is bad. */
static bool send_line(struct greet *greet, const char *line)
{
	size_t length = strlen(line);

	return send(greet->watch.fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

/* Return: 1, a line is there, without its newline; 0, not yet; or a negative errno. */
static int read_line(struct greet *greet)
{
	ssize_t received;
	char byte;

	for (;;) {
		received = recv(greet->watch.fd, &byte, 1, MSG_DONTWAIT);
		if (received < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (!received)
			return -ECONNRESET;
		if (byte == '\n') {
			greet->line[greet->length] = '\0';
			return 1;
		}
		if (!byte || greet->length == GREET_LINE_MAX)
			return -EPROTO;
		greet->line[greet->length++] = byte;
	}
}

static const char *line_problem(int err)
{
	if (err == -EPROTO)
		return "it does not speak as ndvald does: is this the right port?";
	if (err == -ECONNRESET)
		return "it closed the connection without an answer";
	return strerror(-err);
}

/*
 * The side that connects: TCP is connected, or failed. Only the second call of
 * connect() makes the socket itself a connected one, in the eyes of whoever
 * looks at more than the state of TCP; the module may.
 */
static void connected(struct greet *greet)
{
	const struct endpoint *endpoint = &greet->endpoint;
	char line[GREET_LINE_MAX + 1];

	if (connect(greet->watch.fd, (const void *)&endpoint->storage, endpoint->length) < 0) {
		finish(greet, strerror(errno));
		return;
	}
	snprintf(line, sizeof(line), "ndvald 1 %s %s\n", greet->from, greet->to);
	if (!send_line(greet, line)) {
		finish(greet, "the connection broke at once");
		return;
	}
	greet->state = GREET_ASKED;
	greet->deadline = loop_now() + GREET_TIMEOUT_MS;
	loop_change(&greet->watch, EPOLLIN);
}

/* The side that connects: the answer. */
static void answered(struct greet *greet)
{
	char problem[4 * GREET_LINE_MAX + 32], reason[4 * GREET_LINE_MAX];
	int ready;

	ready = read_line(greet);
	if (!ready)
		return;

	if (ready < 0) {
		finish(greet, line_problem(ready));
	} else if (!strcmp(greet->line, "ok")) {
		finish(greet, NULL);
	} else if (!strncmp(greet->line, "no ", 3)) {
		snprintf(problem, sizeof(problem), "it refuses: %s",
			 log_escape(reason, sizeof(reason), greet->line + 3));
		finish(greet, problem);
	} else {
		finish(greet, line_problem(-EPROTO));
	}
}

static void refuse(struct greet *greet, const char *reason)
{
	char line[GREET_LINE_MAX + 1], from[ADDRESS_TEXT_MAX];

	log_stranger("refused the connection from %s: %s",
		     endpoint_text(&greet->endpoint, from, false), reason);
	snprintf(line, sizeof(line), "no %s\n", reason);
	send_line(greet, line);
	destroy(greet);
}

/* Return: why the line is no greeting of ours, or NULL with from and to filled in. */
static const char *parse_greeting(struct greet *greet)
{
	char *word, *rest = NULL;

	word = strtok_r(greet->line, " ", &rest);
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

/* The side that accepts: the other's line. */
static void greeted(struct greet *greet)
{
	char reason[GREET_REASON_MAX];
	const char *problem;
	int ready;

	ready = read_line(greet);
	if (!ready)
		return;
	if (ready == -EPROTO) {
		refuse(greet, "this is ndvald, and that is not its greeting");
		return;
	}
	if (ready < 0) {
		destroy(greet);
		return;
	}
	problem = parse_greeting(greet);
	if (problem) {
		refuse(greet, problem);
		return;
	}
	if (!greet->judge(greet->from, greet->to, &greet->endpoint, &greet->data, reason))
		refuse(greet, reason);
	else if (!send_line(greet, "ok\n"))
		destroy(greet);
	else
		finish(greet, NULL);
}

static void greet_ready(struct watch *watch, uint32_t events)
{
	struct greet *greet = container_of(watch, struct greet, watch);

	(void)events;
	switch (greet->state) {
	case GREET_CONNECTING:
		connected(greet);
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
 * @from: this host
 * @to: the peer that is expected there
 * @done: called once, later, unless the greeting is cancelled
 * @data: for @done
 *
 * Return: the greeting, for greet_cancel(), valid until @done is called; NULL
 * with errno set if it could not even begin.
 */
struct greet *greet_connect(const struct endpoint *endpoint, const char *from, const char *to,
			    greet_done *done, void *data)
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

static bool has_room(bool stranger)
{
	int accepted = 0, strangers = 0;
	const struct greet *greet;

	for (greet = greets; greet; greet = greet->next) {
		if (greet->state != GREET_LISTENING)
			continue;
		accepted++;
		strangers += greet->stranger;
	}
	return accepted < GREET_MAX && (!stranger || strangers < GREET_MAX / 2);
}

/**
 * greet_accept() - await the greeting on an accepted connection
 * @fd: the connection, non-blocking; taken over, and closed if there is no room
 * @endpoint: where it comes from
 * @stranger: no peer has that address
 * @judge: decides
 * @done: called if @judge agreed, once the answer is sent
 */
void greet_accept(int fd, const struct endpoint *endpoint, bool stranger,
		  greet_judge *judge, greet_done *done)
{
	struct greet *greet;

	greet = has_room(stranger) ? create(fd, GREET_LISTENING, endpoint) : NULL;
	if (!greet) {
		log_stranger("closed a connection: too many have not said who they are");
		close(fd);
		return;
	}
	greet->watch.ready = greet_ready;
	greet->stranger = stranger;
	greet->judge = judge;
	greet->done = done;
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
		if (greet->state == GREET_LISTENING)
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
