/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * peer: a member that is not a kernel. It speaks the wire protocol over one
 * end of a socketpair, of which the other end was attached, as well or as
 * badly as a test wants. The tests of links use it; peer.c has the code.
 *
 *	host_open(&host);			netlink and events
 *	peer_connect(&host, &peer, "m1", "m2");	attached as m1, to us, m2
 *	peer_greet(&peer);			HELLO both ways
 *	peer_expect(&peer, NDVAL_WIRE_CMD_PAIR, &said);
 *
 * A message to send is a struct wire, made by wire_*() and sent by
 * peer_send(); between the two a test may do to it what it likes. A message
 * that came is a struct said. Nothing waits longer than PATIENCE_MS.
 */
#ifndef NDVAL_TEST_PEER_H
#define NDVAL_TEST_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/types.h>
#include <linux/ndval.h>

#include "../../driver/wire_enum_gen.h"
#include "../../tools/lib/nl.h"

/* Longest that anything is waited for, in ms; an emulated host is slow. */
#define PATIENCE_MS	20000

/* How long nothing must come before we believe that nothing comes, in ms. */
#define QUIET_MS	150

/* Most bytes of a message that a test makes. */
#define WIRE_MAX	65536

/* Identity of the stream "default" at our primary. */
#define FAKE_STREAM_ID	0xd00dULL

/* Most epochs that a history has. */
#define EPOCHS		16

/* Bytes of a reason with its NUL. */
#define REASON_SIZE	256

/* The kernel's side of a test. */
struct host {
	struct nl	*nl;
	__u64		seq;		/* of the last event */
	bool		overrun;	/* events were lost */
	bool		gap;		/* a number was left out */
};

/* One end of a link. */
struct peer {
	int		fd;
	__u32		link;		/* the kernel's number of it */
	const char	*to;		/* the kernel's member */
	const char	*name;		/* ours */
	__u64		id;
	__u64		serial;
	bool		mute;		/* do not answer PING */
	char		in[WIRE_MAX];
	size_t		filled;
};

/* A message to send. */
struct wire {
	struct nlmsghdr	*nlh;		/* points to buf, which is aligned as it is */
	char		buf[WIRE_MAX];
};

/* A message that came: its command, and its attributes by type. */
struct said {
	const struct nlattr	*tb[NDVAL_WIRE_A_MAX + 1];
	char			buf[WIRE_MAX];	/* aligned as what is before it */
	int			cmd;
};

/* One of a history. */
struct epoch {
	__u64		number;
	__u64		id;
};

/* What we say of a pair in PAIR, and in what follows. */
struct side {
	const char	*pair;
	__u64		incarnation;
	__u64		epoch;
	__u64		epoch_id;
	__u64		pair_id;
	__u64		seen_id;
	__u64		for_id;		/* 0: the kernel's object that spoke last */
	__u32		role;
	__u32		max_streams;
	__u32		ring_size;
	__u64		serial;
	__u32		bind;
	__u32		commit;
	__u32		on_peer_loss;
	__u32		on_divergence;
	bool		diverged;
	bool		gone;
	bool		removed;	/* and, though gone, there is such a pair */
	bool		in_sync;
	bool		behind;
	struct epoch	past[EPOCHS];	/* before the current one, which wire_pair() adds */
	unsigned int	npast;
};

struct fetch {
	const char	*stream;	/* NULL: END */
	__u64		id;
	__u64		have;
	__u64		want;
	__u64		demand;
	__u64		need;
	bool		again;
	bool		takeover;
	bool		journal;
};

struct values {
	const char	*stream;
	__u64		id;
	__u64		committed;
	__u64		tail;
	__u64		need;
	__u64		offset;
	size_t		len;
	const void	*data;		/* NULL: pattern() */
	__u64		limit;		/* L; 0: the end of the bytes */
	bool		held;		/* L is 0 */
	__u32		drops;
	const __u64	*starts;	/* EPOCHS of them; NULL: not said */
	bool		journal;	/* data is of whole records */
	bool		again;
};

/* A record of a journal, as on the wire. */
struct record {
	__u32		kind;
	__u32		length;
	__u64		place;
	__u64		origin;
	__u32		instance;
	__u32		pid;
	char		comm[16];
	unsigned char	value[NDVAL_AGREED_MAX];
};

/* Bytes of it before the value, and of all of it in the journal. */
#define RECORD_HEAD	48
#define RECORD_SIZE(len)	((RECORD_HEAD + (len) + 7) / 8 * 8)

/* Identity of the journal of the stream "default" at our primary. */
#define FAKE_JOURNAL_ID	0xd00eULL

struct stop {
	__u64		offset;
	__u64		digest;
};

/* Most stops that a CHECK may tell. */
#define STOPS		16

struct check {
	const char	*stream;
	__u64		id;
	__u32		instance;
	__u32		run;
	struct stop	stops[STOPS + 1];
	unsigned int	n;
	__u32		length;
	__u32		pid;
	const char	*comm;		/* NULL: none */
	__u64		found_at;	/* 0: nothing was found */
	__u32		found_instance;
};

/* A fake member with all it needs, for one link of one pair. */
struct fake {
	struct peer	peer;
	struct side	side;
	struct wire	wire;
	struct said	said;
};

/* How far the two have come before the lie. */
enum stage {
	SILENT,		/* nothing said */
	GREETED,	/* HELLO */
	JOINED,		/* PAIR: the kernel follows us, or we follow the kernel */
};

bool file_is_ready(int fd, short events, long long ms);

