/* SPDX-License-Identifier: GPL-2.0-only
 *
 * ndval: roles, epochs, positions, acknowledgement, loss, crash, promotion,
 * hand-over and return of a pair, one stream. README.rst tells what is left
 * out, how this maps to the code, and what was found.
 *
 *	spin -a -DN=3 -DMAXP=1 ndval.pml
 *	gcc -O2 -w -DSAFETY -DNOREDUCE -o pan pan.c
 *	./pan -E -m20000 -w24
 *
 * Bounds:
 *   N        hosts (2, 3)
 *   MAXP     positions of the stream (1..3)
 *   MAXE     epochs (2..6): one more than promotions
 *   CAP      messages under way in one direction of a link (1, 2)
 *   CRASH    times that a host loses its memory, and returns as a new member
 *   CUT      times that an end of a link finds it dead while the other does not
 *   REKEY    times that a live link is replaced by a new one
 *   DEMOTE   demotions by command
 *   SWITCH   switchovers
 *   DROP     times that a window moves on
 *   FRESH    the last host starts without memory and unconnected
 * World:
 *   POL      on_peer_loss: 0 continue, 1 suspend, 2 suspend and outdate
 *   ORACLE   the cluster manager promotes: 1 when there is no primary and no
 *            switchover is under way; 2 when there is no primary; 0 at any time
 *   ASYNC    commit=async
 *   NOPROM   the manager does not promote at all: only a switchover does
 *   SOFT     invariants 1 and 3 may break: is it always detected?
 *   JOURNAL  the stream is a journal: drawn is what copies ask for, in order
 * Rules switched off, with their numbers: search for NO_, BAR_, MEMBER_OUT
 * and RESUME.
 * Reachability: REACH=1..7 claims that something never happens (see reach()).
 */
#ifndef N
#define N 2
#endif
#ifndef MAXP
#define MAXP 2
#endif
#ifndef MAXE
#define MAXE 2
#endif
#ifndef CAP
#define CAP 1
#endif
#ifndef CRASH
#define CRASH 1
#endif
#ifndef CUT
#define CUT 1
#endif
#ifndef REKEY
#define REKEY 0
#endif
#ifndef DEMOTE
#define DEMOTE 0
#endif
#ifndef SWITCH
#define SWITCH 0
#endif
#ifndef DROP
#define DROP 0
#endif
#ifndef POL
#define POL 2
#endif
#ifndef ORACLE
#define ORACLE 1
#endif
#ifndef REACH
#define REACH 0
#endif

/* Invariant 3 is checked at each delivery where it is to hold unqualified. */
#if !defined(SOFT) && !defined(ASYNC) && ORACLE != 0 && !(POL == 0 && CUT > 0)
#define DIRECT
#endif
/* There nobody ever finds that he diverged, and two epochs of one number, which
 * may meet, are no excuse for anything.
 */
#if !defined(SOFT) && (defined(DIRECT) || (POL == 0 && CUT == 0))
#define NEVER_DIVERGED
#endif
#ifdef ASYNC
#define NO_COMMIT
#endif

/* Roles; a host that is down is one that is up, empty and unconnected. */
#define SEC	0
#define PRIM	1
#define DIV	2
/* A member as the primary sees it. */
#define OUT	0
#define COUNTED	1
#define INSYNC	2
/* Messages. */
#define PAIR	1	/* epoch; a: from a primary, b: you are in sync */
#define FETCH	2	/* epoch; a: have */
#define VALUES	3	/* epoch; a: offset, b: value, LOST or NOTHING, d: L */
#define HANDOVER 4	/* epoch */
#define PROPOSE	5	/* epoch; a: place, which is also what the copy asks for */
/* Values: the epoch that drew them, or: */
#define LOST	0	/* before the tail of the sender */
#define NOTHING	7	/* only L */

#define NOBODY	3

typedef Host {
	unsigned role : 2;
	unsigned eid : 3;	/* epoch; the history is that epoch's chain */
	unsigned have : 2;	/* head */
	unsigned lim : 2;	/* L received */
	unsigned prom : 2;	/* promised */
	unsigned dv : 3;	/* bitmap of positions delivered; hw is its top */
	unsigned hole : 3;	/* bitmap of positions below have that are lost */
	unsigned fol : 2;	/* the primary it follows, on a live link */
	bit ins;		/* was told that it is in sync */
	bit outd;		/* outdated: the manager will not promote it */
	unsigned val : 9	/* values stored, three bits each */
}

/* What i holds of j, and the messages from i to j. */
typedef Half {
	bit att;		/* i has the current link to j */
	bit av;			/* a FETCH came on this link */
	bit nid;		/* j is another member by now, which i does not know */
	unsigned st : 2;
	unsigned ack : 2;
	unsigned bar : 2;	/* in sync when the ack has reached it */
	unsigned t : 3;
	unsigned e : 3;
	unsigned a : 2;
	unsigned b : 3;
	unsigned d : 2
#if CAP > 1
	;
	unsigned t2 : 3;
	unsigned e2 : 3;
	unsigned a2 : 2;
	unsigned b2 : 3;
	unsigned d2 : 2
#endif
}

