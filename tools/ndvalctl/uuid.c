// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <ndval.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "json.h"
#include "ndvalctl.h"
#include "node.h"

static void draw_uuids(struct ndval *ndval, const char *pair, int version, __u64 count)
{
	unsigned char uuid[NDVAL_UUID_SIZE];
	char text[NDVAL_UUID_STRING_SIZE];
	char after[48] = "";
	__u64 i;

	for (i = 0; i < count; i++) {
		if (i)
			snprintf(after, sizeof(after), "after %llu UUIDs: ", i);
		if (ndval_uuid(ndval, version, uuid))
			die_node(pair, after, errno);
		ndval_uuid_string(uuid, text);
		if (json_wanted)
			json_string(NULL, text);
		else
			puts(text);
		if (ferror(stdout))
			die("cannot write");
	}
}

int uuid_main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "stream", required_argument, NULL, 's' },
		{ "instance", required_argument, NULL, 'i' },
		{ }
	};
	struct place place = { .stream = "default" };
	struct ndval *ndval;
	int option, version = 0;
	__u64 count = 1;

	while ((option = next_option(argc, argv, "n:47", options)) != -1) {
		if (option == 'n')
			count = parse_number("the count", optarg, 1, ~0ULL);
		else if (option != '4' && option != '7')
			parse_place_option(option, &place);
		else if (version && version != option - '0')
			die_usage("-4 and -7 exclude each other");
		else
			version = option - '0';
	}
	place.pair = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);
	if (!version)
		version = 4;

	ndval = open_place(&place);
	if (json_wanted) {
		json_begin_object(NULL);
		json_place(&place);
		json_number("version", version);
		json_begin_array("uuids");
	}
	draw_uuids(ndval, place.pair, version, count);
	if (json_wanted) {
		json_end_array();
		json_end_object();
	}
	ndval_close(ndval);
	return EXIT_SUCCESS;
}
