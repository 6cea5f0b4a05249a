/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_SOCK_H
#define NDVAL_SOCK_H

#include <linux/types.h>

struct ndval_buffer;
struct netlink_ext_ack;
struct socket;

/* A message has to be whole within so many times the time-out for silence. */
#define NDVAL_SOCK_PATIENCE	10

/**
 * struct ndval_sock - the socket of a link
 * @socket: the socket, with a reference to its file
 * @transport: what kind of socket, for people
 * @tls: its records are encrypted, in both directions
 * @timeout_ms: silence after which the peer is lost
 * @tuned_ms: what the sender has set the socket up for
 * @begun: bytes of a message have come; the receiver's alone, as all that follows
 * @deadline: when it has to be whole, in jiffies
 * @record: type of the TLS record, other than data, at which receiving ended; 0, none
 * @said: its first two bytes
 */
struct ndval_sock {
	struct socket	*socket;
	const char	*transport;
	bool		tls;
	u32		timeout_ms;
	u32		tuned_ms;

	bool		begun;
	unsigned long	deadline;
	u8		record;
	u8		said[2];
};

int ndval_sock_open(struct ndval_sock *sock, int fd, struct netlink_ext_ack *extack);
void ndval_sock_close(struct ndval_sock *sock);
const char *ndval_sock_security(const struct ndval_sock *sock);
void ndval_sock_set_timeout(struct ndval_sock *sock, u32 ms);
void ndval_sock_tune(struct ndval_sock *sock, u32 ms);
int ndval_sock_send(struct ndval_sock *sock, struct ndval_buffer *buffer, size_t len);
void ndval_sock_send_end(struct ndval_sock *sock);
int ndval_sock_receive(struct ndval_sock *sock, struct ndval_buffer *buffer, size_t from,
		       size_t len);
const char *ndval_sock_why(const struct ndval_sock *sock, int err);
void ndval_sock_explain(const struct ndval_sock *sock, int err, char *text, size_t size);

#endif /* NDVAL_SOCK_H */
