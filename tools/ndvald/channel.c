// SPDX-License-Identifier: GPL-2.0-only
/*
 * Lines are read no further than their newline: what comes behind it is not
 * for ndvald. So in clear one byte is read at a time, and with TLS a line has
 * a record of its own.
 */
#include "channel.h"
#include "session.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#define TLS_HANDSHAKE	0x16	/* first byte of a TLS connection */

/**
 * channel_starts_tls() - is TLS what comes?
 * @channel: of which nothing was read yet
 *
 * Return: whether it is; false also if nothing has come.
 */
bool channel_starts_tls(const struct channel *channel)
{
	char byte;

	return !channel->session && !channel->length &&
	       recv(channel->fd, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 1 && byte == TLS_HANDSHAKE;
}

static int read_clear(struct channel *channel)
{
	ssize_t received;
	char byte;

	for (;;) {
		received = recv(channel->fd, &byte, 1, MSG_DONTWAIT);
		if (received < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (!received)
			return -ECONNRESET;
		if (byte == '\n') {
			channel->line[channel->length] = '\0';
			return 1;
		}
		if (!byte || channel->length == CHANNEL_LINE_MAX)
			return -EPROTO;
		channel->line[channel->length++] = byte;
	}
}

static int read_record(struct channel *channel)
{
	char record[CHANNEL_LINE_MAX + 1];
	ssize_t size;

	size = session_receive(channel->session, record, sizeof(record));
	if (size == -EAGAIN)
		return 0;
	if (size <= 0)
		return size ? size : -ECONNRESET;
	if (memchr(record, '\0', size) || memchr(record, '\n', size) != record + size - 1)
		return -EPROTO;
	memcpy(channel->line, record, size - 1);
	channel->line[size - 1] = '\0';
	return 1;
}

/**
 * channel_read_line() - read a line
 * @channel: where from
 *
 * Return: 1, it is in @channel->line, without its newline; 0, not yet;
 * -EPROTO, that is no line; -EBADMSG, see session_problem(); or another
 * negative errno.
 */
int channel_read_line(struct channel *channel)
{
	return channel->session ? read_record(channel) : read_clear(channel);
}

/**
 * channel_send_line() - send a line
 * @channel: where to
 * @line: with its newline; it fits into the buffer of a fresh socket as a whole,
 *	or the socket is bad
 *
 * Return: whether it was sent.
 */
bool channel_send_line(struct channel *channel, const char *line)
{
	size_t length = strlen(line);

	if (channel->session)
		return session_send(channel->session, line);
	return send(channel->fd, line, length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)length;
}

/**
 * channel_deny() - answer the start of TLS with no more than a refusal
 * @channel: after channel_starts_tls()
 */
void channel_deny(struct channel *channel)
{
	/* A record of an alert: fatal, access denied. */
	static const unsigned char alert[] = { 21, 3, 3, 0, 2, 2, 49 };

	channel_drain(channel);
	send(channel->fd, alert, sizeof(alert), MSG_NOSIGNAL | MSG_DONTWAIT);
}

/**
 * channel_drain() - throw away what has come
 * @channel: that is about to be closed
 *
 * Closing a connection with something unread in it takes along what was sent
 * last: TCP resets it.
 */
void channel_drain(const struct channel *channel)
{
	char waste[4096];
	int i;

	for (i = 0; i < 8; i++) {
		if (recv(channel->fd, waste, sizeof(waste), MSG_DONTWAIT) <= 0)
			break;
	}
}
