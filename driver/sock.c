// SPDX-License-Identifier: GPL-2.0-only
/*
 * The socket of a link: what may be one, how bytes go out and come in, and what
 * it means when none do. Knows no messages, members or pairs.
 *
 * TLS is the kernel's (kTLS), with the keys in the socket: to send and to receive
 * is the same as without, but for the records that are no data. They come with
 * their type as a control message, alone, between two pieces of data. The one that
 * is well is the alert close_notify, the end of what the peer has to say. All
 * others end the link: a key can't be changed here, a link is replaced instead.
 */
#include "sock.h"

#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <linux/tls.h>
#include <linux/uio.h>
#include <net/inet_connection_sock.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp.h>
#include <net/tcp_states.h>
#include <net/tls.h>

#include "buffer.h"

/*
 * So much is sent at once, and has to find room within the time-out. It is a TLS record, and
 * what AF_VSOCK finds memory for on a host whose memory is in pieces.
 */
#define PIECE	(16U << 10)

/* Types of TLS records, and what is in them: RFC 8446, 5.1, 6 and 4. */
enum {
	RECORD_ALERT			= 21,
	RECORD_HANDSHAKE		= 22,
	RECORD_DATA			= 23,
};

enum {
	ALERT_WARNING			= 1,
	ALERT_CLOSE_NOTIFY		= 0,
	HANDSHAKE_NEW_SESSION_TICKET	= 4,
	HANDSHAKE_KEY_UPDATE		= 24,
};

/* One control message with the type of a record. */
union control {
	struct cmsghdr	head;
	u8		room[CMSG_SPACE(sizeof(u8))];
};

static bool is_tcp(const struct sock *sk)
{
	return (sk->sk_family == AF_INET || sk->sk_family == AF_INET6) &&
	       sk->sk_protocol == IPPROTO_TCP;
}

/* What a link over this socket is called; NULL if there can be none. */
static const char *transport_of(const struct sock *sk)
{
	if (is_tcp(sk))
		return "tcp";
	if (sk->sk_family == AF_UNIX)
		return "unix";
	if (sk->sk_family == AF_VSOCK)
		return "vsock";
	return NULL;
}

static int check_socket(struct socket *socket, struct netlink_ext_ack *extack)
{
	const struct sock *sk = socket->sk;

	if (socket->type != SOCK_STREAM || !transport_of(sk)) {
		NL_SET_ERR_MSG(extack,
			       "a link needs a stream socket: TCP, AF_UNIX or AF_VSOCK");
		return -EPROTONOSUPPORT;
	}
	if (!net_eq(sock_net(sk), &init_net)) {
		NL_SET_ERR_MSG(extack, "the socket belongs to another network namespace");
		return -EPERM;
	}
	/* A TCP socket that was connected without blocking has another state. */
	if (is_tcp(sk) ? sk->sk_state != TCP_ESTABLISHED :
			 socket->state != SS_CONNECTED) {
		NL_SET_ERR_MSG(extack, "the socket is not connected");
		return -ENOTCONN;
	}
	return 0;
}

static int check_keys(const struct tls_context *tls, struct netlink_ext_ack *extack)
{
	bool sends, receives;

	/* Without the socket's lock: see check_security(). */
	sends = tls && data_race(tls->tx_conf != TLS_BASE);
	/* Likewise. */
	receives = tls && data_race(tls->rx_conf != TLS_BASE);
	if (!sends && !receives) {
		NL_SET_ERR_MSG(extack,
			       "the socket has the protocol tls but no keys: set TLS_TX and TLS_RX, then attach");
		return -ENOKEY;
	}
	if (!sends) {
		NL_SET_ERR_MSG(extack,
			       "the socket would send in the clear: set TLS_TX as well as TLS_RX, then attach");
		return -ENOKEY;
	}
	if (!receives) {
		NL_SET_ERR_MSG(extack,
			       "the socket would take what comes in the clear: set TLS_RX as well as TLS_TX, then attach");
		return -ENOKEY;
	}
	if (tls->prot_info.version != TLS_1_3_VERSION) {
		NL_SET_ERR_MSG(extack,
			       "the socket has keys of an old version of TLS: make the connection with TLS 1.3");
		return -EPROTONOSUPPORT;
	}
	return 0;
}

/*
 * Is the socket encrypted? It may be read without its lock, which whoever else
 * has the socket could hold: what is set once stays until the socket is closed,
 * which our reference prevents.
 */
