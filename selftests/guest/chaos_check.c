// SPDX-License-Identifier: GPL-2.0-only
/*
 * The judge of a round of chaos; chaos_check.h tells what it judges.
 *
 * vm: helper=yes
 */
#include "chaos_check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *fault_name(enum fault fault)
{
	static const char *const names[FAULTS] = {
		[FAULT_NONE]		= "none",
		[FAULT_AGREEMENT]	= "agreement",
		[FAULT_ONCE]		= "once",
		[FAULT_COMMIT]		= "commit",
		[FAULT_MEMORY]		= "memory",
		[FAULT_TIME]		= "time",
		[FAULT_UNREPORTED]	= "unreported",
		[FAULT_STATE]		= "state",
		[FAULT_HUNG]		= "hung",
	};

	return names[fault];
}

/* What a book is called in messages. */
static const char *book_name(unsigned int stream)
{
	static const char *const names[CHAOS_BOOKS] = {
		"s0", "s1", "s2", "s3",
		"journal of s0", "journal of s1", "journal of s2", "journal of s3",
	};

	return names[stream];
}

static struct tally *tally_of(struct judge *check, unsigned int stream)
{
	return stream < CHAOS_STREAMS ? &check->bytes : &check->journal;
}

static void note(struct judge *check, enum fault fault, const char *fmt, va_list args)
{
	if (!check->faults++) {
		check->fault = fault;
		vsnprintf(check->what, sizeof(check->what), fmt, args);
	}
}

/* With the lock held. */
__attribute__((format(printf, 3, 4)))
static void find(struct judge *check, enum fault fault, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	note(check, fault, fmt, args);
	va_end(args);
}

/* Somebody else has found something. */
void check_fault(struct judge *check, enum fault fault, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	pthread_mutex_lock(&check->lock);
	note(check, fault, fmt, args);
	pthread_mutex_unlock(&check->lock);
	va_end(args);
}

struct judge *check_new(void)
{
	struct judge *check = calloc(1, sizeof(*check));

	if (check)
		pthread_mutex_init(&check->lock, NULL);
	return check;
}

void check_free(struct judge *check)
{
	pthread_mutex_destroy(&check->lock);
	free(check);
}

static void book_clear(struct book *book)
{
	memset(book->known, 0, book->end);
	book->end = 0;
}

/**
 * check_begin() - a new round: nothing was given yet
 * @check: the judge
 * @strict: no difference is allowed
 * @durable_only: who takes over has to store what fsync confirmed, and no more
 */
void check_begin(struct judge *check, bool strict, bool durable_only)
{
	unsigned int m, s;

	pthread_mutex_lock(&check->lock);
	for (s = 0; s < CHAOS_BOOKS; s++) {
		book_clear(&check->all[s]);
		book_clear(&check->durable[s]);
		for (m = 0; m < CHAOS_MEMBERS; m++) {
			book_clear(&check->own[m][s]);
			check->next[m][s] = 0;
			check->confirmed[m][s] = 0;
		}
	}
	for (s = 0; s < CHAOS_STREAMS; s++) {
		check->all_time[s].n = 0;
		check->durable_time[s].n = 0;
		for (m = 0; m < CHAOS_MEMBERS; m++)
			check->own_time[m][s].n = 0;
	}
	check->strict = strict;
	check->durable_only = durable_only;
	check->fault = FAULT_NONE;
	check->faults = 0;
	check->what[0] = '\0';
	pthread_mutex_unlock(&check->lock);
}

/* A member has lost its memory, or has thrown away what it gave. */
void check_forget(struct judge *check, unsigned int member)
{
	unsigned int s;

	pthread_mutex_lock(&check->lock);
	for (s = 0; s < CHAOS_BOOKS; s++) {
		book_clear(&check->own[member][s]);
		check->next[member][s] = 0;
		check->confirmed[member][s] = 0;
	}
	for (s = 0; s < CHAOS_STREAMS; s++)
		check->own_time[member][s].n = 0;
	pthread_mutex_unlock(&check->lock);
}

/* An instance was put somewhere. */
void check_position(struct judge *check, unsigned int member, unsigned int stream,
		    __u64 offset)
{
	pthread_mutex_lock(&check->lock);
	check->next[member][stream] = offset;
	pthread_mutex_unlock(&check->lock);
}

/* Writes values into a book; returns the first offset that differs, or -1. */
static long long book_add(struct book *book, unsigned int member, __u64 offset,
			  const __u8 *bytes, size_t len, __u64 *compared)
{
	long long bad = -1;
	size_t i;

	for (i = 0; i < len; i++) {
		if (!book->known[offset + i]) {
			book->known[offset + i] = member + 1;
			book->value[offset + i] = bytes[i];
			continue;
		}
		++*compared;
		if (bad < 0 && book->value[offset + i] != bytes[i])
			bad = offset + i;
	}
	if (offset + len > book->end)
		book->end = offset + len;
	return bad;
}