typedef Epoch {
	unsigned start : 2;
	unsigned num : 3;
	unsigned par : 3;
	unsigned chain : 7	/* itself and those it came from */
#ifdef JOURNAL
	;
	unsigned kinds : 6	/* what was asked for at each position, two bits each */
#endif
}

Host H[N];
Half K[N * (N - 1)];
Epoch E[MAXE + 1];
unsigned ne : 3;		/* epochs made */
unsigned crashes : 2;
unsigned cuts : 2;
unsigned rekeys : 2;
unsigned demotes : 2;
unsigned switches : 2;
unsigned drops : 2;
unsigned got : 9;		/* the value delivered first at each position */
bit reported;

hidden byte k, T, x, m, mt, me, ma, mb, md;

/* Half (i, j), i != j. */
#define IX(i, j)	((i) * (N - 1) + (j) - ((j) > (i)))
#define KK(i, j)	K[IX(i, j)]
#define BIT(v, p)	(((v) >> (p)) & 1)
#define VAL(v, p)	(((v) >> (3 * (p))) & 7)
#define PUT(v, p, to)	v = (v & ~(7 << (3 * (p)))) | ((to) << (3 * (p)))
#define NUM(e)		E[e].num

#define LINKED(i, j)	(KK(i, j).att && KK(j, i).att)
#if CAP > 1
#define ROOM(i, j)	(KK(i, j).t2 == 0)
#define BUSY(i, j)	(KK(i, j).t != 0)
/* Values under way. */
#define DATA(t, b)	((t) == VALUES && (b) != NOTHING)
#define FLYING(i, j)	(DATA(KK(i, j).t, KK(i, j).b) + DATA(KK(i, j).t2, KK(i, j).b2))
#else
#define ROOM(i, j)	(KK(i, j).t == 0)
#define BUSY(i, j)	(KK(i, j).t != 0)
#define FLYING(i, j)	0
#endif

/* The next position of the instance: neither delivered nor lost. */
#define USED(h)		(H[h].dv | H[h].hole)
#define NEXT(h)		(!BIT(USED(h), 0) -> 0 : (!BIT(USED(h), 1) -> 1 : (!BIT(USED(h), 2) -> 2 : 3)))
/* The lowest position stored. */
#define TAIL(h)		(!BIT(H[h].hole, 0) -> 0 : (!BIT(H[h].hole, 1) -> 1 : (!BIT(H[h].hole, 2) -> 2 : 3)))
#define HW(h)		(BIT(H[h].dv, 2) -> 3 : (BIT(H[h].dv, 1) -> 2 : BIT(H[h].dv, 0)))

#ifdef SOFT
#define GO		true
#else
#define GO		(!reported)	/* nothing is promised after a report */
#endif

#if N > 2
#define ALL(what, h)	(what(h, 0) && what(h, 1) && what(h, 2))
#define ANY(what, h)	(what(h, 0) || what(h, 1) || what(h, 2))
#else
#define ALL(what, h)	(what(h, 0) && what(h, 1))
#define ANY(what, h)	(what(h, 0) || what(h, 1))
#endif
/* (h, i) where i may be h: the half is not read then. */
#define KZ(h, i)	K[(h == i -> 0 : IX(h, i))]

/* Rule 2: another epoch's message is not processed. */
#ifdef NO_EPOCH
#define SAME(e, h)	true
#else
#define SAME(e, h)	((e) == H[h].eid)
#endif

/* What a copy asks for at a place is drawn from the place: copies do the same. */
#ifdef JOURNAL
#define KIND(e, p)	((E[e].kinds >> (2 * (p))) & 3)
#define SET_KIND(e, p, kind)	E[e].kinds = E[e].kinds | ((kind) << (2 * (p)))
/* An own copy stands at the end. */
#define ASKS(h)		(NEXT(h) == H[h].have)
#else
#define SET_KIND(e, p, kind)	skip
#define ASKS(h)		true
#endif

/* Rule 12: all counted members store position x. */
#ifdef NO_COMMIT
#define COMMITTED(h, p)	true
#else
#define HAS(h, i, p)	(h == i || KZ(h, i).st == OUT || KZ(h, i).ack > (p))
#if N > 2
#define COMMITTED(h, p)	(HAS(h, 0, p) && HAS(h, 1, p) && HAS(h, 2, p))
#else
#define COMMITTED(h, p)	(HAS(h, 0, p) && HAS(h, 1, p))
#endif
#endif

/* Claims that something is never reached: shows that runs are not empty. */
inline reach(n) {
#if REACH != 0
	assert(n != REACH)
#else
	skip
#endif
}

/* T: where the sequences of epochs a and b part. Rule 5. */
inline common(f, g) {
	T = MAXP; k = 1;
	do
	:: k <= MAXE ->
		if
#if defined(NO_MIN)		/* only the newest epoch's start */
		:: k == g && f != 0 && E[k].start < T -> T = E[k].start
#elif defined(NO_EID)		/* epochs known by their numbers */
		:: BIT(E[g].chain, k) && NUM(k) > NUM(f) && E[k].start < T -> T = E[k].start
#else
		:: BIT(E[f].chain ^ E[g].chain, k) && E[k].start < T -> T = E[k].start
#endif
		:: else
		fi;
		k++
	:: else -> break
	od
}