static int check_security(struct ndval_sock *sock, struct netlink_ext_ack *extack)
{
	struct sock *sk = sock->socket->sk;
	const struct tcp_ulp_ops *ulp = NULL;
	int err;

	if (is_tcp(sk))
		ulp = READ_ONCE(inet_csk(sk)->icsk_ulp_ops);
	if (!ulp)
		return 0;
	if (strcmp(ulp->name, "tls")) {
		NL_SET_ERR_MSG(extack,
			       "the socket has a protocol on top of TCP: a link takes tls or none");
		return -EPROTONOSUPPORT;
	}
	err = check_keys(tls_get_ctx(sk), extack);
	sock->tls = !err;
	return err;
}

/**
 * ndval_sock_open() - Take a socket that a program has connected.
 * @sock: set, but for its time-out
 * @fd: file descriptor of the caller
 * @extack: gets the reason of a refusal
 *
 * Context: process, sleeps; waits for nobody.
 * Return: 0; -EBADF, -ENOTSOCK, -EPROTONOSUPPORT, -EPERM, -ENOTCONN, -ENOKEY.
 */
int ndval_sock_open(struct ndval_sock *sock, int fd, struct netlink_ext_ack *extack)
{
	int err;

	*sock = (struct ndval_sock) { .socket = sockfd_lookup(fd, &err) };
	if (!sock->socket) {
		NL_SET_ERR_MSG(extack, "the file descriptor is not a socket");
		return err;
	}
	err = check_socket(sock->socket, extack) ?: check_security(sock, extack);
	if (err) {
		ndval_sock_close(sock);
		return err;
	}
	sock->transport = transport_of(sock->socket->sk);
	return 0;
}

/**
 * ndval_sock_close() - Let the socket go; nobody uses it any more.
 * @sock: the socket
 */
void ndval_sock_close(struct ndval_sock *sock)
{
	sockfd_put(sock->socket);
	sock->socket = NULL;
}

/**
 * ndval_sock_security() - How what goes over a socket is protected.
 * @sock: the socket
 *
 * Return: a word for people and programs.
 */
const char *ndval_sock_security(const struct ndval_sock *sock)
{
	return sock->tls ? "tls" : "plain";
}

/**
 * ndval_sock_set_timeout() - Set after how long silence is an error.
 * @sock: the socket
 * @ms: so long
 *
 * Without the socket's lock, which whoever else has the socket could hold.
 */
void ndval_sock_set_timeout(struct ndval_sock *sock, u32 ms)
{
	struct sock *sk = sock->socket->sk;

	WRITE_ONCE(sock->timeout_ms, ms);
	WRITE_ONCE(sk->sk_rcvtimeo, msecs_to_jiffies(ms));
	WRITE_ONCE(sk->sk_sndtimeo, msecs_to_jiffies(ms));
}

/**
 * ndval_sock_tune() - Set all up for a time-out.
 * @sock: the socket
 * @ms: silence after which the peer is lost
 *
 * Keepalive notices a peer that vanished while nothing is sent; the user
 * time-out one that vanished while something is. PING does both for sockets
 * that have neither, and notices a peer whose kernel lives but does not serve.
 *
 * Context: process, the sender; sleeps.
 */
void ndval_sock_tune(struct ndval_sock *sock, u32 ms)
{
	struct sock *sk = sock->socket->sk;
	unsigned int seconds;

	if (ms == sock->tuned_ms)
		return;
	sock->tuned_ms = ms;
	ndval_sock_set_timeout(sock, ms);
	if (!is_tcp(sk))
		return;
	seconds = max(ms / 3000, 1U);
	tcp_sock_set_nodelay(sk);
	tcp_sock_set_user_timeout(sk, ms);
	tcp_sock_set_keepidle(sk, seconds);
	tcp_sock_set_keepintvl(sk, seconds);
	tcp_sock_set_keepcnt(sk, 3);
	sock_set_keepalive(sk);
}

/* Nothing will arrive that is sent: kTLS takes it all the same. */
static bool is_dead(const struct sock *sk)
{
	return READ_ONCE(sk->sk_shutdown) & SEND_SHUTDOWN ||
	       READ_ONCE(sk->sk_state) == TCP_CLOSE;
}

/**
 * ndval_sock_send() - Send a message whole.
 * @sock: the socket
 * @buffer: where the message begins
 * @len: its bytes
 *
 * What is sent is copied or encrypted, not referred to: another message may take its
 * place. A BPF program that holds TLS records back would see to the contrary; who may
 * load one sees the values anyway.
 *
 * Context: process, the sender; sleeps; no lock of ours is held.
 * Return: 0 or an errno that ends the link.
 */
