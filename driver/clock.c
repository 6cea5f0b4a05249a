// SPDX-License-Identifier: GPL-2.0-only
/*
 * The clocks of a pair. A primary reads its host's clocks; what makes the readings the
 * pair's is that none is ever below an earlier one of the same clock, on whichever
 * host it is taken, and that none stands still for long.
 *
 * Hosts' CLOCK_MONOTONIC, CLOCK_BOOTTIME and cycle counters differ by their uptimes,
 * by months. The pair's go on at the rate of whoever is primary: where a member
 * takes over, it sets the offset so that they continue from the last reading it
 * heard of, and the time that has passed since.
 *
 * CLOCK_REALTIME and CLOCK_TAI are the host's own, which somebody else keeps in step.
 * A new primary whose clock is behind what was read before gives that again until its
 * own has reached it; for how long is counted. An administrator who sets the clock of
 * the primary, also backwards, does so on purpose: readings follow. They carry how
 * often that happened, and what is compared is (steps, value) in this order, so
 * that a late message with an old reading does not undo it.
 *
 * That a clock was set shows in its distance from CLOCK_BOOTTIME, which the kernel
 * changes at no other time: both are slewed alike. A leap second counts as such.
 */
#include "clock.h"

#include <linux/errno.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timex.h>

#include "compat.h"
#include "event.h"
#include "mem.h"
#include "pair.h"

static struct ndval_clock_state *clock_of(struct ndval_clocks *clocks, u32 kind)
{
	return &clocks->of[kind - NDVAL_VALUE_KIND_REALTIME];
}

static bool is_set_by_people(u32 kind)
{
	return kind == NDVAL_VALUE_KIND_REALTIME || kind == NDVAL_VALUE_KIND_TAI;
}

static s64 base_of(u32 kind)
{
	enum tk_offsets which = kind == NDVAL_VALUE_KIND_TAI ? TK_OFFS_TAI : TK_OFFS_REAL;

	return ktime_sub(ktime_mono_to_any(0, which), ktime_mono_to_any(0, TK_OFFS_BOOT));
}

/* @value units of @from a millisecond, in units of @to. A peer may have told of @to. */
static u64 scale(u64 value, u64 to, u64 from)
{
	u64 rest, ms = div64_u64_rem(value, from, &rest);

	return ms * to + div64_u64(rest * to, from);
}

/* Cycles are in the units of the pair's first primary. */
static u64 host_cycles(const struct ndval_clocks *clocks)
{
	u64 khz = clocks->of[NDVAL_CLOCKS - 1].floor.steps, own = ndval_cycles_khz();

	return khz == own ? ndval_cycles() : scale(ndval_cycles(), khz, own);
}

/* This host's clock, without the pair's offset. */
static u64 host_clock(const struct ndval_clocks *clocks, u32 kind)
{
	switch (kind) {
	case NDVAL_VALUE_KIND_REALTIME:
		return ktime_get_real_ns();
	case NDVAL_VALUE_KIND_MONOTONIC:
		return ktime_get_ns();
	case NDVAL_VALUE_KIND_BOOTTIME:
		return ktime_get_boottime_ns();
	case NDVAL_VALUE_KIND_TAI:
		return ktime_get_clocktai_ns();
	default:
		return host_cycles(clocks);
	}
}

/* The clock, and the base that it had at that moment. */
static u64 host_clock_with_base(const struct ndval_clocks *clocks, u32 kind, s64 *base)
{
	u64 now;

	do {
		*base = base_of(kind);
		now = host_clock(clocks, kind);
	} while (*base != base_of(kind));
	return now;
}

static void begin(struct ndval_clocks *clocks)
{
	u32 kind;

	memset(clocks->of, 0, sizeof(clocks->of));
	for (kind = NDVAL_VALUE_KIND_REALTIME; kind <= NDVAL_VALUE_KIND_CYCLES; kind++)
		if (is_set_by_people(kind))
			clock_of(clocks, kind)->base = base_of(kind);
}