inline forget_members(h) {
	k = 0;
	do
	:: k < N ->
		if
		:: k != h ->
			KK(h, k).st = OUT; KK(h, k).ack = 0; KK(h, k).av = 0;
			KK(h, k).bar = 0; KK(h, k).nid = KK(h, k).nid && KK(h, k).att
		:: else
		fi;
		k++
	:: else -> break
	od;
	H[h].prom = 0
}

inline put(i, j, type, ee, aa, bb, dd) {
#if CAP > 1
	if
	:: KK(i, j).t != 0 ->
		KK(i, j).t2 = type; KK(i, j).e2 = ee; KK(i, j).a2 = aa;
		KK(i, j).b2 = bb; KK(i, j).d2 = dd
	:: else ->
#endif
		KK(i, j).t = type; KK(i, j).e = ee; KK(i, j).a = aa;
		KK(i, j).b = bb; KK(i, j).d = dd
#if CAP > 1
	fi
#endif
}

inline take(i, j) {
	mt = KK(i, j).t; me = KK(i, j).e; ma = KK(i, j).a; mb = KK(i, j).b; md = KK(i, j).d;
#if CAP > 1
	KK(i, j).t = KK(i, j).t2; KK(i, j).e = KK(i, j).e2; KK(i, j).a = KK(i, j).a2;
	KK(i, j).b = KK(i, j).b2; KK(i, j).d = KK(i, j).d2;
	KK(i, j).t2 = 0; KK(i, j).e2 = 0; KK(i, j).a2 = 0; KK(i, j).b2 = 0; KK(i, j).d2 = 0
#else
	KK(i, j).t = 0; KK(i, j).e = 0; KK(i, j).a = 0; KK(i, j).b = 0; KK(i, j).d = 0
#endif
}

/* Rule 2: what lies in an older socket is thrown away. */
inline flush(i, j) {
#ifdef NO_SESS
	skip
#else
	take(i, j);
#if CAP > 1
	take(i, j)
#endif
#endif
}

inline report() {
#ifdef NEVER_DIVERGED
	assert(false);
#endif
	reach(4);
	reported = 1
}

/* Rule 3: h finds its link to q dead. */
inline detach(h, q) {
	KK(h, q).att = 0;
	flush(q, h);
	if
	:: H[h].fol == q -> H[h].fol = NOBODY
	:: else
	fi;
	if
	:: H[h].role == PRIM ->
		KK(h, q).av = 0;
#if POL == 0
		KK(h, q).st = OUT; KK(h, q).ack = 0; KK(h, q).bar = 0; KK(h, q).nid = 0
#else
		/* The old ack is kept: it stores that much, or is another member. */
		if
		:: KK(h, q).st == INSYNC -> KK(h, q).st = COUNTED; KK(h, q).bar = H[h].prom
		:: KK(h, q).st == OUT -> KK(h, q).ack = 0; KK(h, q).nid = 0
		:: else
		fi
#endif
	:: else -> KK(h, q).nid = 0
	fi
}

/* Rule 1, C4: i has a new link to j. PAIR comes first, and tells the member id. */
inline attach(i, j) {
	KK(i, j).att = 1;
	flush(j, i);
	if
	:: H[i].fol == j -> H[i].fol = NOBODY
	:: else
	fi;
#ifndef NO_ACKRESET
	KK(i, j).av = 0; KK(i, j).ack = 0;
#endif
#ifndef NO_MEMBERID
	if
#ifdef MEMBER_OUT			/* the new one leaves the set unasked */
	:: KK(i, j).nid -> KK(i, j).st = OUT; KK(i, j).bar = 0
#else
	:: KK(i, j).nid && KK(i, j).st != OUT ->
		KK(i, j).st = COUNTED; KK(i, j).bar = H[i].prom; KK(i, j).ack = 0
#endif
	:: else
	fi;
#endif
	KK(i, j).nid = 0
}

/* Rule 15. bar is what was promised when q became COUNTED. */
inline see_in_sync(h, q) {
	if
	:: KK(h, q).st == COUNTED && KK(h, q).av && KK(h, q).ack >= KK(h, q).bar ->
		KK(h, q).st = INSYNC; KK(h, q).bar = 0; H[q].outd = 0;
		printf("H%d: H%d in sync\n", h, q)
	:: else
	fi
}

/* Rule 14, C5. */
inline count(h, q) {
	KK(h, q).st = COUNTED;
#if defined(BAR_NONE)			/* in sync at once */
	KK(h, q).bar = 0;
#elif defined(BAR_COMMITTED)		/* what in-sync members acknowledged */
	m = H[h].have; k = 0;
	do
	:: k < N ->
		if
		:: k != h && KZ(h, k).st == INSYNC && KZ(h, k).ack < m -> m = KZ(h, k).ack
		:: else
		fi;
		k++
	:: else -> break
	od;
	KK(h, q).bar = m;
#else
	KK(h, q).bar = H[h].prom;
#endif
	printf("H%d counts H%d, bar %d\n", h, q, KK(h, q).bar);
	see_in_sync(h, q)
}