int ndval_sock_send(struct ndval_sock *sock, struct ndval_buffer *buffer, size_t len)
{
	size_t done, piece;
	int sent;

	ndval_buffer_note(buffer, len);
	for (done = 0; done < len; done += piece) {
		struct msghdr msg = { .msg_flags = MSG_NOSIGNAL };

		piece = min_t(size_t, len - done, PIECE);
		ndval_buffer_iter(buffer, &msg.msg_iter, ITER_SOURCE, done, piece);
		sent = sock_sendmsg(sock->socket, &msg);
		/* A short count leaves half a message in the stream: no way on. */
		if (sent != piece)
			return sent < 0 ? sent : -ETIMEDOUT;
	}
	return sock->tls && is_dead(sock->socket->sk) ? -EPIPE : 0;
}

/**
 * ndval_sock_send_end() - The last message was sent: say so, if that is possible now.
 * @sock: the socket
 *
 * It proves to the peer that nothing was cut off. Nobody is waited for, as the
 * last message told as much already.
 *
 * Context: process, the sender; sleeps; no lock of ours is held.
 */
void ndval_sock_send_end(struct ndval_sock *sock)
{
	u8 alert[] = { ALERT_WARNING, ALERT_CLOSE_NOTIFY };
	struct kvec vec = { .iov_base = alert, .iov_len = sizeof(alert) };
	union control control = {
		.head = {
			.cmsg_level	= SOL_TLS,
			.cmsg_type	= TLS_SET_RECORD_TYPE,
			.cmsg_len	= CMSG_LEN(sizeof(u8)),
		},
	};
	struct msghdr msg = {
		.msg_flags	= MSG_NOSIGNAL | MSG_DONTWAIT,
		.msg_control	= &control,
		.msg_controllen	= sizeof(control),
	};

	if (!sock->tls)
		return;
	*(u8 *)CMSG_DATA(&control.head) = RECORD_ALERT;
	kernel_sendmsg(sock->socket, &msg, &vec, 1, sizeof(alert));
}

/*
 * Reads some bytes to where @msg says: of data, or of one record of another type. Only a
 * socket with TLS is given room for a control message; another kind would fill it with
 * what the peer sent along, file descriptors even.
 */
static int receive_some(struct ndval_sock *sock, struct msghdr *msg, int flags, u8 *type)
{
	union control control = {};
	int got;

	if (sock->tls) {
		msg->msg_control = &control;
		msg->msg_controllen = sizeof(control);
	}
	got = sock_recvmsg(sock->socket, msg, flags);
	if (control.head.cmsg_level == SOL_TLS &&
	    control.head.cmsg_type == TLS_GET_RECORD_TYPE)
		*type = *(u8 *)CMSG_DATA(&control.head);
	return got;
}

/* Keeps what a record says that is no data. Nothing of it is left where data goes. */
static int end_at_record(struct ndval_sock *sock, u8 type, u8 *record, int got)
{
	size_t have = min_t(size_t, got, sizeof(sock->said));

	/* Of an alert without its second byte it is not close_notify. */
	sock->said[1] = U8_MAX;
	memcpy(sock->said, record, have);
	memzero_explicit(record, got);
	if (have && have < sizeof(sock->said)) {
		/* There was no room for the rest, which is here already. */
		struct kvec rest = {
			.iov_base	= sock->said + have,
			.iov_len	= sizeof(sock->said) - have,
		};
		struct msghdr msg = {};
		u8 of_rest = type;

		iov_iter_kvec(&msg.msg_iter, ITER_DEST, &rest, 1, rest.iov_len);
		receive_some(sock, &msg, MSG_DONTWAIT, &of_rest);
		if (of_rest != type)
			sock->said[1] = U8_MAX;
	}
	sock->record = type;
	return -ESHUTDOWN;
}

/* Reads data, or what there is at once of it. */
static int receive_piece(struct ndval_sock *sock, struct ndval_buffer *buffer, size_t from,
			 size_t len, int flags, u8 *type)
{
	struct msghdr msg = {};

	ndval_buffer_iter(buffer, &msg.msg_iter, ITER_DEST, from, len);
	return receive_some(sock, &msg, flags, type);
}

/*
 * All at once is cheaper. But with TLS the time-out is for each record, so that a call for
 * many would have none, and AF_VSOCK refuses what is more than its own buffer.
 */
static int waits_for_all(const struct ndval_sock *sock)
{
	return sock->tls || sock->socket->sk->sk_family == AF_VSOCK ? 0 : MSG_WAITALL;
}

/* Returns how many bytes of data it has read, or an errno; none can't be. */
static int receive_data(struct ndval_sock *sock, struct ndval_buffer *buffer, size_t from,
			size_t len)
{
	int got = -EAGAIN;
	u8 type = 0;

	/* What a former message has left does not stay while more is awaited. */
	if (buffer->used > from)
		got = receive_piece(sock, buffer, from, len, MSG_DONTWAIT, &type);
	if (got == -EAGAIN) {
		ndval_buffer_wipe(buffer, from);
		got = receive_piece(sock, buffer, from, len, waits_for_all(sock), &type);
	}
	if (got > 0)
		ndval_buffer_note(buffer, from + got);
	if (got < 0)
		return sock->tls && got == -ECONNRESET ? -ECONNABORTED : got;
	if (sock->tls && type != RECORD_DATA && (got || type))
		return end_at_record(sock, type, buffer->data + from, got);
	if (!got)
		return sock->tls ? -ECONNABORTED : -ECONNRESET;
	return got;
}

