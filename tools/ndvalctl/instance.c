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

static void print_instances(const struct instance *instances, size_t count)
{
	size_t i;

	column("PAIR");
	column("STREAM");
	column("INSTANCE");
	column("POSITION");
	column("DELIVERED");
	column("JOURNAL");
	column("FILES");
	column("STATE");
	end_row();
	for (i = 0; i < count; i++) {
		const struct instance *instance = &instances[i];

		column("%s", instance->pair);
		column("%s", instance->stream);
		column_number(instance->instance);
		column_number(instance->position);
		column_number(instance->delivered);
		column_maybe(instance->has_journal, instance->journal_position);
		column_number(instance->files);
		if (instance->diverged)
			column_coloured(COLOUR_BAD, "diverged");
		else if (instance->lost)
			column_coloured(COLOUR_BAD, "lost");
		else if (instance->journal_lost)
			column_coloured(COLOUR_BAD, "journal lost");
		else
			column("ok");
		end_row();
	}
	print_rows("");
}

static int instance_list(int argc, char *argv[])
{
	struct instance *instances;
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
	if (get_instances(nl, name, &instances, &count))
		die_kernel(nl);
	if (json_wanted) {
		json_begin_array(NULL);
		for (i = 0; i < count; i++)
			json_instance(&instances[i]);
		json_end_array();
	} else {
		print_instances(instances, count);
	}
	free(instances);
	nl_close(nl);
	return EXIT_SUCCESS;
}

/* The instance as it is now, for --json. */
static void show_result(struct nl *nl, const char *pair, const char *stream, __u32 number)
{
	struct instance *instances;
	size_t count, i;

	if (get_instances(nl, pair, &instances, &count))
		die_kernel(nl);
	for (i = 0; i < count; i++) {
		if (instances[i].instance == number && !strcmp(instances[i].stream, stream))
			break;
	}
	if (i == count)
		die("the instance was repositioned, but it is gone now");
	json_instance(&instances[i]);
	free(instances);
}

static int instance_set(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "stream", required_argument, NULL, 's' },
		{ "instance", required_argument, NULL, 'i' },
		{ "at", required_argument, NULL, 'a' },
		{ "journal-at", required_argument, NULL, 'J' },
		{ }
	};
	const char *pair, *stream = "default", *at = NULL, *journal_at = NULL;
	__u64 position = 0, journal_position = 0;
	__u32 instance = 0;
	struct nl *nl;
	int option;

	while ((option = next_option(argc, argv, "", options)) != -1) {
		if (option == 's')
			stream = optarg;
		else if (option == 'i')
			instance = parse_number("the instance", optarg, 0, NDVAL_INSTANCES_MAX - 1);
		else if (option == 'J')
			journal_at = optarg;
		else
			at = optarg;
	}
	pair = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);
	if (!at && !journal_at)
		die_usage("--at OFFSET or --journal-at PLACE is missing");
	if (at)
		position = parse_number("the offset", at, 0, ~0ULL);
	if (journal_at)
		journal_position = parse_number("the place", journal_at, 0, ~0ULL);

	nl = open_kernel();
	nl_request(nl, NDVAL_CMD_INSTANCE_SET, 0);
	nl_put_str(nl, NDVAL_A_INSTANCE_PAIR, pair);
	nl_put_str(nl, NDVAL_A_INSTANCE_STREAM, stream);
	nl_put_u32(nl, NDVAL_A_INSTANCE_INSTANCE, instance);
	if (at)
		nl_put_u64(nl, NDVAL_A_INSTANCE_POSITION, position);
	if (journal_at)
		nl_put_u64(nl, NDVAL_A_INSTANCE_JOURNAL_POSITION, journal_position);
	if (nl_call(nl, NULL, NULL))
		die_kernel(nl);
	if (json_wanted)
		show_result(nl, pair, stream, instance);
	nl_close(nl);
	return EXIT_SUCCESS;
}

int instance_main(int argc, char *argv[])
{
	static const struct command commands[] = {
		{ "list", instance_list, "[PAIR] [--json]",
		  "List instances of a pair, or of all pairs, and where they are\n"
		  "POSITION is the offset of the next byte that the instance gets, DELIVERED the\n"
		  "highest end that it was ever given, JOURNAL the place of its next clock reading\n"
		  "or agreed value.\n" },
		{ "set", instance_set,
		  "PAIR [--stream STREAM] [--instance I] [--at OFFSET] [--journal-at PLACE] [--json]",
		  "Reposition an instance in the window, or in that of the stream's journal\n"
		  "--stream STREAM     default is 'default'\n"
		  "--instance I        0 to 7, default is 0\n"
		  "--at OFFSET         of the next byte that it gets\n"
		  "--journal-at PLACE  of the next clock reading or agreed value that it gets\n"
		  "The offset is the application's business: it must continue from a checkpoint of\n"
		  "its own that belongs to this offset, or its copies no longer agree.\n" },
		{ }
	};

	return run_command(commands, argc, argv);
}