/* Rule 11: m = L for q. */
inline limit_for(h, q) {
	m = H[h].have; k = 0;
#ifndef NO_COMMIT
	do
	:: k < N ->
		if
#ifdef NO_OTHERS		/* L does not wait for other members */
		:: false
#else
		:: k != h && k != q && KZ(h, k).st != OUT && KZ(h, k).ack < m -> m = KZ(h, k).ack
#endif
		:: else
		fi;
		k++
	:: else -> break
	od;
#endif
#ifndef NO_PROMISED			/* only own deliveries count as promised */
	if
	:: m > H[h].prom -> H[h].prom = m
	:: else
	fi
#endif
}

#if POL == 0 || defined(NO_WAIT)	/* C1: a promotion leaves out who is not connected */
#define WAITS		false
#else
#define WAITS		true
#endif

/* Rule 18: the epoch of a new primary. Rule 17 is what its caller did. */
inline begin_epoch(h) {
	reach(1);
#if ORACLE != 0 && !defined(SOFT)
	/* Invariant 3: what was delivered anywhere is here, or declared lost. */
	x = 0;
	do
	:: x < MAXP ->
		assert(VAL(got, x) == 0 || (x < H[h].have &&
			(VAL(H[h].val, x) == VAL(got, x) || BIT(H[h].hole, x))));
		x++
	:: else -> break
	od;
#endif
	ne++;
	E[ne].par = H[h].eid; E[ne].num = NUM(H[h].eid) + 1;
	E[ne].chain = E[H[h].eid].chain | (1 << ne);
	E[ne].start = H[h].have;
	H[h].eid = ne; H[h].role = PRIM; H[h].ins = 0; H[h].fol = NOBODY;
	printf("H%d PRIMARY of e%d, number %d, start %d\n", h, ne, NUM(ne), H[h].have);
	forget_members(h);
	H[h].prom = H[h].have;
#ifndef NO_CLIP				/* C7 */
	if
	:: H[h].lim > H[h].have -> H[h].lim = H[h].have
	:: else
	fi;
#endif
	k = 0;
	do
	:: k < N ->
		if
		:: k != h ->
#ifdef NO_KEEP				/* C6: it starts with a set of itself */
			KK(h, k).st = OUT
#else
			if
			:: KK(h, k).att || WAITS -> KK(h, k).st = COUNTED; KK(h, k).bar = H[h].prom
			:: else
			fi
#endif
		:: else
		fi;
		k++
	:: else -> break
	od
}

#ifdef NO_TAKEHOLE			/* H3: it stops at the other's tail */
#define TAKES(h, k)	(H[h].have < H[k].have && !BIT(H[k].hole, H[h].have))
#else
#define TAKES(h, k)	(H[h].have < H[k].have)
#endif

/* C11: take what a connected secondary of the same epoch has more. */
inline catch_up(h) {
#ifndef NO_CATCHUP
	k = 0;
	do
	:: k < N ->
		if
		:: k != h && LINKED(h, k) && H[k].role == SEC && H[k].eid == H[h].eid ->
			do
			:: TAKES(h, k) ->
				reach(2);
				PUT(H[h].val, H[h].have, VAL(H[k].val, H[h].have));
				H[h].hole = H[h].hole | (H[k].hole & (1 << H[h].have));
				H[h].have++
			:: else -> break
			od
		:: else
		fi;
		k++
	:: else -> break
	od
#else
	skip
#endif
}

/* Rule 5: a primary of a newer epoch, me. */
inline adopt(h, q) {
	common(H[h].eid, me);
	if
#ifndef NO_HW
	:: HW(h) > T ->
		printf("H%d DIVERGED, T %d\n", h, T);
		H[h].role = DIV; H[h].ins = 0; H[h].fol = NOBODY;
		forget_members(h);
		report()
#endif
	:: else ->
		x = 0;
		do	/* who rejoins silently was given nothing else than the pair has */
		:: x < MAXP ->
			m = me;
			do
			:: E[m].start > x -> m = E[m].par
			:: else -> break
			od;
			assert(!BIT(H[h].dv, x) || VAL(H[h].val, x) == m);
			x++
		:: else -> break
		od;
#ifndef NO_TRUNC
		x = T;
		do
		:: x < H[h].have ->
			reach(3);
			PUT(H[h].val, x, 0);
			H[h].hole = H[h].hole & ~(1 << x);
			x++
		:: else -> break
		od;
		if
		:: H[h].have > T -> H[h].have = T
		:: else
		fi;
#endif
#ifndef NO_CLIP				/* C7 */
		if
		:: H[h].lim > T -> H[h].lim = T
		:: else
		fi;
#endif
		if
		:: H[h].role == PRIM -> forget_members(h)
		:: else
		fi;
		printf("H%d ADOPTS e%d, T %d\n", h, me, T);
		H[h].role = SEC; H[h].eid = me; H[h].ins = mb; H[h].fol = q
	fi
}