/* The kernel's side */

bool host_open(struct host *host);
void host_close(struct host *host);
int host_call(struct host *host, __u8 cmd, __u16 type, const char *name);
int host_attach(struct host *host, const char *member, const char *peer, int fd,
		__u32 *id);
int host_pair(struct host *host, const char *name, const char *group,
	      const char *member, const char *peer);
int host_set(struct host *host, const char *pair, __u16 type, __u64 value);
int host_promote(struct host *host, const char *pair);
int host_take_over(struct host *host, const char *pair);
int host_add_peer(struct host *host, const char *pair, const char *peer);
void host_pair_del(struct host *host, const char *pair);
bool host_member_del(struct host *host, const char *name);
__u64 host_pair_get(struct host *host, const char *pair, __u16 type);
__u32 host_peer_state(struct host *host, const char *pair, const char *peer,
		      char *reason);
bool host_peer_is(struct host *host, const char *pair, const char *peer, __u32 state);
__u64 host_stream_get(struct host *host, const char *pair, const char *stream,
		      __u16 type);
bool host_link_down(struct host *host, __u32 link, char *reason);
__u64 host_link_get(struct host *host, __u32 link, __u16 type);
bool host_link_lives(struct host *host, __u32 link);
bool host_refused_well(struct host *host, int err);
void host_skip_events(struct host *host);

/* A link */

bool peer_attach(struct host *host, struct peer *peer, const char *to,
		 const char *name, int kernel_end, int our_end);
bool peer_connect(struct host *host, struct peer *peer, const char *to,
		  const char *name);
bool peer_greet(struct peer *peer);
void peer_close(struct peer *peer);
bool peer_write(struct peer *peer, const void *data, size_t len);
bool peer_send(struct peer *peer, const struct wire *wire);
int peer_receive(struct peer *peer, struct said *said, int ms);
bool peer_expect(struct peer *peer, int cmd, struct said *said);
bool peer_expect_eof(struct peer *peer);
bool peer_is_served(struct peer *peer);

__u64 said_u64(const struct said *said, int type);
__u32 said_u32(const struct said *said, int type);
const char *said_text(const struct said *said, int type);
__u64 said_value_offset(const struct said *said);
const void *said_value(const struct said *said, size_t *len);

/* Messages */

void wire_begin(struct wire *wire, int cmd);
void wire_hello(struct wire *wire, const struct peer *peer);
void wire_pair(struct wire *wire, const struct side *side);
void wire_fetch(struct wire *wire, const struct side *side, const struct fetch *fetch);
void wire_values(struct wire *wire, const struct side *side, const struct values *values);
void wire_sync(struct wire *wire, const struct side *side, const char *stream, __u64 id,
	       const __u64 *starts);
void wire_takeover(struct wire *wire, const struct side *side, __u32 error);
void wire_handover(struct wire *wire, const struct side *side);
void wire_stream_del(struct wire *wire, const struct side *side, const char *stream,
		     __u64 id, __u32 error);
void wire_check(struct wire *wire, const struct side *side, const struct check *check);
void wire_propose(struct wire *wire, const struct side *side, const char *stream, __u64 id,
		  const struct record *record);
void wire_time(struct wire *wire, int cmd, __u64 time);
void wire_bye(struct wire *wire, const char *reason);
struct nlattr *wire_attr(struct wire *wire, int type);
void wire_drop(struct wire *wire, int type);
void wire_repeat(struct wire *wire, int type);
void wire_shape(struct wire *wire, int type, const void *data, size_t len);

/* Shorthands: make and send. */
bool say_pair(struct peer *peer, const struct side *side);
bool say_fetch(struct peer *peer, const struct side *side, const struct fetch *fetch);
bool say_end(struct peer *peer, const struct side *side);
bool say_values(struct peer *peer, const struct side *side, const struct values *values);
bool say_sync(struct peer *peer, const struct side *side, const char *stream, __u64 id,
	      const __u64 *starts);
bool say_sync_end(struct peer *peer, const struct side *side);
bool say_propose(struct peer *peer, const struct side *side, const char *stream, __u64 id,
		 const struct record *record);
bool say_check(struct peer *peer, const struct side *side, const struct check *check);
bool say_takeover(struct peer *peer, const struct side *side, __u32 error);
bool say_handover(struct peer *peer, const struct side *side);

/* A whole handshake; the pair must be on the kernel's side. */
bool fake_connect(struct host *host, struct fake *fake, const char *to, const char *name);
bool fake_follow(struct fake *fake);
bool fake_lead(struct fake *fake);
bool fake_lead_all(struct host *host, struct fake *fake, const char *name);
bool fake_push(struct fake *fake, __u64 offset, size_t len);
bool fake_stores(struct fake *fake, const char *stream, __u64 have);
bool fake_come_to(struct host *host, struct fake *fake, enum stage stage);
void fake_make(struct fake *fake, int cmd);
bool fake_hang_up(struct host *host, struct fake *fake);

/* A side, as a secondary that knows nothing or as the primary of a new pair. */
void side_secondary(struct side *side, const char *pair);
void side_primary(struct side *side, const char *pair);
bool side_adopt(struct side *side, const struct said *pair);
void side_promote(struct side *side, __u64 epoch_id);

unsigned char pattern(__u64 offset);
bool reads_pattern(int fd, __u64 offset, size_t len);
void pattern_fill(void *to, __u64 offset, size_t len);
__u64 draw(__u64 *seed);

#endif /* NDVAL_TEST_PEER_H */