/**
 * ndval_clocks_create() - Give a pair its clocks, unless it has them.
 * @pair: the pair; the caller holds its lock
 * @gfp: how to allocate
 *
 * They come with the first peer, or the first journal: without either nothing is
 * known of them, and most pairs need no memory for that.
 *
 * Context: as @gfp says.
 * Return: 0; -ENOMEM; -EAGAIN if @gfp does not let it sleep.
 */
int ndval_clocks_create(struct ndval_pair *pair, gfp_t gfp)
{
	struct ndval_clocks *clocks;

	lockdep_assert_held(&pair->lock);
	if (pair->clocks)
		return 0;
	if (ndval_mem_charge(&pair->mem, sizeof(*clocks)))
		return -ENOMEM;
	clocks = kzalloc(sizeof(*clocks), gfp | __GFP_NOWARN);
	if (!clocks) {
		ndval_mem_uncharge(&pair->mem, sizeof(*clocks));
		return ndval_mem_error(gfp);
	}
	spin_lock_init(&clocks->lock);
	begin(clocks);
	WRITE_ONCE(pair->clocks, clocks);
	return 0;
}

/**
 * ndval_clocks_destroy() - Free a pair's clocks; nobody uses them any more.
 * @pair: the pair
 */
void ndval_clocks_destroy(struct ndval_pair *pair)
{
	if (!pair->clocks)
		return;
	ndval_mem_uncharge(&pair->mem, sizeof(*pair->clocks));
	kfree(pair->clocks);
}

/**
 * ndval_clocks_begin() - A pair's life begins, or another one: nothing was read yet.
 * @pair: the pair
 *
 * Context: any that is not interrupt.
 */
void ndval_clocks_begin(struct ndval_pair *pair)
{
	struct ndval_clocks *clocks = READ_ONCE(pair->clocks);

	if (!clocks)
		return;
	spin_lock(&clocks->lock);
	begin(clocks);
	spin_unlock(&clocks->lock);
}

/* What the clock would show at the old primary now, as far as it can be known. */
static u64 go_on(const struct ndval_clocks *clocks, u32 kind)
{
	const struct ndval_clock_state *clock =
		&clocks->of[kind - NDVAL_VALUE_KIND_REALTIME];
	u64 passed = ktime_get_boottime_ns() - clock->heard;

	if (kind == NDVAL_VALUE_KIND_CYCLES)
		passed = scale(passed, clock->floor.steps, NSEC_PER_MSEC);
	return clock->floor.value + passed;
}

/* In the units of a clock that nobody sets. */
static u64 millisecond(const struct ndval_clock_state *clock, u32 kind)
{
	return kind == NDVAL_VALUE_KIND_CYCLES ? clock->floor.steps : NSEC_PER_MSEC;
}

/* The pair's clock goes on from where it was, whatever this host's shows. */
static u64 run_on(struct ndval_clocks *clocks, u32 kind)
{
	u64 now = go_on(clocks, kind);

	clock_of(clocks, kind)->offset = now - host_clock(clocks, kind);
	return now;
}

/**
 * ndval_clocks_take_over() - This member is the primary from now on.
 * @pair: the pair
 *
 * Context: any that is not interrupt.
 */
void ndval_clocks_take_over(struct ndval_pair *pair)
{
	struct ndval_clocks *clocks = READ_ONCE(pair->clocks);
	u32 kind;

	if (!clocks)
		return;
	spin_lock(&clocks->lock);
	for (kind = NDVAL_VALUE_KIND_REALTIME; kind <= NDVAL_VALUE_KIND_CYCLES; kind++) {
		struct ndval_clock_state *clock = clock_of(clocks, kind);

		if (is_set_by_people(kind)) {
			clock->base = base_of(kind);
			clock->stands = false;
		} else if (clock->floor.value) {
			run_on(clocks, kind);
		}
	}
	spin_unlock(&clocks->lock);
}