inline on_pair(h, q) {
	if
	:: me == H[h].eid ->			/* rule 4 */
		if
		:: ma && H[h].role == SEC -> H[h].ins = mb; H[h].fol = q
		:: !ma && H[h].fol == q -> H[h].fol = NOBODY
		:: else
		fi
	:: me != H[h].eid && (H[h].eid == 0 || NUM(me) > NUM(H[h].eid)) ->
		if
		:: ma -> adopt(h, q)
		:: else ->			/* rule 6: stop on sight */
#ifndef NO_STOP
			if
			:: H[h].role == PRIM -> H[h].role = SEC; forget_members(h)
			:: else
			fi;
#endif
			if
			:: H[h].fol == q -> H[h].fol = NOBODY
			:: else
			fi;
			H[h].ins = 0
		fi
	:: me != H[h].eid && H[h].eid != 0 && NUM(me) == NUM(H[h].eid) ->
		printf("H%d refuses H%d\n", h, q);	/* rule 7 */
#ifndef NEVER_DIVERGED
		report();
#endif
		detach(h, q)
	:: else
	fi
}

inline on_fetch(h, q) {
	if
	:: H[h].role == PRIM && SAME(me, h) ->
#ifdef NO_EPOCH
		if
		:: ma > H[h].have -> ma = H[h].have
		:: else
		fi;
#else
		assert(ma <= H[h].have);	/* rule 9 */
#endif
		KK(h, q).av = 1;
		if
		:: ma > KK(h, q).ack -> KK(h, q).ack = ma
		:: else
		fi;
		see_in_sync(h, q)
	:: else
	fi
}

inline on_values(h, q) {
	if
	:: H[h].role == SEC && SAME(me, h) ->	/* rule 10 */
		if
		:: mb != NOTHING && ma == H[h].have ->
			if
			:: mb == LOST -> H[h].hole = H[h].hole | (1 << ma)	/* H3 */
			:: else -> PUT(H[h].val, ma, mb)
			fi;
			H[h].have++
		:: else
		fi;
		if
		:: md > H[h].lim -> H[h].lim = md
		:: else
		fi
	:: else
	fi
}

inline on_handover(h, q) {			/* H8 */
	if
	:: H[h].role == SEC && SAME(me, h) && !H[h].outd && ne < MAXE ->
		reach(5);
		begin_epoch(h)
	:: else
	fi
}

inline draw(h, kind) {
	SET_KIND(H[h].eid, H[h].have, kind);
	PUT(H[h].val, H[h].have, H[h].eid);
	H[h].have++
}

inline on_propose(h, q) {
	if
	:: H[h].role == PRIM && SAME(me, h) && H[h].have < MAXP &&
#ifdef NO_PLACE				/* what is asked for is recorded, wherever that is */
	   true ->
#else
	   ma == H[h].have ->
#endif
		reach(8);
		draw(h, ma)
	:: else
	fi
}

inline receive(h, q) {
	take(q, h);
	printf("H%d from H%d: %d e%d %d %d %d\n", h, q, mt, me, ma, mb, md);
	if
	:: H[h].role == DIV			/* rule 8 */
	:: H[h].role != DIV && mt == PAIR -> on_pair(h, q)
	:: H[h].role != DIV && mt == FETCH -> on_fetch(h, q)
	:: H[h].role != DIV && mt == VALUES -> on_values(h, q)
	:: H[h].role != DIV && mt == HANDOVER -> on_handover(h, q)
#ifdef JOURNAL
	:: H[h].role != DIV && mt == PROPOSE -> on_propose(h, q)
#endif
	fi
}

inline send_values(h, q) {
	limit_for(h, q);
	x = H[q].have + FLYING(h, q);
	if
	:: x < H[h].have ->
		if
		:: BIT(H[h].hole, x) -> put(h, q, VALUES, H[h].eid, x, LOST, m)
		:: else -> put(h, q, VALUES, H[h].eid, x, VAL(H[h].val, x), m)
		fi
	:: else -> put(h, q, VALUES, H[h].eid, 0, NOTHING, m)
	fi
}

inline deliver(h, p) {
	printf("H%d DELIVERS %d: e%d\n", h, p, VAL(H[h].val, p));
#ifdef DIRECT
	/* Invariant 3: those that were told that they are in sync store it. */
	k = 0;
	do
	:: k < N ->
		assert(!(k != h && H[k].role == SEC && H[k].ins && !H[k].outd && H[k].eid == H[h].eid) ||
			(p < H[k].have &&
			 (BIT(H[k].hole, p) || VAL(H[k].val, p) == VAL(H[h].val, p))));
		k++
	:: else -> break
	od;
#endif
#ifndef SOFT
	if
	:: VAL(got, p) == 0 -> PUT(got, p, VAL(H[h].val, p))
	:: else -> assert(VAL(got, p) == VAL(H[h].val, p))	/* invariant 1 */
	fi;
#endif
#ifdef JOURNAL
	assert(KIND(VAL(H[h].val, p), p) == p);		/* a copy gets what it asks for */
#endif
#if REACH == 6
	assert(VAL(H[h].val, p) != MAXE);
#elif REACH == 7
	assert(p == 0 || !BIT(H[h].hole, p - 1));
#endif
	H[h].dv = H[h].dv | (1 << p)
}

