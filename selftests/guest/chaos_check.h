/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chaos_check: the judge of a round of chaos. It is told of every value that
 * anybody got, and says whether the invariants of the documentation held:
 *
 *	agreement	two members never gave other values for one place
 *	once		an instance gets each place once, and skips none
 *	commit		who takes over stores all that was given anywhere
 *	bounded		a pair's memory stays below its limit
 *	time		no reading of a clock is below one at an earlier place
 *
 * Each stream has a book of its bytes and another one of its journal: there, a place
 * is one of the bytes of records, so that all that holds for bytes is held of them.
 *
 * A strict round allows no difference at all. A round that is not (async, force,
 * going on after a cut that nobody fenced) may differ, but members that are in
 * one epoch, and are not reported as diverged, must have given the same: the
 * difference was reported before it could spread. It knows no kernel and no
 * member: what it is told may be invented.
 */
#ifndef NDVAL_TEST_CHAOS_CHECK_H
#define NDVAL_TEST_CHAOS_CHECK_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <linux/types.h>

#define CHAOS_MEMBERS	3
#define CHAOS_STREAMS	4

/* Most bytes of a stream in one round, and most of its journal. */
#define CHAOS_BYTES	(384 * 1024)

/* The book of a stream's journal stands behind those of all streams. */
#define CHAOS_JOURNAL(stream)	(CHAOS_STREAMS + (stream))
#define CHAOS_BOOKS	(2 * CHAOS_STREAMS)

/* Most readings of a stream's clocks in one round: no record is shorter. */
#define CHAOS_READINGS	(CHAOS_BYTES / 64)

/* What was got at each offset, as far as it is known. */
struct book {
	__u8	value[CHAOS_BYTES];
	__u8	known[CHAOS_BYTES];	/* 0, or one more than who got it first */
	__u64	end;			/* nothing is known from here on */
};

/* A reading of a clock in a journal. */
struct reading {
	__u64		place;
	__u64		value;
	__u64		steps;		/* how often it was set before */
	unsigned int	clock;
};

/* The known readings of a journal, by place. */
struct readings {
	struct reading	at[CHAOS_READINGS];
	size_t		n;
};

/* What the judge says was violated. */
enum fault {
	FAULT_NONE,
	FAULT_AGREEMENT,
	FAULT_ONCE,
	FAULT_COMMIT,
	FAULT_MEMORY,
	FAULT_TIME,
	FAULT_UNREPORTED,	/* a difference that nobody was told of */
	FAULT_STATE,		/* a state that this round can't lead to */
	FAULT_HUNG,		/* what must happen did not */
	FAULTS
};

/* How much was looked at, in bytes. */
struct tally {
	__u64		values;		/* that somebody got */
	__u64		compared;	/* that somebody else had got before */
	__u64		audited;	/* that a new primary had to store */
};

struct judge {
	pthread_mutex_t	lock;
	bool		strict;
	bool		durable_only;	/* commit holds for what fsync confirmed */
	struct book	all[CHAOS_BOOKS];
	struct book	own[CHAOS_MEMBERS][CHAOS_BOOKS];
	struct book	durable[CHAOS_BOOKS];	/* what fsync confirmed */
	__u64		next[CHAOS_MEMBERS][CHAOS_BOOKS];
	__u64		confirmed[CHAOS_MEMBERS][CHAOS_BOOKS];
	struct readings	all_time[CHAOS_STREAMS];
	struct readings	own_time[CHAOS_MEMBERS][CHAOS_STREAMS];
	struct readings	durable_time[CHAOS_STREAMS];
	enum fault	fault;		/* the first */
	unsigned int	faults;
	char		what[256];	/* the first, for people */
	/* Of all rounds: */
	struct tally	bytes;
	struct tally	journal;
	__u64		readings;	/* that were compared with their neighbours */
	__u64		differed;	/* in rounds that are not strict */
};

struct judge *check_new(void);
void check_free(struct judge *check);
void check_begin(struct judge *check, bool strict, bool durable_only);
void check_forget(struct judge *check, unsigned int member);
void check_position(struct judge *check, unsigned int member, unsigned int stream,
		    __u64 offset);
void check_deliver(struct judge *check, unsigned int member, unsigned int stream,
		   __u64 offset, const void *bytes, size_t len);
void check_durable(struct judge *check, unsigned int member, unsigned int stream,
		   __u64 end);
__u64 check_next(struct judge *check, unsigned int member, unsigned int stream);
__u64 check_needed(struct judge *check, unsigned int stream);
void check_all_needed(struct judge *check, __u64 needed[CHAOS_BOOKS]);
void check_clock(struct judge *check, unsigned int member, unsigned int stream,
		 const struct reading *reading);
void check_stores(struct judge *check, unsigned int member, unsigned int stream,
		  __u64 offset, const void *bytes, size_t len);
void check_head(struct judge *check, unsigned int member, unsigned int stream, __u64 head,
		__u64 needed);
void check_same(struct judge *check, unsigned int one, unsigned int other);
bool check_differ(struct judge *check, unsigned int one, unsigned int other);
void check_memory(struct judge *check, unsigned int member, __u64 memory, __u64 max);
__attribute__((format(printf, 3, 4)))
void check_fault(struct judge *check, enum fault fault, const char *fmt, ...);
const char *fault_name(enum fault fault);

#endif /* NDVAL_TEST_CHAOS_CHECK_H */
