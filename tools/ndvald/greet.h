/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The greeting on a fresh connection, before the kernel gets it: see greet.c.
 */
#ifndef NDVALD_GREET_H
#define NDVALD_GREET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keys.h"
#include "session.h"

struct endpoint;
struct greet;

/**
 * typedef greet_done - a greeting has ended
 * @data: as given to greet_connect() or by the judge
 * @fd: the connection, now the callee's to close; -1 on failure
 * @problem: on failure, what went wrong
 */
typedef void greet_done(void *data, int fd, const char *problem);

/**
 * typedef greet_judge - may this connection become a link?
 * @from: name that the other side says it has
 * @to: name that it takes this host for
 * @security: how it has proved that; SECURITY_NONE, not at all
 * @endpoint: where it comes from
 * @data: set for greet_done when the answer is yes
 * @reason: filled in when the answer is no; of GREET_REASON_MAX bytes
 *
 * Return: the answer.
 */
typedef bool greet_judge(const char *from, const char *to, enum security security,
			 const struct endpoint *endpoint, void **data, char *reason);

#define GREET_REASON_MAX	150

/**
 * struct greet_host - this host, to one who connects
 * @stranger: it may be anybody: no peer is configured with that address
 * @no_tls: why no handshake is begun with it, or NULL
 * @x509: its certificate, or NULL
 * @find: finds shared keys; NULL, there are none
 * @judge: decides
 * @done: called if @judge agreed, once the answer is sent
 */
struct greet_host {
	bool stranger;
	const char *no_tls;
	struct keys *x509;
	session_find *find;
	greet_judge *judge;
	greet_done *done;
};

struct greet *greet_connect(const struct endpoint *endpoint, struct keys *keys,
			    const char *from, const char *to, greet_done *done, void *data);
void greet_accept(int fd, const struct endpoint *endpoint, const struct greet_host *host);
void greet_cancel(struct greet *greet);
void greet_cancel_accepted(void);
void greet_expire(int64_t now);
int64_t greet_deadline(void);

#endif /* NDVALD_GREET_H */