/* A clock that people set: was it? Else it does not go back. */
static u64 keep_up(struct ndval_clock_state *clock, u64 now, s64 base)
{
	u64 behind;

	if (base != clock->base) {
		clock->step += base - clock->base;
		clock->base = base;
		clock->floor.steps = min_t(u64, clock->floor.steps + 1, S64_MAX);
		clock->stands = false;
		return now;
	}
	if (now >= clock->floor.value) {
		clock->stands = false;
		return now;
	}
	behind = clock->floor.value - now;
	if (!clock->stands)
		clock->stood += behind;
	clock->stands = true;
	return clock->floor.value;
}

/* A reading of a clock of the pair; the lock is held. */
static void read_clock(struct ndval_clocks *clocks, u32 kind)
{
	struct ndval_clock_state *clock = clock_of(clocks, kind);
	u64 now;
	s64 base;

	if (is_set_by_people(kind)) {
		now = host_clock_with_base(clocks, kind, &base);
		now = keep_up(clock, now, base);
	} else {
		now = host_clock(clocks, kind) + clock->offset;
		/* Of another processor, or as after a suspend: it has begun anew. */
		if (now < clock->floor.value)
			now = clock->floor.value - now < millisecond(clock, kind) ?
			      clock->floor.value : run_on(clocks, kind);
	}
	/* A peer may have told of the highest floor there is: that is sane yet. */
	clock->floor.value = min_t(u64, now, S64_MAX);
	clock->heard = ktime_get_boottime_ns();
}

/**
 * ndval_clock_read() - Take a new reading of one of the pair's clocks.
 * @pair: the pair, of which this member is the primary
 * @kind: which, enum ndval_value_kind
 * @reading: set to it
 *
 * Context: any that is not interrupt.
 */
void ndval_clock_read(struct ndval_pair *pair, u32 kind, struct ndval_reading *reading)
{
	struct ndval_clocks *clocks = READ_ONCE(pair->clocks);
	bool stepped;

	/* They are there before any journal is. */
	if (WARN_ON_ONCE(!clocks))
		return;
	spin_lock(&clocks->lock);
	if (kind == NDVAL_VALUE_KIND_CYCLES && !clock_of(clocks, kind)->floor.steps)
		clock_of(clocks, kind)->floor.steps = ndval_cycles_khz();
	read_clock(clocks, kind);
	*reading = clock_of(clocks, kind)->floor;
	stepped = clock_of(clocks, kind)->step;
	WRITE_ONCE(clocks->reads, clocks->reads + 1);
	spin_unlock(&clocks->lock);
	if (stepped)
		ndval_pair_report(pair);
}

/* Of two readings, is this the later one? */
static bool is_later(const struct ndval_reading *reading, const struct ndval_reading *than)
{
	return reading->steps > than->steps ||
	       (reading->steps == than->steps && reading->value > than->value);
}

static void raise_floor(struct ndval_clock_state *clock, const struct ndval_reading *reading)
{
	if (!is_later(reading, &clock->floor))
		return;
	clock->floor = *reading;
	clock->heard = ktime_get_boottime_ns();
}

/**
 * ndval_clock_heard() - A reading was taken at the primary.
 * @pair: the pair
 * @kind: of which clock
 * @reading: the reading
 *
 * Context: any that is not interrupt.
 */
void ndval_clock_heard(struct ndval_pair *pair, u32 kind, const struct ndval_reading *reading)
{
	struct ndval_clocks *clocks = READ_ONCE(pair->clocks);

	if (WARN_ON_ONCE(!clocks))
		return;
	spin_lock(&clocks->lock);
	raise_floor(clock_of(clocks, kind), reading);
	spin_unlock(&clocks->lock);
}

/**
 * ndval_clocks_tell() - What peers are to know of the clocks.
 * @pair: the pair
 * @told: filled in
 *
 * A primary tells what its clocks that were ever read show now, so that whoever takes
 * over goes on from there. A secondary tells what it heard, to one that takes over.
 *
 * Context: any that is not interrupt.
 * Return: false if none was ever read.
 */