/**
 * ndval_sock_receive() - Read exactly so many bytes of a message.
 * @sock: the socket; its @begun is false where a message begins
 * @buffer: where to; what a former message has left there may be wiped
 * @from: where in it
 * @len: how many
 *
 * Context: process, the receiver; sleeps.
 * Return: 0 or an errno that ends the link, for ndval_sock_explain(). What had come
 * by then is no message.
 */
int ndval_sock_receive(struct ndval_sock *sock, struct ndval_buffer *buffer, size_t from,
		       size_t len)
{
	while (len) {
		int got = receive_data(sock, buffer, from, len);

		if (got < 0)
			return got;
		from += got;
		len -= got;
		if (!sock->begun) {
			sock->begun = true;
			sock->deadline = jiffies + NDVAL_SOCK_PATIENCE *
				msecs_to_jiffies(READ_ONCE(sock->timeout_ms));
		} else if (len && time_after(jiffies, sock->deadline)) {
			return -ETIME;
		}
	}
	return 0;
}

static const char *name_of_alert(u8 number)
{
	switch (number) {
	case 10:
		return "unexpected_message";
	case 20:
		return "bad_record_mac";
	case 22:
		return "record_overflow";
	case 40:
		return "handshake_failure";
	case 50:
		return "decode_error";
	case 80:
		return "internal_error";
	case 90:
		return "user_canceled";
	}
	return "see RFC 8446";
}

static void explain_record(const struct ndval_sock *sock, char *text, size_t size)
{
	const u8 *said = sock->said;

	if (sock->record == RECORD_ALERT && said[0] && said[1] == ALERT_CLOSE_NOTIFY)
		snprintf(text, size, sock->begun ?
			 "the peer has ended the connection in the middle of a message" :
			 "the peer has closed the connection");
	else if (sock->record == RECORD_ALERT)
		snprintf(text, size, "the peer reports a TLS error: alert %u (%s)", said[1],
			 name_of_alert(said[1]));
	else if (sock->record != RECORD_HANDSHAKE)
		snprintf(text, size, "a TLS record of type %u, which a link has not",
			 sock->record);
	else if (said[0] == HANDSHAKE_KEY_UPDATE)
		snprintf(text, size,
			 "the peer wants to change its TLS key: a link is replaced by a new one instead");
	else if (said[0] == HANDSHAKE_NEW_SESSION_TICKET)
		snprintf(text, size,
			 "the peer has sent a TLS session ticket: switch tickets off there");
	else
		snprintf(text, size, "a TLS handshake message of type %u, which a link has not",
			 said[0]);
}

/**
 * ndval_sock_why() - Why a socket can't be used any more.
 * @sock: the socket
 * @err: as sending or receiving returned it
 *
 * Return: a sentence for people, or NULL if there is none.
 */
const char *ndval_sock_why(const struct ndval_sock *sock, int err)
{
	switch (err) {
	case -EPIPE:
	case -ECONNRESET:
		return "the peer has closed the connection";
	case -ECONNABORTED:
		return sock->tls ? "the connection was cut off: TLS did not come to its end" :
				   NULL;
	case -EBADMSG:
		return "a TLS record was changed, repeated or left out, or has another key";
	case -EMSGSIZE:
	case -EINVAL:
		return sock->tls ? "what came is no record of TLS 1.3" : NULL;
	}
	return NULL;
}

/**
 * ndval_sock_explain() - Why nothing comes any more.
 * @sock: the socket
 * @err: as ndval_sock_receive() returned it
 * @text: gets a sentence for people
 * @size: bytes that fit, with the NUL
 */
void ndval_sock_explain(const struct ndval_sock *sock, int err, char *text, size_t size)
{
	const char *why = ndval_sock_why(sock, err);

	if (sock->record)
		explain_record(sock, text, size);
	else if (err == -EAGAIN)
		snprintf(text, size, "the peer was silent for %u ms", sock->timeout_ms);
	else if (err == -ETIME)
		snprintf(text, size, "the peer took longer than %u ms for one message",
			 NDVAL_SOCK_PATIENCE * sock->timeout_ms);
	else if (why)
		snprintf(text, size, "%s", why);
	else
		snprintf(text, size, "could not receive: error %d", -err);
}
