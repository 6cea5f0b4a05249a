// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "journal.h"
#include "json.h"
#include "model.h"
#include "ndvalctl.h"
#include "nl.h"

#define LINE_BYTES	16

enum look {
	LOOK_LINES,	/* offset and digits, for people */
	LOOK_HEX,
	LOOK_RAW,
	LOOK_JSON,
};

/**
 * struct range - what is left to show
 * @pair: of it
 * @stream: of it
 * @offset: of the next byte
 * @left: bytes
 * @look: in which form
 * @begun: something was written
 */
struct range {
	const char	*pair;
	const char	*stream;
	__u64		offset;
	__u64		left;
	enum look	look;
	bool		begun;
};

/* What stands before the values; only now, so that a refusal leaves no half object. */
static void begin_range(struct range *range)
{
	if (range->look != LOOK_JSON || range->begun)
		return;
	range->begun = true;
	json_begin_object(NULL);
	json_string("pair", range->pair);
	json_string("stream", range->stream);
	json_number("offset", range->offset);
	json_number("length", range->left);
	json_begin_hex("data");
}

static void print_lines(__u64 offset, const unsigned char *bytes, size_t length)
{
	while (length) {
		size_t line = LINE_BYTES - offset % LINE_BYTES;

		if (line > length)
			line = length;
		printf("%llu: ", offset);
		put_hex(bytes, line);
		putchar('\n');
		offset += line;
		bytes += line;
		length -= line;
	}
}

static int show_values(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_VALUES_MAX + 1];
	const struct nlattr *value[NDVAL_A_VALUE_MAX + 1];
	struct range *range = data;
	const void *bytes;
	size_t length;

	nl_parse(nlh, tb, NDVAL_A_VALUES_MAX);
	nl_parse_nest(tb[NDVAL_A_VALUES_VALUE], value, NDVAL_A_VALUE_MAX);
	if (!value[NDVAL_A_VALUE_DATA] || nl_u64(value[NDVAL_A_VALUE_OFFSET]) != range->offset)
		return MNL_CB_OK;

	bytes = mnl_attr_get_payload(value[NDVAL_A_VALUE_DATA]);
	length = mnl_attr_get_payload_len(value[NDVAL_A_VALUE_DATA]);
	if (length > range->left)
		length = range->left;
	begin_range(range);
	if (range->look == LOOK_LINES)
		print_lines(range->offset, bytes, length);
	else if (range->look == LOOK_RAW)
		fwrite(bytes, 1, length, stdout);
	else
		put_hex(bytes, length);
	range->offset += length;
	range->left -= length;
	return MNL_CB_OK;
}

static void show_range(struct nl *nl, struct range *range)
{
	while (range->left) {
		__u64 offset = range->offset;
		__u32 length = range->left < NDVAL_VALUES_MAX ? range->left : NDVAL_VALUES_MAX;

		nl_request(nl, NDVAL_CMD_VALUES_GET, 0);
		nl_put_str(nl, NDVAL_A_VALUES_PAIR, range->pair);
		nl_put_str(nl, NDVAL_A_VALUES_STREAM, range->stream);
		nl_put_u64(nl, NDVAL_A_VALUES_OFFSET, offset);
		nl_put_u32(nl, NDVAL_A_VALUES_LENGTH, length);
		if (nl_call(nl, show_values, range))
			die("at offset %llu: %s", offset, nl_message(nl));
		if (range->offset == offset)
			die("nothing is recorded at offset %llu", offset);
	}
}

/* Fail before anything is written, if the whole range cannot be shown. */
static void check_range(struct nl *nl, const struct range *range)
{
	struct stream *streams;
	size_t count, i;

	if (get_streams(nl, range->pair, &streams, &count))
		die_kernel(nl);
	for (i = 0; i < count; i++) {
		const struct stream *stream = &streams[i];

		if (strcmp(stream->name, range->stream))
			continue;
		if (range->offset < stream->tail || range->offset > stream->head ||
		    range->left > stream->head - range->offset)
			die("stream %s has only the bytes from %llu to %llu", stream->name,
			    stream->tail, stream->head);
	}
	free(streams);
}

static void show_bytes(struct nl *nl, struct range *range)
{
	check_range(nl, range);
	if (json_wanted)
		range->look = LOOK_JSON;
	show_range(nl, range);
	if (range->look == LOOK_HEX)
		putchar('\n');
	if (json_wanted) {
		json_end_hex();
		json_end_object();
	}
}

/* Of a journal all is shown, unless the command line says otherwise. */
static void show_records(struct nl *nl, const struct range *range, const struct pair *pair,
			 bool at_given, bool length_given)
{
	struct excerpt excerpt = {
		.pair = pair,
		.stream = range->stream,
		.at_given = at_given,
		.place = range->offset,
		.length_given = length_given,
		.length = range->left,
		.hex = range->look == LOOK_HEX,
	};

	show_journal(nl, &excerpt);
}

int values_main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "stream", required_argument, NULL, 's' },
		{ "at", required_argument, NULL, 'a' },
		{ "length", required_argument, NULL, 'l' },
		{ "hex", no_argument, NULL, 'x' },
		{ "raw", no_argument, NULL, 'r' },
		{ "journal", no_argument, NULL, 'J' },
		{ }
	};
	const char *at = NULL, *length = NULL;
	struct range range = { .stream = "default", .look = LOOK_LINES };
	bool journal = false;
	struct pair pair;
	struct nl *nl;
	int option;

	while ((option = next_option(argc, argv, "", options)) != -1) {
		if (option == 's')
			range.stream = optarg;
		else if (option == 'a')
			at = optarg;
		else if (option == 'l')
			length = optarg;
		else if (option == 'J')
			journal = true;
		else if (range.look != LOOK_LINES)
			die_usage("--hex and --raw exclude each other");
		else
			range.look = option == 'x' ? LOOK_HEX : LOOK_RAW;
	}
	range.pair = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);
	if (!journal && (!at || !length))
		die_usage("%s is missing", at ? "--length N" : "--at OFFSET");
	if (journal && range.look == LOOK_RAW)
		die_usage("--journal excludes --raw");
	if (json_wanted && range.look == LOOK_RAW)
		die_usage("--json excludes --raw");
	if (at)
		range.offset = parse_number(journal ? "the place" : "the offset", at, 0, ~0ULL);
	if (length)
		range.left = parse_size("the length", length, ~0ULL);
	if (length && !range.left)
		die_usage("the length must be 1 at least");

	nl = open_kernel();
	if (get_pair(nl, range.pair, &pair))
		die_kernel(nl);
	if (journal)
		show_records(nl, &range, &pair, at, length);
	else
		show_bytes(nl, &range);
	nl_close(nl);
	return EXIT_SUCCESS;
}