inline crash(h) {
	printf("H%d CRASHES, returns empty\n", h);
	forget_members(h);
	H[h].role = SEC; H[h].eid = 0; H[h].have = 0; H[h].lim = 0; H[h].dv = 0;
	H[h].hole = 0; H[h].fol = NOBODY; H[h].ins = 0; H[h].outd = 0; H[h].val = 0;
	k = 0;
	do
	:: k < N ->
		if
		:: k != h ->
			KK(h, k).att = 0;
			take(k, h);
#if CAP > 1
			take(k, h);
#endif
			if
			:: KK(k, h).att || KK(k, h).st != OUT -> KK(k, h).nid = 1
			:: else
			fi
		:: else
		fi;
		k++
	:: else -> break
	od
}

/* -- when a step may be taken ---------------------------------------------- */

/* Messages that would change nothing at their receiver are not sent. */
#define DUE_PAIR(h, q)	(H[h].role != DIV && H[q].role != DIV && H[h].eid != 0 && \
	(H[h].role == PRIM -> \
	 (H[h].eid == H[q].eid -> \
	  H[q].role == SEC && (H[q].fol != h || H[q].ins != (KK(h, q).st == INSYNC)) : \
	  H[q].eid == 0 || NUM(H[h].eid) >= NUM(H[q].eid)) : \
	 (H[h].eid == H[q].eid -> H[q].fol == h : \
	  H[q].eid != 0 && (NUM(H[h].eid) == NUM(H[q].eid) || \
	  (NUM(H[h].eid) > NUM(H[q].eid) && (H[q].role == PRIM || H[q].ins || H[q].fol == h))))))
#define DUE_FETCH(h, q)	(H[h].role == SEC && H[h].fol == q && H[q].role == PRIM && \
	SAME(H[q].eid, h) && (!KK(q, h).av || KK(q, h).ack < H[h].have))
#ifdef NO_PUSHLIM			/* H1: L travels with values only */
#define DUE_LIMIT(h, q)	false
#elif N > 2
#define MIN2(f, g)	((f) < (g) -> (f) : (g))
#define THIRD(h, q)	(3 - (h) - (q))
#define OTHERS(h, q)	(KK(h, THIRD(h, q)).st == OUT -> H[h].have : \
	MIN2(H[h].have, KK(h, THIRD(h, q)).ack))
#ifdef NO_COMMIT
#define DUE_LIMIT(h, q)	(!BUSY(h, q) && H[h].have > H[q].lim)
#else
#define DUE_LIMIT(h, q)	(!BUSY(h, q) && OTHERS(h, q) > H[q].lim)
#endif
#else
#define DUE_LIMIT(h, q)	(!BUSY(h, q) && H[h].have > H[q].lim)
#endif
#define DUE_VALUES(h, q) (H[h].role == PRIM && KK(h, q).av && H[q].role == SEC && \
	SAME(H[q].eid, h) && \
	(H[q].have + FLYING(h, q) < H[h].have || DUE_LIMIT(h, q)))

/* A copy at the end of what its secondary stores; and once more, as it stands then. */
#define DUE_PROPOSE(h, q) (H[h].role == SEC && H[h].fol == q && H[q].role == PRIM && \
	SAME(H[q].eid, h) && KK(q, h).av && NEXT(h) == H[h].have && H[h].have < MAXP && \
	H[q].have == H[h].have)

#ifdef NO_SESS
#define READS(h, q)	true
#else
#define READS(h, q)	KK(h, q).att
#endif

#ifdef NO_FLAG				/* rule 16: anybody may be promoted */
#define FLAGGED(h)	true
#else
#define FLAGGED(h)	H[h].ins
#endif
#ifdef NO_OUTDATED			/* rule 16, C1 */
#define DATED(h)	true
#else
#define DATED(h)	(!H[h].outd)
#endif
#define NO_PRIMARY(h, i) (H[i].role != PRIM)
#if CAP > 1
#define NO_HANDOVER(h, i) (h == i || (KZ(h, i).t != HANDOVER && KZ(h, i).t2 != HANDOVER))
#else
#define NO_HANDOVER(h, i) (h == i || KZ(h, i).t != HANDOVER)
#endif
#if N > 2
#define NO_SWITCHOVER	(ALL(NO_HANDOVER, 0) && ALL(NO_HANDOVER, 1) && ALL(NO_HANDOVER, 2))
#else
#define NO_SWITCHOVER	(ALL(NO_HANDOVER, 0) && ALL(NO_HANDOVER, 1))
#endif
#if ORACLE == 1
#define MANAGER(h)	(ALL(NO_PRIMARY, h) && NO_SWITCHOVER)
#elif ORACLE == 2
#define MANAGER(h)	ALL(NO_PRIMARY, h)
#else
#define MANAGER(h)	true
#endif
/* Rule 17: connected secondaries neither see the primary nor know a newer epoch. */
#define LINKEDZ(h, i)	(KZ(h, i).att && KZ(i, h).att)
#ifdef NO_SEES
#define SEES(h, i)	false
#else
#define SEES(h, i)	(h != i && LINKEDZ(h, i) && H[i].eid == H[h].eid && H[i].fol != NOBODY)
#endif
#ifdef NO_NEWER
#define KNOWS(h, i)	false
#else
#define KNOWS(h, i)	(h != i && LINKEDZ(h, i) && H[i].eid != 0 && NUM(H[i].eid) > NUM(H[h].eid))
#endif
#ifdef NO_BUSY				/* rule 16: EBUSY */
#define FOLLOWS(h)	false
#else
#define FOLLOWS(h)	(H[h].fol != NOBODY)
#endif
#ifdef NOPROM
#define MAY_PROMOTE(h)	false
#else
#define MAY_PROMOTE(h)	(H[h].role == SEC && H[h].eid != 0 && ne < MAXE && FLAGGED(h) && \
	DATED(h) && MANAGER(h) && !FOLLOWS(h) && !ANY(SEES, h) && !ANY(KNOWS, h))
