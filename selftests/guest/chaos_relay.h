/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chaos_relay: links that can be harmed. Between the sockets that two members
 * of this kernel are given, a thread carries the bytes, or holds one direction
 * back, or is slow, or closes one side and not (yet) the other.
 *
 *	relay_open(&relay);
 *	link = relay_join(&relay, ends);	both ends are to be attached
 *	relay_hold(&relay, link, 0, true);	what side 0 sends waits
 *	relay_end(&relay, link, 0);		side 0 sees the end; what it sent
 *						goes on to side 1, and then the end
 *	relay_last(&relay, link, 0);		what side 0 sends from now on is not
 *						heard; what it has sent waits
 *	relay_drop(&relay, link);		both see the end; the rest is lost
 */
#ifndef NDVAL_TEST_CHAOS_RELAY_H
#define NDVAL_TEST_CHAOS_RELAY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#define RELAY_LINKS	16
#define RELAY_BUFFER	(256 * 1024)

/* What one side sent and the other has not got. */
struct relay_way {
	bool	held;
	bool	last;		/* nothing is taken any more */
	int	delay;		/* ms */
	double	due;		/* when the bytes may go on */
	size_t	from;
	size_t	to;
	char	bytes[RELAY_BUFFER];
};

struct relay_link {
	bool			used;
	int			fd[2];		/* -1: closed */
	struct relay_way	way[2];		/* [0]: from side 0 to side 1 */
};

struct relay {
	pthread_t		thread;
	pthread_mutex_t		lock;
	int			kick;		/* eventfd: something has changed */
	bool			quit;
	struct relay_link	links[RELAY_LINKS];
};

bool relay_open(struct relay *relay);
void relay_close(struct relay *relay);
int relay_join(struct relay *relay, int ends[2]);
void relay_hold(struct relay *relay, int link, int side, bool held);
void relay_delay(struct relay *relay, int link, int ms);
void relay_last(struct relay *relay, int link, int side);
void relay_end(struct relay *relay, int link, int side);
void relay_drop(struct relay *relay, int link);

#endif /* NDVAL_TEST_CHAOS_RELAY_H */
