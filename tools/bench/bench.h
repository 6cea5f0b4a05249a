/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the benchmark share: how something is measured (measure.c), and the
 * pairs that it is measured on (world.c).
 *
 * What is measured is called once for each operation, in batches. A batch is a fixed
 * amount of work, whole chunks of a stream where that is possible, so that each has its
 * share of what is done once in a chunk. Before it the world is brought to where it was
 * before the last one; that does not count.
 *
 * Of each operation two figures are taken: the total, of all that the machine did
 * meanwhile, and the part of the calling thread. They differ where a link's threads
 * work along, for both hosts in this one kernel.
 */
#ifndef NDVAL_BENCH_H
#define NDVAL_BENCH_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include "peer.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define KB		1024UL
#define MB		(1024UL * KB)

/* Ends the program: what it should have measured it can't. */
#define need(condition)								\
	do {									\
		if (!(condition))						\
			give_up(__FILE__, __LINE__, #condition);		\
	} while (0)

void give_up(const char *file, int line, const char *what) __attribute__((noreturn));

/* How to measure. */
struct plan {
	bool	wall;		/* by the clock, instead of the cycle counter */
	int	batches;	/* that count; one more comes first */
	int	divide;		/* work of a batch is so many times less */
	bool	quick;		/* three sizes of reads only */
	const char *name;	/* what is called so only, or NULL */
	size_t	size;		/* and of this size only, or 0 */
};

extern struct plan plan;

#define SIZES	9

extern const size_t sizes[SIZES];

/* What is measured. */
struct task {
	const char	*group;
	const char	*name;
	size_t		size;		/* bytes of an operation, 0 if that says nothing */
	long		ops;		/* in a batch */
	void		*data;
	void		(*before)(void *data, const struct task *task);	/* or NULL */
	void		(*op)(void *data, size_t size);
	const char	*more;		/* JSON members for the line, or NULL */
};

/* The batches of a task that is under way. */
struct figures {
	double	total[64];
	double	own[64];
	int	count;			/* with the first one, which does not count */
};

uint64_t now(void);
void measure_batch(const struct task *task, struct figures *figures);
void measure_print(const struct task *task, struct figures *figures);
void measure_times(const struct task *task, int batches);
void measure(const struct task *task);
void print_value(const char *group, const char *name, size_t size, double value);
long ops_of(size_t size, size_t bytes);
bool is_wanted(const char *name, size_t size);

/* Reads and writes all of it, or gives up. */
void read_all(int fd, void *to, size_t len);
void write_all(int fd, const void *from, size_t len);

extern char buffer[4 * MB];

/* How two members are joined. */
enum carrier {
	UNIX,
	TCP,
	TLS,
};

struct world {
	struct host	host;
	int		ends[2];	/* of the link; the kernel has them too */
};

void world_pair(const char *name, const char *settings);
void world_pair_end(const char *name);
void world_two(struct world *world, enum carrier carrier, const char *settings);
void world_two_end(struct world *world);
int world_open(const char *pair, const char *stream, unsigned int instance);
void world_await_head(int fd, uint64_t head);
void world_await_committed(int fd, uint64_t end);
uint64_t world_position(int fd);
bool world_stream_pair(enum carrier carrier, int *ends);

/* A copy of the primary, and one of the secondary that is ahead of it. */
struct copies {
	int	primary;
	int	secondary;
};

void measure_trip(const char *group, const char *name, size_t size, struct copies *copies,
		  const char *more);

/* Parts, each a word of the command line. */
void bench_read(void);
void bench_journal(void);
void bench_link(void);
void bench_wire(void);
void bench_pairs(void);
void bench_streams(void);
void bench_window(void);
void bench_request(void);
void bench_threads(void);

#endif /* NDVAL_BENCH_H */
