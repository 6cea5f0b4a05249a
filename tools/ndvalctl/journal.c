// SPDX-License-Identifier: GPL-2.0-only
/*
 * What is recorded in a stream's journal: clock readings and agreed values. The
 * records look as they do on the wire, see Documentation/wire-protocol.rst.
 */
#include "journal.h"

#include <ctype.h>
#include <endian.h>
#include <linux/ndval.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "format.h"
#include "json.h"
#include "model.h"
#include "names.h"
#include "ndvalctl.h"
#include "nl.h"

#define RECORD_MAX	(sizeof(struct ndval_record) + NDVAL_AGREED_MAX)

/**
 * struct record - one record
 * @head: in this host's byte order
 * @comm: its comm, escaped
 * @value: bytes of the value, as many as @head says
 */
struct record {
	struct ndval_record	head;
	char			comm[4 * sizeof(((struct ndval_record *)0)->comm) + 1];
	const unsigned char	*value;
};

/**
 * struct tour - the way through a journal
 * @excerpt: what is to be shown
 * @peers: of the pair
 * @peer_count: of @peers
 * @place: of the next record
 * @end: the last record begins before this
 * @begun: something was written
 */
struct tour {
	const struct excerpt	*excerpt;
	struct peer		*peers;
	size_t			peer_count;
	__u64			place;
	__u64			end;
	bool			begun;
};

/* Return: bytes of the record with what fills it up; 0, there is no whole one. */
static size_t read_record(const unsigned char *bytes, size_t size, struct record *record)
{
	struct ndval_record *head = &record->head;
	size_t whole;

	if (size < sizeof(*head))
		return 0;
	memcpy(head, bytes, sizeof(*head));
	head->kind = le32toh(head->kind);
	head->length = le32toh(head->length);
	head->place = le64toh(head->place);
	head->origin = le64toh(head->origin);
	head->instance = le32toh(head->instance);
	head->pid = le32toh(head->pid);
	escape(head->comm, sizeof(head->comm), record->comm, sizeof(record->comm));
	record->value = bytes + sizeof(*head);
	whole = (sizeof(*head) + head->length + 7ULL) & ~7ULL;
	return head->length <= NDVAL_AGREED_MAX && whole <= size ? whole : 0;
}

static bool is_clock(const struct record *record)
{
	return record->head.kind >= NDVAL_VALUE_KIND_REALTIME &&
	       record->head.kind <= NDVAL_VALUE_KIND_CYCLES &&
	       record->head.length == 2 * sizeof(__u64);
}

static void read_clock(const struct record *record, __u64 *value, __u64 *more)
{
	memcpy(value, record->value, sizeof(*value));
	memcpy(more, record->value + sizeof(*value), sizeof(*more));
	*value = le64toh(*value);
	*more = le64toh(*more);
}

/* The member whose copy came first. Return: NULL, it is not known any more. */
static const char *find_member(const struct tour *tour, __u64 origin)
{
	const struct pair *pair = tour->excerpt->pair;
	size_t i;

	if (origin == pair->member_id)
		return pair->member;
	for (i = 0; i < tour->peer_count; i++) {
		if (tour->peers[i].heard && tour->peers[i].member_id == origin)
			return tour->peers[i].name;
	}
	return NULL;
}

static void print_clock(const struct record *record)
{
	__u64 value, more;

	read_clock(record, &value, &more);
	if (record->head.kind == NDVAL_VALUE_KIND_CYCLES)
		printf("%llu cycles of %llu kHz", value, more);
	else
		printf("%llu ns", value);
	if (record->head.kind != NDVAL_VALUE_KIND_CYCLES && more)
		printf(", clock set %llu times", more);
}

/* Quotes tell text from digits, so text has none. */
static bool is_text(const struct record *record)
{
	__u32 i;

	for (i = 0; i < record->head.length; i++) {
		if (!isascii(record->value[i]) || !isprint(record->value[i]) ||
		    record->value[i] == '"')
			return false;
	}
	return true;
}

static void print_bytes(const struct record *record, bool hex)
{
	if (!hex && is_text(record))
		printf("\"%.*s\"", (int)record->head.length, (const char *)record->value);
	else
		put_hex(record->value, record->head.length);
}

/* 64: agreed     instance 0 of a, process 412 (app): "an answer" */
static void print_record(const struct tour *tour, const struct record *record)
{
	const struct ndval_record *head = &record->head;
	const char *member = find_member(tour, head->origin);

	printf("%llu: %-9s  instance %u of ", head->place, name_of(value_kind_names, head->kind),
	       head->instance);
	if (!member)
		printf("%016llx", head->origin);
	else
		printf("%s", *member ? member : "this host");
	printf(", process %u (%s): ", head->pid, record->comm);
	if (is_clock(record))
		print_clock(record);
	else
		print_bytes(record, tour->excerpt->hex);
	putchar('\n');
}

static void json_value(const struct record *record)
{
	__u64 value, more;

	if (is_clock(record)) {
		read_clock(record, &value, &more);
		json_number("value", value);
		if (record->head.kind == NDVAL_VALUE_KIND_CYCLES)
			json_number("frequency", more * 1000);
		else
			json_number("steps", more);
		return;
	}
	json_number("length", record->head.length);
	json_begin_hex("data");
	put_hex(record->value, record->head.length);
	json_end_hex();
}