/**
 * check_deliver() - an instance got values
 * @check: the judge
 * @member: of which member
 * @stream: of which stream; or CHAOS_JOURNAL() of it, here and in all that follows
 * @offset: where the values stand, as the kernel says
 * @bytes: the values
 * @len: how many
 */
void check_deliver(struct judge *check, unsigned int member, unsigned int stream,
		   __u64 offset, const void *bytes, size_t len)
{
	__u64 *next = &check->next[member][stream], none = 0;
	long long bad;

	pthread_mutex_lock(&check->lock);
	if (offset != *next)
		find(check, FAULT_ONCE, "m%u %s: got offset %llu after %llu", member,
		     book_name(stream), offset, *next);
	*next = offset + len;
	if (offset > CHAOS_BYTES)
		offset = CHAOS_BYTES;
	if (len > CHAOS_BYTES - offset)
		len = CHAOS_BYTES - offset;
	tally_of(check, stream)->values += len;
	bad = book_add(&check->own[member][stream], member, offset, bytes, len, &none);
	if (bad >= 0)
		find(check, FAULT_AGREEMENT, "m%u %s: got another value than before at %llu",
		     member, book_name(stream), bad);
	bad = book_add(&check->all[stream], member, offset, bytes, len,
		       &tally_of(check, stream)->compared);
	if (bad >= 0 && check->strict)
		find(check, FAULT_AGREEMENT,
		     "m%u %s: got another value at %llu (of %llu+%zu) than m%u", member,
		     book_name(stream), bad, offset, len, check->all[stream].known[bad] - 1);
	if (bad >= 0)
		check->differed++;
	pthread_mutex_unlock(&check->lock);
}