bool ndval_clocks_tell(struct ndval_pair *pair, struct ndval_clocks_told *told)
{
	struct ndval_clocks *clocks = READ_ONCE(pair->clocks);
	bool any = false;
	u32 kind;

	memset(told, 0, sizeof(*told));
	if (!clocks)
		return false;
	spin_lock(&clocks->lock);
	for (kind = NDVAL_VALUE_KIND_REALTIME; kind <= NDVAL_VALUE_KIND_CYCLES; kind++) {
		struct ndval_clock_state *clock = clock_of(clocks, kind);
		unsigned int i = kind - NDVAL_VALUE_KIND_REALTIME;

		if (!clock->floor.value)
			continue;
		if (ndval_pair_is_primary(pair) && !is_set_by_people(kind))
			read_clock(clocks, kind);
		told->floor[i] = clock->floor;
		any = true;
	}
	spin_unlock(&clocks->lock);
	return any;
}

/**
 * ndval_clocks_are_sane() - May the clocks of a pair be so?
 * @told: what a peer says of them
 */
bool ndval_clocks_are_sane(const struct ndval_clocks_told *told)
{
	unsigned int i;

	for (i = 0; i < NDVAL_CLOCKS; i++)
		if (told->floor[i].value &&
		    !ndval_reading_is_sane(NDVAL_VALUE_KIND_REALTIME + i, &told->floor[i]))
			return false;
	return true;
}

/**
 * ndval_clocks_hear() - The primary has told of the pair's clocks.
 * @pair: the pair
 * @told: what it said
 *
 * Context: any that is not interrupt.
 */
void ndval_clocks_hear(struct ndval_pair *pair, const struct ndval_clocks_told *told)
{
	struct ndval_clocks *clocks = READ_ONCE(pair->clocks);
	unsigned int i;

	if (WARN_ON_ONCE(!clocks))
		return;
	spin_lock(&clocks->lock);
	for (i = 0; i < NDVAL_CLOCKS; i++)
		if (told->floor[i].value)
			raise_floor(&clocks->of[i], &told->floor[i]);
	spin_unlock(&clocks->lock);
}

/**
 * ndval_clock_get() - What is known of a clock of a pair.
 * @pair: the pair
 * @kind: which
 * @clock: set to it
 *
 * Context: any that is not interrupt.
 * Return: false if it was never read.
 */
bool ndval_clock_get(struct ndval_pair *pair, u32 kind, struct ndval_clock_state *clock)
{
	struct ndval_clocks *clocks = READ_ONCE(pair->clocks);

	if (!clocks)
		return false;
	spin_lock(&clocks->lock);
	*clock = *clock_of(clocks, kind);
	spin_unlock(&clocks->lock);
	return clock->floor.value;
}

/**
 * ndval_clocks_reads() - How many readings were taken here.
 * @pair: the pair
 */
u64 ndval_clocks_reads(const struct ndval_pair *pair)
{
	const struct ndval_clocks *clocks = READ_ONCE(pair->clocks);

	return clocks ? READ_ONCE(clocks->reads) : 0;
}

/**
 * ndval_clocks_report() - Tell listeners that a clock was set, if so.
 * @pair: the pair; the caller holds its lock
 *
 * Context: process.
 */
void ndval_clocks_report(struct ndval_pair *pair)
{
	struct ndval_clocks *clocks = pair->clocks;
	s64 step;
	u32 kind;

	lockdep_assert_held(&pair->lock);
	if (!clocks)
		return;
	for (kind = NDVAL_VALUE_KIND_REALTIME; kind <= NDVAL_VALUE_KIND_CYCLES; kind++) {
		spin_lock(&clocks->lock);
		step = clock_of(clocks, kind)->step;
		clock_of(clocks, kind)->step = 0;
		spin_unlock(&clocks->lock);
		if (step)
			ndval_event_clock_step(pair, kind, step);
	}
}