static void json_record(const struct tour *tour, const struct record *record)
{
	const struct ndval_record *head = &record->head;
	const char *member = find_member(tour, head->origin);

	json_begin_object(NULL);
	json_number("place", head->place);
	json_string("kind", name_of(value_kind_names, head->kind));
	json_value(record);
	json_id("origin", head->origin);
	if (member)
		json_string("member", member);
	json_number("instance", head->instance);
	json_number("pid", head->pid);
	json_string("comm", record->comm);
	json_end_object();
}

/* What stands before the records; only now, so that a refusal leaves no half object. */
static void begin_tour(struct tour *tour)
{
	if (!json_wanted || tour->begun)
		return;
	tour->begun = true;
	json_begin_object(NULL);
	json_string("pair", tour->excerpt->pair->name);
	json_string("stream", tour->excerpt->stream);
	json_begin_array("records");
}

static int show_records(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_VALUES_MAX + 1];
	const struct nlattr *value[NDVAL_A_VALUE_MAX + 1];
	const unsigned char *bytes;
	struct tour *tour = data;
	struct record record;
	size_t left, size;

	nl_parse(nlh, tb, NDVAL_A_VALUES_MAX);
	nl_parse_nest(tb[NDVAL_A_VALUES_VALUE], value, NDVAL_A_VALUE_MAX);
	if (!value[NDVAL_A_VALUE_DATA] || nl_u64(value[NDVAL_A_VALUE_OFFSET]) != tour->place)
		return MNL_CB_OK;
	bytes = mnl_attr_get_payload(value[NDVAL_A_VALUE_DATA]);
	left = mnl_attr_get_payload_len(value[NDVAL_A_VALUE_DATA]);
	begin_tour(tour);
	while (tour->place < tour->end) {
		size = read_record(bytes, left, &record);
		if (!size)
			break;
		if (json_wanted)
			json_record(tour, &record);
		else
			print_record(tour, &record);
		tour->place += size;
		bytes += size;
		left -= size;
	}
	return MNL_CB_OK;
}

/* The last record may go on behind the end, and is wanted whole. */
static __u32 how_much(const struct tour *tour)
{
	__u64 left = tour->end - tour->place;

	if (left < RECORD_MAX)
		return RECORD_MAX;
	return left < NDVAL_RECORDS_MAX ? left : NDVAL_RECORDS_MAX;
}

static void make_tour(struct nl *nl, struct tour *tour)
{
	while (tour->place < tour->end) {
		__u64 place = tour->place;

		nl_request(nl, NDVAL_CMD_VALUES_GET, 0);
		nl_put_str(nl, NDVAL_A_VALUES_PAIR, tour->excerpt->pair->name);
		nl_put_str(nl, NDVAL_A_VALUES_STREAM, tour->excerpt->stream);
		nl_put_u64(nl, NDVAL_A_VALUES_OFFSET, place);
		nl_put_u32(nl, NDVAL_A_VALUES_LENGTH, how_much(tour));
		nl_put_flag(nl, NDVAL_A_VALUES_JOURNAL);
		if (nl_call(nl, show_records, tour))
			die("at place %llu: %s", place, nl_message(nl));
		if (tour->place == place)
			die("no record can be read at place %llu", place);
	}
}

static void find_stream(struct nl *nl, const struct excerpt *excerpt, struct stream *found)
{
	struct stream *streams;
	size_t count, i;

	if (get_streams(nl, excerpt->pair->name, &streams, &count))
		die_kernel(nl);
	for (i = 0; i < count; i++) {
		if (!strcmp(streams[i].name, excerpt->stream))
			break;
	}
	if (i == count)
		die("the pair has no such stream");
	if (!streams[i].has_journal)
		die("stream %s has no journal yet", excerpt->stream);
	*found = streams[i];
	free(streams);
}

/* Fail before anything is written, if not all of it can be shown. */
static void find_way(const struct stream *stream, struct tour *tour)
{
	const struct excerpt *excerpt = tour->excerpt;

	tour->place = excerpt->at_given ? excerpt->place : stream->journal_tail;
	if (tour->place < stream->journal_tail || tour->place > stream->journal_head ||
	    (excerpt->length_given && excerpt->length > stream->journal_head - tour->place))
		die("the journal of stream %s has only the records from %llu to %llu",
		    stream->name, stream->journal_tail, stream->journal_head);
	tour->end = excerpt->length_given ? tour->place + excerpt->length : stream->journal_head;
}

/**
 * show_journal() - show records of a stream's journal
 * @nl: from open_kernel()
 * @excerpt: which
 *
 * Ends the program if that cannot be done.
 */
void show_journal(struct nl *nl, const struct excerpt *excerpt)
{
	struct tour tour = { .excerpt = excerpt };
	struct stream stream;

	find_stream(nl, excerpt, &stream);
	find_way(&stream, &tour);
	if (get_peers(nl, excerpt->pair->name, &tour.peers, &tour.peer_count))
		die_kernel(nl);
	make_tour(nl, &tour);
	begin_tour(&tour);
	if (json_wanted) {
		json_end_array();
		json_end_object();
	}
	free(tour.peers);
}
