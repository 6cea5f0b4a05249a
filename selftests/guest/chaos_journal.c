// SPDX-License-Identifier: GPL-2.0-only
/*
 * Clock readings and agreed values in a round of chaos: what applications ask for,
 * what the judge is told of it, and where the journal of a member is looked at.
 *
 * What a copy asks for at a place of a stream's journal is drawn from the round's
 * seed, the stream and the place: all copies ask for the same, in the same order, and
 * one that is put elsewhere knows what to ask for there. An agreed value tells which
 * life of which member offered it, so that of two copies never both would have the
 * same by chance.
 *
 * vm: helper=yes
 */
#include "chaos.h"

#include "common.h"
#include "journal.h"

/* Pause of one that does not block, when there is nothing yet, in us. */
#define PAUSE		500

/* Bytes of an agreed value before those that are drawn: member and life. */
#define OFFER_HEAD	9

/* Places of an audit that the window may leave before it gives up. */
#define MOVES		8

_Static_assert(CHAOS_READINGS * RECORD_CLOCK == CHAOS_BYTES, "no record is shorter");

/* What is asked for at a place. */
static __u32 kind_at(const struct app *app)
{
	__u64 seed = app->world->seed * 0x100 + app->stream;

	seed = draw(&seed) + app->record;
	seed = draw(&seed);
	if (seed % 8 < 3)
		return NDVAL_VALUE_KIND_AGREED;
	return NDVAL_VALUE_KIND_REALTIME + (seed >> 32) % ARRAY_LEN(all_clocks);
}

/* Mostly short, sometimes as long as may be. */
static __u32 offer_length(__u64 *seed)
{
	__u32 most = draw(seed) % 8 ? 96 : NDVAL_AGREED_MAX;

	return draw(seed) % (most + 1);
}

/* The value that a life of a member offers at a place, as often as it asks. */
__u32 journal_offer(unsigned int member, __u64 life, __u64 place, __u8 *value)
{
	__u8 head[OFFER_HEAD] = { member };
	__u64 seed = life ^ place;
	__u32 length = offer_length(&seed), i;

	memcpy(head + 1, &life, sizeof(life));
	for (i = 0; i < length; i++)
		value[i] = i < sizeof(head) ? head[i] : draw(&seed);
	return length;
}

/* Did somebody offer this there? What is too short tells nothing. */
bool journal_was_offered(__u64 place, const __u8 *value, __u32 length)
{
	__u8 offer[NDVAL_AGREED_MAX];
	__u64 life;

	if (length < OFFER_HEAD)
		return !length || value[0] < CHAOS_MEMBERS;
	memcpy(&life, value + 1, sizeof(life));
	return value[0] < CHAOS_MEMBERS &&
	       journal_offer(value[0], life, place, offer) == length &&
	       !memcmp(offer, value, length);
}

static long draw_agreed(struct app *app, int fd, struct record *record)
{
	__u8 offer[NDVAL_AGREED_MAX];
	__u32 length = journal_offer(app->member, app->life, app->record, offer);
	long got = agree(fd, offer, length, record->value, sizeof(record->value));

	if (got >= 0)
		record->length = got;
	return got;
}

/* In a record the frequency of cycles, in kHz, stands where others have their steps. */
static int draw_clock(int fd, struct record *record)
{
	struct ndval_clock clock;
	int err = clock_call(fd, all_clocks[record->kind - NDVAL_VALUE_KIND_REALTIME], &clock);
	__u64 value[2] = { clock.value, clock.steps };

	if (err)
		return err;
	if (record->kind == NDVAL_VALUE_KIND_CYCLES)
		value[1] = clock.frequency / 1000;
	record->length = sizeof(value);
	memcpy(record->value, value, sizeof(value));
	return 0;
}

/* The judge hears of a record as it is stored, but for who asked for it first. */
static void tell(struct app *app, const struct record *record)
{
	struct judge *check = app->world->check;
	struct reading reading = { .place = record->place, .clock = record->kind };

	check_deliver(check, app->member, CHAOS_JOURNAL(app->stream), record->place, record,
		      RECORD_SIZE(record->length));
	__atomic_fetch_add(&app->world->score.records, 1, __ATOMIC_RELAXED);
	if (record->kind == NDVAL_VALUE_KIND_AGREED) {
		if (!journal_was_offered(record->place, record->value, record->length))
			check_fault(check, FAULT_AGREEMENT,
				    "m%u s%u: agreed on what nobody offered at %llu",
				    app->member, app->stream, record->place);
		return;
	}
	memcpy(&reading.value, record->value, sizeof(reading.value));
	if (record->kind != NDVAL_VALUE_KIND_CYCLES)
		memcpy(&reading.steps, record->value + sizeof(reading.value),
		       sizeof(reading.steps));
	check_clock(check, app->member, app->stream, &reading);
}

