/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * chaos: two or three members of one group in this kernel, applications that
 * read at each of them, links that can be harmed, and a cluster manager that is
 * right: it goes on without a member only after it has seen to it that this
 * member will not be promoted. chaos_world.c has the members, chaos_app.c the
 * applications, chaos_journal.c what they draw from journals, chaos_manager.c the
 * manager, chaos_steps.c what happens.
 */
#ifndef NDVAL_TEST_CHAOS_H
#define NDVAL_TEST_CHAOS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <linux/types.h>

#include "chaos_check.h"
#include "chaos_relay.h"
#include "peer.h"

#define STEPS_TEXT	16384

/* Longest read of an application; most are much shorter. */
#define READ_MAX	9000

/* Where it ends surely not before. */
#define APP_BYTES	(CHAOS_BYTES - READ_MAX)

/* Debug only: bits of /sys/kernel/debug/ndval/broken. */
#define BROKEN_FILE	"/sys/kernel/debug/ndval/broken"

/* What the pair promises, and what the manager does for it. */
enum mode {
	MODE_SUSPEND,		/* sync; waits for the manager's word */
	MODE_CONTINUE,		/* sync; the manager acts before anything else does */
	MODE_ASYNC,		/* what fsync confirmed is safe; else as MODE_SUSPEND */
	MODE_SPLIT,		/* continue, cuts and promotions that nobody fences */
	MODE_FORCE,		/* --force, whatever speaks against it */
	MODES
};

/* What an application is doing. */
enum app_state {
	APP_RUNS,
	APP_LOST,		/* EPIPE: waits to be repositioned */
	APP_STALE,		/* ESTALE: waits for a resync, then to be repositioned */
	APP_GONE,		/* ENODEV, or it was told to end */
};

/* One stream of an application. */
struct app {
	struct world	*world;
	unsigned int	member;
	unsigned int	stream;
	bool		started;
	bool		blocks;
	pthread_t	thread;
	__u64		random;
	__u64		life;		/* tells its offers from those of all others */
	__u64		pace;		/* longest pause, in us */
	__u64		offset;		/* where it stands; its thread's, */
	__u64		record;		/* and in the journal */
	atomic_int	state;
	atomic_bool	hold;		/* it is to stand still */
	atomic_bool	stands;
	atomic_bool	opened;
	atomic_bool	quit;
	atomic_bool	record_lost;	/* APP_LOST: in the journal */
	atomic_llong	at;		/* where to go on, -1: where it stands */
	atomic_llong	record_at;	/* likewise in the journal */
};

struct member {
	char		name[8];
	char		pair[8];
	bool		alive;		/* the pair is there */
	struct app	apps[CHAOS_STREAMS];
};

/* A link between two members, of which the lower numbered is side 0. */
struct joint {
	int		relay;		/* number there, or -1 */
	bool		whole;		/* nobody has harmed it */
};

/* Numbers of all rounds. */
struct score {
	__u64		rounds;
	__u64		steps;
	__u64		kills;		/* of a member, as by a power cut */
	__u64		promoted;
	__u64		switched;
	__u64		refused;	/* promotions */
	__u64		stuck;		/* rounds that ended with nobody to promote */
	__u64		diverged;	/* reported */
	__u64		forced;
	__u64		lost;		/* instances */
	__u64		fsyncs;
	__u64		records;	/* that applications drew */
	__u64		set;		/* clocks */
};