#endif

#ifdef NO_DRAIN
#define DRAINED(h, q)	true
#else
#define DRAINED(h, q)	(KK(h, q).ack == H[h].have)
#endif

/* -- symmetry --------------------------------------------------------------
 * Hosts are alike: of the states that differ only in their names, one is
 * looked at. For a schedule in which every host keeps its name: -DNOSYM.
 */
#if !defined(NOSYM)
c_decl {
	\#include <string.h>
};
c_code {
	static int canon_less(const struct Host *f, const struct Host *g,
			      const struct Half *p, const struct Half *q)
	{
		int c = memcmp(f, g, N * sizeof(*f));

		return c ? c < 0 : memcmp(p, q, N * (N - 1) * sizeof(*p)) < 0;
	}
	static void canon(void)
	{
	#if N > 2
		static const unsigned char perm[][3] = {
			{ 1, 0, 2 }, { 0, 2, 1 }, { 2, 1, 0 }, { 1, 2, 0 }, { 2, 0, 1 },
		};
	#else
		static const unsigned char perm[][3] = { { 1, 0, 3 } };
	#endif
		struct Host h0[N], best[N], host[N];
		struct Half k0[N * (N - 1)], bestk[N * (N - 1)], half[N * (N - 1)];
		unsigned int n, i, j;

		memcpy(h0, now.H, sizeof(h0));
		memcpy(k0, now.K, sizeof(k0));
		memcpy(best, h0, sizeof(best));
		memcpy(bestk, k0, sizeof(bestk));
		for (n = 0; n < sizeof(perm) / 3; n++) {
			const unsigned char *to = perm[n];

			for (i = 0; i < N; i++) {
				host[to[i]] = h0[i];
				if (h0[i].fol < N)
					host[to[i]].fol = to[h0[i].fol];
			}
			if (memcmp(host, best, sizeof(best)) > 0)
				continue;
			for (i = 0; i < N; i++)
				for (j = 0; j < N; j++)
					if (i != j)
						half[to[i] * (N - 1) + to[j] - (to[j] > to[i])] =
							k0[i * (N - 1) + j - (j > i)];
			if (canon_less(host, best, half, bestk)) {
				memcpy(best, host, sizeof(best));
				memcpy(bestk, half, sizeof(bestk));
			}
		}
		memcpy(now.H, best, sizeof(best));
		memcpy(now.K, bestk, sizeof(bestk));
	}
};
#define CANON	c_code { canon(); }
#else
#define CANON	skip
#endif

/* -- steps ------------------------------------------------------------------ */

#define EITHER(h, q) \
	:: d_step { GO && BUSY(q, h) && READS(h, q) -> receive(h, q); CANON } \
	:: d_step { GO && LINKED(h, q) && ROOM(h, q) && DUE_PAIR(h, q) -> \
		put(h, q, PAIR, H[h].eid, (H[h].role == PRIM), \
		    (H[h].role == PRIM && KK(h, q).st == INSYNC), 0); CANON } \
	:: d_step { GO && LINKED(h, q) && ROOM(h, q) && DUE_FETCH(h, q) -> \
		put(h, q, FETCH, H[h].eid, H[h].have, 0, 0); CANON } \
	:: d_step { GO && LINKED(h, q) && ROOM(h, q) && DUE_VALUES(h, q) -> \
		send_values(h, q); CANON } \
	:: d_step { GO && H[h].role == PRIM && KK(h, q).st == OUT && KK(h, q).av && KK(h, q).att -> \
		count(h, q); CANON } \
	:: d_step { GO && KK(h, q).att && (!KK(q, h).att || cuts < CUT) -> \
		if :: KK(q, h).att -> cuts++ :: else fi; \
		printf("H%d: link to H%d dead\n", h, q); detach(h, q); CANON } \
	PROPOSES(h, q) OUTDATE(h, q) HAND_OVER(h, q)

#ifdef JOURNAL
#define PROPOSES(h, q) \
	:: d_step { GO && LINKED(h, q) && ROOM(h, q) && DUE_PROPOSE(h, q) -> \
		put(h, q, PROPOSE, H[h].eid, NEXT(h), 0, 0); CANON }
#else
#define PROPOSES(h, q)
#endif

