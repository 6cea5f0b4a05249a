/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * storm: who reads while a storm takes everything away. Processes and threads
 * that read for ever, and check all that they get: an errno must be one that
 * is documented, and nobody may get another value than somebody else at the
 * same place of the same life of a pair. storm.c has the code.
 */
#ifndef NDVAL_TEST_STORM_H
#define NDVAL_TEST_STORM_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <linux/types.h>

/* The blocks that were seen last, each in one word; see see_block(). */
#define SEEN		65536

/* What all readers together saw; in memory that they share. */
struct tally {
	atomic_ulong	reads;
	atomic_ulong	cut;		/* by a signal */
	atomic_ulong	removed;	/* ENODEV: the pair went */
	atomic_ulong	gone;		/* ESTALE: the stream went, or diverged */
	atomic_ulong	lost;		/* EPIPE */
	atomic_ulong	agreed;		/* blocks that another reader got too */
	atomic_ulong	joined;		/* of these, at the other pair */
	atomic_ulong	forged;		/* blocks of the fake peer */
	atomic_ulong	drawn;		/* clocks and agreed values, of threads */
	atomic_ulong	shared;		/* values agreed with another reader */
	atomic_ulong	united;		/* of these, at the other pair */
	atomic_ulong	differed;	/* what must never be */
	atomic_ulong	odd;		/* errnos that are not documented */
	atomic_int	errnum;		/* the last of these */
	atomic_ullong	seen[SEEN];
};

/* A thread of the test that reads in a file until it is cancelled. */
struct worker {
	pthread_t	thread;
	bool		runs;
	bool		waits;		/* by epoll, and reads without waiting */
	bool		draws;		/* clocks and agreed values, and reads nothing */
	int		fd;		/* always open, on a node or not */
	__u64		number;
	struct tally	*tally;
};

/*
 * Where a reader is, from a number: bit 0 is the pair, 1 and 2 are the stream, 3
 * the instance, 4 how it waits. Streams that are compared have exclusive readers.
 */
#define NUMBER_SHARED	0x2
#define NUMBER_WAITS	0x10

const char *pair_name(__u64 number);
const char *stream_name(__u64 number);

struct tally *tally_new(void);
void catch_signals(void);
void read_for_ever(struct tally *tally, __u64 number);
bool worker_start(struct worker *worker);
void worker_end(struct worker *worker);

#endif /* NDVAL_TEST_STORM_H */