struct world {
	struct host	host;
	struct relay	relay;
	struct judge	*check;
	__u64		seed;
	__u64		random;
	enum mode	mode;
	unsigned int	members;
	unsigned int	streams;	/* that applications read */
	struct member	member[CHAOS_MEMBERS];
	struct joint	joint[CHAOS_MEMBERS][CHAOS_MEMBERS];
	__u64		ring_size;
	__u64		journal_size;
	__u64		prefetch;
	__u64		memory_max;
	__u32		overflow;
	__u32		peer_timeout;
	int		primary;	/* -1: none, as far as the manager knows */
	bool		over;		/* nobody may be promoted any more */
	bool		bold;		/* tries whom it knows to be not in sync */
	double		slower;
	struct score	score;
	/* Of this round, from events: */
	unsigned int	reported[CHAOS_MEMBERS];	/* as diverged */
	unsigned int	forced_events;
	unsigned int	fenced_events;
	__u32		op_wanted;
	bool		op_done;
	__u32		op_error;
	char		steps[STEPS_TEXT];
	size_t		steps_len;
};

/* chaos_world.c */
bool world_open(struct world *world);
void world_close(struct world *world);
void world_begin(struct world *world, __u64 seed, int mode, unsigned int members);
void world_end(struct world *world);
__attribute__((format(printf, 2, 3)))
void world_say(struct world *world, const char *fmt, ...);
__u64 world_draw(struct world *world, __u64 below);
void world_events(struct world *world);
__u64 world_get(struct world *world, unsigned int member, __u16 type);
__u64 world_stream(struct world *world, unsigned int member, unsigned int stream,
		   __u16 type);
int world_command(struct world *world, unsigned int member, __u8 cmd);
int world_peer_outdate(struct world *world, unsigned int member, unsigned int peer);
int world_promote(struct world *world, unsigned int member, __u16 flag);
int world_switchover(struct world *world, unsigned int to);
int world_finish(struct world *world);
bool world_may_lead(struct world *world, unsigned int member);
bool world_is_primary(struct world *world, unsigned int member);
bool world_follows(struct world *world, unsigned int member);
struct joint *world_joint(struct world *world, unsigned int a, unsigned int b);
bool world_joined(struct world *world, unsigned int a, unsigned int b);
void world_join(struct world *world, unsigned int a, unsigned int b);
void world_member_new(struct world *world, unsigned int member);
void world_member_kill(struct world *world, unsigned int member, bool last_words);
void world_audit(struct world *world, unsigned int member, const __u64 *needed, __u64 most);
void world_explain(struct world *world);

/* chaos_app.c */
const char *app_stream_name(unsigned int stream);
bool app_start(struct world *world, unsigned int member, unsigned int stream, __u64 seed);
void app_join(struct app *app);
bool app_hold(struct app *app);
void app_go(struct app *app);
void app_put(struct app *app, long long at, long long record_at);
enum app_state app_state_after(struct app *app, int err);
void app_look_up(struct app *app, int fd);
bool apps_are(struct world *world, unsigned int member, bool (*ask)(const struct app *app));
bool app_waits(const struct app *app);
bool app_has_opened(const struct app *app);
bool app_is_gone(const struct app *app);

/* chaos_journal.c */
__u32 journal_offer(unsigned int member, __u64 life, __u64 place, __u8 *value);
bool journal_was_offered(__u64 place, const __u8 *value, __u32 length);
void app_draw_record(struct app *app, int fd);
long long journal_place(struct world *world, unsigned int member, unsigned int stream);
void journal_audit(struct world *world, unsigned int member, unsigned int stream,
		   __u64 needed);

/* chaos_manager.c */
bool is_strict(const struct world *world);
void manager_release(struct world *world);
void manager_note_loss(struct world *world, unsigned int a, unsigned int b);
void manager_drop_harmed(struct world *world, unsigned int member);
bool manager_sees(struct world *world, unsigned int member, unsigned int other);
void manager_failover(struct world *world);
int manager_find_primary(struct world *world, double wait);
void manager_reposition(struct world *world);
void manager_resync(struct world *world, unsigned int member);
void manager_heal(struct world *world);
void manager_relink(struct world *world);
void manager_settle(struct world *world);

/* chaos_steps.c */
void chaos_round(struct world *world, unsigned int steps);
const char *mode_name(enum mode mode);

#endif /* NDVAL_TEST_CHAOS_H */
