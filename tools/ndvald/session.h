/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * TLS 1.3 on a connection, from the first byte to the greeting: see session.c.
 */
#ifndef NDVALD_SESSION_H
#define NDVALD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "keys.h"

struct session;

/**
 * typedef session_find - which key does a host that connects prove itself with?
 * @from: name that it says it has
 * @to: name that it takes this host for
 * @keys: set to keys of SECURITY_PSK
 * @reason: SESSION_REASON_MAX bytes, filled in if there are none for it
 *
 * Return: whether there are.
 */
typedef bool session_find(const char *from, const char *to, const struct keys **keys,
			  char *reason);

#define SESSION_REASON_MAX	150

struct session *session_connect(int fd, struct keys *keys, const char *from, const char *to);
struct session *session_accept(int fd, struct keys *x509, session_find *find);
void session_free(struct session *session);
int session_handshake(struct session *session);
bool session_wants_write(const struct session *session);
enum security session_security(const struct session *session);
bool session_proves(struct session *session, const char *name, const char *host);
bool session_send(struct session *session, const char *text);
ssize_t session_receive(struct session *session, char *buffer, size_t size);
int session_to_kernel(struct session *session, int fd);
const char *session_problem(const struct session *session);

#endif /* NDVALD_SESSION_H */
