// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "format.h"
#include "json.h"
#include "model.h"
#include "ndvalctl.h"
#include "nl.h"
#include "show.h"

static void print_streams(const struct stream *streams, size_t count)
{
	size_t i;

	column("PAIR");
	column("STREAM");
	column("TAIL");
	column("HEAD");
	column("COMMITTED");
	column("FURTHEST");
	column("MEMORY");
	column("J-TAIL");
	column("J-HEAD");
	column("J-COMMITTED");
	column("STATE");
	end_row();
	for (i = 0; i < count; i++) {
		const struct stream *stream = &streams[i];

		column("%s", stream->pair);
		column("%s", stream->name);
		column_number(stream->tail);
		column_number(stream->head);
		column_number(stream->committed);
		column_number(stream->furthest);
		column_number(stream->memory);
		column_maybe(stream->has_journal, stream->journal_tail);
		column_maybe(stream->has_journal, stream->journal_head);
		column_maybe(stream->has_journal, stream->journal_committed);
		if (stream->error)
			column("refused: %s", strerror(stream->error));
		else
			column("%s", stream->id ? "confirmed" : "asked");
		end_row();
	}
	print_rows("");
}

static int stream_list(int argc, char *argv[])
{
	struct stream *streams;
	const char *name;
	struct pair pair;
	size_t count, i;
	struct nl *nl;

	no_options(argc, argv);
	name = maybe_argument(argc, argv);
	no_more_arguments(argc, argv);

	nl = open_kernel();
	if (name && get_pair(nl, name, &pair))
		die_kernel(nl);
	if (get_streams(nl, name, &streams, &count))
		die_kernel(nl);
	if (json_wanted) {
		json_begin_array(NULL);
		for (i = 0; i < count; i++)
			json_stream(&streams[i]);
		json_end_array();
	} else {
		print_streams(streams, count);
	}
	free(streams);
	nl_close(nl);
	return EXIT_SUCCESS;
}

static int stream_del(int argc, char *argv[])
{
	const char *pair, *name;
	struct nl *nl;

	no_options(argc, argv);
	pair = next_argument(argc, argv, "PAIR");
	name = next_argument(argc, argv, "STREAM");
	no_more_arguments(argc, argv);

	nl = open_kernel();
	nl_request(nl, NDVAL_CMD_STREAM_DEL, 0);
	nl_put_str(nl, NDVAL_A_STREAM_PAIR, pair);
	nl_put_str(nl, NDVAL_A_STREAM_NAME, name);
	if (nl_call(nl, NULL, NULL))
		die_kernel(nl);
	if (json_wanted) {
		json_begin_object(NULL);
		json_string("pair", pair);
		json_string("name", name);
		json_end_object();
	}
	nl_close(nl);
	return EXIT_SUCCESS;
}

int stream_main(int argc, char *argv[])
{
	static const struct command commands[] = {
		{ "list", stream_list, "[PAIR] [--json]",
		  "List the streams of a pair, or of all pairs; offsets in bytes\n"
		  "TAIL and HEAD are the window of recorded values. COMMITTED is the end up to\n"
		  "which every connected peer stores the stream, FURTHEST the furthest cursor.\n"
		  "J-TAIL, J-HEAD and J-COMMITTED are the same of the stream's journal, which has\n"
		  "clock readings and agreed values.\n" },
		{ "del", stream_del, "PAIR STREAM [--json]",
		  "Delete a stream, on the primary\n"
		  "Open files bound to it then get ESTALE.\n" },
		{ }
	};

	return run_command(commands, argc, argv);
}