/* The first of a journal's readings that does not stand before a place. */
static size_t readings_find(const struct readings *readings, __u64 place)
{
	size_t from = 0, to = readings->n;

	while (from < to) {
		size_t middle = (from + to) / 2;

		if (readings->at[middle].place < place)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

/* Two readings of a clock, the first at an earlier place: may they be so? */
static bool in_order(const struct reading *one, const struct reading *other)
{
	return one->steps < other->steps ||
	       (one->steps == other->steps && one->value <= other->value);
}

/* The neighbour of the same clock on one side, NULL if there is none. */
static const struct reading *neighbour(const struct readings *readings, size_t i, int step,
				       unsigned int clock)
{
	/* Below the first one it wraps, which is beyond the last one too. */
	for (i += step; i < readings->n; i += step)
		if (readings->at[i].clock == clock)
			return &readings->at[i];
	return NULL;
}

/* Takes in a reading; returns the one that it contradicts, or NULL. */
static const struct reading *readings_add(struct readings *readings,
					  const struct reading *reading)
{
	size_t i = readings_find(readings, reading->place);
	const struct reading *before, *after;

	/* Whether it is the same is a matter of agreement. */
	if (readings->n == CHAOS_READINGS ||
	    (i < readings->n && readings->at[i].place == reading->place))
		return NULL;
	memmove(&readings->at[i + 1], &readings->at[i],
		(readings->n++ - i) * sizeof(*reading));
	readings->at[i] = *reading;
	before = neighbour(readings, i, -1, reading->clock);
	after = neighbour(readings, i, 1, reading->clock);
	if (before && !in_order(before, reading))
		return before;
	return after && !in_order(reading, after) ? after : NULL;
}

static void add_reading(struct judge *check, unsigned int member, unsigned int stream,
			struct readings *readings, const struct reading *reading)
{
	const struct reading *other = readings_add(readings, reading);

	check->readings++;
	if (other)
		find(check, FAULT_TIME,
		     "m%u %s: clock %u is %llu (set %llu times) at %llu, and %llu (%llu) at %llu",
		     member, book_name(CHAOS_JOURNAL(stream)), reading->clock,
		     reading->value, reading->steps, reading->place, other->value,
		     other->steps, other->place);
}

/**
 * check_clock() - an instance got a reading of a clock
 * @check: the judge, who was told of the record by check_deliver()
 * @member: of which member
 * @stream: of which stream
 * @reading: the reading
 *
 * What one member gives is of one history, whatever the mode: it is reported, and
 * forgotten, before it goes on with another one.
 */
void check_clock(struct judge *check, unsigned int member, unsigned int stream,
		 const struct reading *reading)
{
	pthread_mutex_lock(&check->lock);
	add_reading(check, member, stream, &check->own_time[member][stream], reading);
	if (check->strict)
		add_reading(check, member, stream, &check->all_time[stream], reading);
	pthread_mutex_unlock(&check->lock);
}

/* Where an instance stands. */
__u64 check_next(struct judge *check, unsigned int member, unsigned int stream)
{
	__u64 next;

	pthread_mutex_lock(&check->lock);
	next = check->next[member][stream];
	pthread_mutex_unlock(&check->lock);
	return next;
}

/* fsync has confirmed a member's readings between two places. */
static void confirm_readings(struct judge *check, unsigned int member, unsigned int stream,
			     __u64 from, __u64 end)
{
	const struct readings *own = &check->own_time[member][stream];
	size_t i;

	for (i = readings_find(own, from); i < own->n && own->at[i].place < end; i++)
		add_reading(check, member, stream, &check->durable_time[stream], &own->at[i]);
}

/**
 * check_durable() - fsync has confirmed what an instance got
 * @check: the judge
 * @member: of which member
 * @stream: of which stream
 * @end: where the instance stood when fsync was called
 */
void check_durable(struct judge *check, unsigned int member, unsigned int stream,
		   __u64 end)
{
	const struct book *own = &check->own[member][stream];
	__u64 *from = &check->confirmed[member][stream];
	__u64 none = 0;

	if (!check->durable_only)
		return;
	pthread_mutex_lock(&check->lock);
	if (end > CHAOS_BYTES)
		end = CHAOS_BYTES;
	if (stream >= CHAOS_STREAMS)
		confirm_readings(check, member, stream - CHAOS_STREAMS, *from, end);
	for (; *from < end; ++*from) {
		if (!own->known[*from])
			continue;
		if (book_add(&check->durable[stream], member, *from, &own->value[*from], 1,
			     &none) < 0)
			continue;
		find(check, FAULT_COMMIT,
		     "m%u %s: fsync confirmed another value at %llu than to m%u", member,
		     book_name(stream), *from, check->durable[stream].known[*from] - 1);
		break;
	}
	pthread_mutex_unlock(&check->lock);
}

/* Up to where a member that takes over now must store a stream. */
__u64 check_needed(struct judge *check, unsigned int stream)
{
	__u64 end = 0;

	pthread_mutex_lock(&check->lock);
	if (check->durable_only)
		end = check->durable[stream].end;
	else if (check->strict)
		end = check->all[stream].end;
	pthread_mutex_unlock(&check->lock);
	return end;
}

/* That of all streams and journals. */
void check_all_needed(struct judge *check, __u64 needed[CHAOS_BOOKS])
{
	unsigned int s;

	for (s = 0; s < CHAOS_BOOKS; s++)
		needed[s] = check_needed(check, s);
}

/* What a member that has taken over stores is what was given. */
void check_stores(struct judge *check, unsigned int member, unsigned int stream,
		  __u64 offset, const void *bytes, size_t len)
{
	const struct book *book = check->durable_only ? &check->durable[stream] :
				  &check->all[stream];
	const __u8 *value = bytes;
	size_t i;

	pthread_mutex_lock(&check->lock);
	for (i = 0; i < len && offset + i < book->end; i++) {
		if (!book->known[offset + i])
			continue;
		tally_of(check, stream)->audited++;
		if (book->value[offset + i] == value[i])
			continue;
		find(check, FAULT_COMMIT,
		     "m%u %s: took over with another value at %llu than m%u gave", member,
		     book_name(stream), offset + i, book->known[offset + i] - 1);
		break;
	}
	pthread_mutex_unlock(&check->lock);
}

/* A member that has taken over stores a stream up to @head. */
void check_head(struct judge *check, unsigned int member, unsigned int stream, __u64 head,
		__u64 needed)
{
	if (head < needed)
		check_fault(check, FAULT_COMMIT,
			    "m%u %s: took over with %llu bytes, %llu were given", member,
			    book_name(stream), head, needed);
}

static long long first_difference(const struct book *one, const struct book *other)
{
	__u64 end = one->end < other->end ? one->end : other->end, at;

	for (at = 0; at < end; at++)
		if (one->known[at] && other->known[at] && one->value[at] != other->value[at])
			return at;
	return -1;
}

/* Two members that nobody reported as different gave the same all their lives. */
void check_same(struct judge *check, unsigned int one, unsigned int other)
{
	unsigned int s;

	pthread_mutex_lock(&check->lock);
	for (s = 0; s < CHAOS_BOOKS; s++) {
		long long at = first_difference(&check->own[one][s], &check->own[other][s]);

		if (at >= 0)
			find(check, FAULT_UNREPORTED,
			     "%s: m%u and m%u are together again, but gave other values at %lld",
			     book_name(s), one, other, at);
	}
	pthread_mutex_unlock(&check->lock);
}

/* Did two members give different values? */
bool check_differ(struct judge *check, unsigned int one, unsigned int other)
{
	bool differ = false;
	unsigned int s;

	pthread_mutex_lock(&check->lock);
	for (s = 0; s < CHAOS_BOOKS; s++)
		differ |= first_difference(&check->own[one][s], &check->own[other][s]) >= 0;
	pthread_mutex_unlock(&check->lock);
	return differ;
}

void check_memory(struct judge *check, unsigned int member, __u64 memory, __u64 max)
{
	if (memory > max)
		check_fault(check, FAULT_MEMORY, "m%u: %llu bytes of memory, %llu allowed",
			    member, memory, max);
}