/* The next step of an application: a clock, or an agreed value. */
void app_draw_record(struct app *app, int fd)
{
	struct record record = { .kind = kind_at(app) };
	long long now;
	long err;

	if (app->record + sizeof(record) > CHAOS_BYTES) {
		app_look_up(app, fd);
		return;
	}
	err = record.kind == NDVAL_VALUE_KIND_AGREED ? draw_agreed(app, fd, &record) :
						       draw_clock(fd, &record);
	if (err < 0) {
		app->record_lost = err == -EPIPE;
		app->state = app_state_after(app, -err);
		if (err == -EAGAIN)
			usleep(PAUSE);
		return;
	}
	/* What the kernel counts is what it gave, unless it was resynced meanwhile. */
	now = journal_position(fd);
	record.place = app->record;
	if (now >= (long long)RECORD_SIZE(record.length))
		record.place = now - RECORD_SIZE(record.length);
	app->record += RECORD_SIZE(record.length);
	tell(app, &record);
}

/* Where a copy that is lost might go on: a place where a record begins; -1: nowhere. */
long long journal_place(struct world *world, unsigned int member, unsigned int stream)
{
	__u64 head = world_stream(world, member, stream, NDVAL_A_STREAM_JOURNAL_HEAD);
	__u64 tail = world_stream(world, member, stream, NDVAL_A_STREAM_JOURNAL_TAIL);
	unsigned int other = world_draw(world, world->members);
	__u64 next = check_next(world->check, other, CHAOS_JOURNAL(stream));

	if (head == ~0ULL || tail > head)
		return -1;
	switch (world_draw(world, 3)) {
	case 0:
		return head;
	case 1:
		return next >= tail && next <= head ? next : tail;
	default:
		return tail;
	}
}

/* Does a member that has taken over store all records that were given, and the same? */

struct audit {
	struct world	*world;
	unsigned int	member;
	unsigned int	stream;
	__u64		next;
};

/* One record of those that came; false if it is none. */
static bool take_record(struct audit *audit, const __u8 *data, size_t len)
{
	struct record record = { 0 };

	memcpy(&record, data, len < RECORD_HEAD ? len : RECORD_HEAD);
	if (len < RECORD_HEAD || record.length > sizeof(record.value) ||
	    RECORD_SIZE(record.length) > len || record.place != audit->next)
		return false;
	memcpy(record.value, data + RECORD_HEAD, record.length);
	record.origin = 0;
	record.instance = 0;
	record.pid = 0;
	memset(record.comm, 0, sizeof(record.comm));
	check_stores(audit->world->check, audit->member, CHAOS_JOURNAL(audit->stream),
		     audit->next, &record, RECORD_SIZE(record.length));
	audit->next += RECORD_SIZE(record.length);
	return true;
}

static int take_records(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_VALUES_MAX + 1], *value[NDVAL_A_VALUE_MAX + 1];
	struct audit *audit = data;
	__u64 begin = audit->next, done;
	size_t len;

	nl_parse(nlh, tb, NDVAL_A_VALUES_MAX);
	nl_parse_nest(tb[NDVAL_A_VALUES_VALUE], value, NDVAL_A_VALUE_MAX);
	len = mnl_attr_get_payload_len(value[NDVAL_A_VALUE_DATA]);
	while ((done = audit->next - begin) < len) {
		const __u8 *payload = mnl_attr_get_payload(value[NDVAL_A_VALUE_DATA]);

		if (take_record(audit, payload + done, len - done))
			continue;
		check_fault(audit->world->check, FAULT_STATE, "m%u s%u: no record at %llu",
			    audit->member, audit->stream, audit->next);
		break;
	}
	return MNL_CB_OK;
}

/* The next records of the journal, as many as come at once; an errno. */
static int ask_records(struct audit *audit)
{
	struct nl *nl = audit->world->host.nl;

	nl_request(nl, NDVAL_CMD_VALUES_GET, 0);
	nl_put_str(nl, NDVAL_A_VALUES_PAIR, audit->world->member[audit->member].pair);
	nl_put_str(nl, NDVAL_A_VALUES_STREAM, app_stream_name(audit->stream));
	nl_put_flag(nl, NDVAL_A_VALUES_JOURNAL);
	nl_put_u64(nl, NDVAL_A_VALUES_OFFSET, audit->next);
	nl_put_u32(nl, NDVAL_A_VALUES_LENGTH, 2 * NDVAL_AGREED_MAX);
	return nl_call(nl, take_records, audit);
}

/**
 * journal_audit() - compares what a member stores of a journal with what was given
 * @world: the world
 * @member: the member
 * @stream: of which stream
 * @needed: up to where it has to store it
 */
void journal_audit(struct world *world, unsigned int member, unsigned int stream,
		   __u64 needed)
{
	struct audit audit = { .world = world, .member = member, .stream = stream };
	unsigned int moves = 0;
	__u64 tail, head;

	if (!needed)
		return;
	head = world_stream(world, member, stream, NDVAL_A_STREAM_JOURNAL_HEAD);
	check_head(world->check, member, CHAOS_JOURNAL(stream), head == ~0ULL ? 0 : head,
		   needed);
	/* Before the window's end nothing can be asked, and it may move meanwhile. */
	while (head != ~0ULL && audit.next < needed && moves < MOVES) {
		tail = world_stream(world, member, stream, NDVAL_A_STREAM_JOURNAL_TAIL);
		if (audit.next < tail)
			audit.next = tail;
		if (audit.next < needed && ask_records(&audit))
			moves++;
	}
}
