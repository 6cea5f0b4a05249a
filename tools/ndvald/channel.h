/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A connection that carries lines, in clear or with TLS.
 */
#ifndef NDVALD_CHANNEL_H
#define NDVALD_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>

struct session;

#define CHANNEL_LINE_MAX	160

/**
 * struct channel - a connection
 * @fd: non-blocking; whoever has the channel closes it
 * @session: NULL, in clear
 * @length: of @line
 * @line: what has been read so far
 */
struct channel {
	int fd;
	struct session *session;
	size_t length;
	char line[CHANNEL_LINE_MAX + 1];
};

bool channel_starts_tls(const struct channel *channel);
int channel_read_line(struct channel *channel);
bool channel_send_line(struct channel *channel, const char *line);
void channel_deny(struct channel *channel);
void channel_drain(const struct channel *channel);

#endif /* NDVALD_CHANNEL_H */