#if POL == 2
/* The manager has confirmed that q will not be promoted. */
#define OUTDATE(h, q) \
	:: d_step { GO && H[h].role == PRIM && !KK(h, q).att && KK(h, q).st != OUT && \
		H[q].role != PRIM -> \
		printf("H%d outdated, for H%d\n", q, h); H[q].outd = (H[q].eid != 0); \
		KK(h, q).st = OUT; KK(h, q).ack = 0; KK(h, q).bar = 0; KK(h, q).nid = 0; CANON }
#else
#define OUTDATE(h, q)
#endif

#if SWITCH > 0
#ifdef RESUME				/* H8: the old primary goes on */
#define STEP_BACK(h, q)	skip
#else
#define STEP_BACK(h, q)	forget_members(h); H[h].role = SEC; H[h].ins = 1; H[h].fol = q
#endif
#define HAND_OVER(h, q) \
	:: d_step { GO && switches < SWITCH && H[h].role == PRIM && LINKED(h, q) && ROOM(h, q) && \
		KK(h, q).st == INSYNC && KK(h, q).av && DRAINED(h, q) && ne < MAXE -> \
		printf("H%d HANDS OVER to H%d\n", h, q); switches++; \
		put(h, q, HANDOVER, H[h].eid, 0, 0, 0); STEP_BACK(h, q); CANON }
#else
#define HAND_OVER(h, q)
#endif

/* Both ends see a new link; REKEY: it replaces a live one (M5). */
#define BOTH(i, j) \
	:: d_step { GO && !KK(i, j).att && !KK(j, i).att -> \
		printf("LINK H%d H%d\n", i, j); attach(i, j); attach(j, i); CANON } \
	:: d_step { GO && rekeys < REKEY && LINKED(i, j) -> \
		printf("LINK H%d H%d replaced\n", i, j); rekeys++; attach(i, j); attach(j, i); CANON }

#define ONE(h) \
	:: d_step { GO && H[h].role == PRIM && H[h].have < MAXP && ASKS(h) -> \
		draw(h, H[h].have); CANON } \
	:: d_step { GO && H[h].role == PRIM && NEXT(h) < H[h].have && COMMITTED(h, NEXT(h)) -> \
		x = NEXT(h); \
		if :: H[h].prom <= x -> H[h].prom = x + 1 :: else fi; \
		deliver(h, x); CANON } \
	:: d_step { GO && H[h].role == SEC && NEXT(h) < H[h].have && NEXT(h) < H[h].lim -> \
		x = NEXT(h); deliver(h, x); CANON } \
	:: d_step { GO && MAY_PROMOTE(h) -> catch_up(h); begin_epoch(h); CANON } \
	DEMOTION(h) CRASHES(h) WINDOW(h)

#if DEMOTE > 0				/* rule 19 */
#define DEMOTION(h) \
	:: d_step { GO && demotes < DEMOTE && H[h].role == PRIM -> \
		printf("H%d DEMOTED\n", h); demotes++; forget_members(h); \
		H[h].role = SEC; H[h].ins = 1; CANON }
#else
#define DEMOTION(h)
#endif
#if CRASH > 0				/* rule 20 */
#define CRASHES(h) \
	:: d_step { GO && crashes < CRASH && H[h].eid != 0 -> crashes++; crash(h); CANON }
#else
#define CRASHES(h)
#endif
#if DROP > 0				/* H3: what is committed may leave the window */
#define WINDOW(h) \
	:: d_step { GO && drops < DROP && TAIL(h) < H[h].have && \
		(H[h].role == PRIM -> COMMITTED(h, TAIL(h)) : TAIL(h) < H[h].lim) -> \
		printf("H%d forgets %d\n", h, TAIL(h)); drops++; \
		H[h].hole = H[h].hole | (1 << TAIL(h)); CANON }
#else
#define WINDOW(h)
#endif

active proctype System() {
	d_step {
		ne = 1;
		E[1].num = 1; E[1].chain = 2;
		k = 0;
		do
		:: k < N ->
			H[k].fol = NOBODY;
			x = 0;
			do
			:: x < N ->
				if
#ifdef FRESH
				:: x != k && x != N - 1 && k != N - 1 -> KK(k, x).att = 1
#else
				:: x != k -> KK(k, x).att = 1
#endif
				:: else
				fi;
				x++
			:: else -> break
			od;
			if
#ifdef FRESH
			:: k == N - 1
#endif
			:: k == 0 -> H[k].eid = 1
#ifdef FRESH
			:: k != 0 && k != N - 1 ->
#else
			:: k != 0 ->
#endif
				H[k].eid = 1; H[k].ins = 1; H[k].fol = 0;
				KK(0, k).st = INSYNC; KK(0, k).av = 1
			fi;
			k++
		:: else -> break
		od;
		H[0].role = PRIM;
		CANON
	}
	do
	ONE(0)
	ONE(1)
	EITHER(0, 1)
	EITHER(1, 0)
	BOTH(0, 1)
#if N > 2
	ONE(2)
	EITHER(0, 2)
	EITHER(2, 0)
	EITHER(1, 2)
	EITHER(2, 1)
	BOTH(0, 2)
	BOTH(1, 2)
#endif
	od
}
