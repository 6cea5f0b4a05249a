// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/ndval.h>
#include <ndval.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "json.h"
#include "ndvalctl.h"
#include "node.h"

static const struct clock {
	const char	*name;
	unsigned int	number;
} clocks[] = {
	{ "realtime", CLOCK_REALTIME },
	{ "monotonic", CLOCK_MONOTONIC },
	{ "boottime", CLOCK_BOOTTIME },
	{ "tai", CLOCK_TAI },
	{ "cycles", NDVAL_CLOCK_CYCLES },
};

static const struct clock *find_clock(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(clocks); i++) {
		if (!strcmp(clocks[i].name, name))
			return &clocks[i];
	}
	die_usage("there is no clock '%s'; there are realtime, monotonic, boottime, tai, cycles",
		  name);
}

static void read_clock(struct ndval *ndval, const char *pair, const struct clock *clock)
{
	struct ndval_clock reading;

	if (ndval_clock_reading(ndval, clock->number, &reading))
		die_node(pair, "", errno);
	if (!json_wanted) {
		printf("%s %llu\n", clock->name, (unsigned long long)reading.value);
		return;
	}
	json_begin_object(NULL);
	json_string("clock", clock->name);
	json_number("value", reading.value);
	json_number("steps", reading.steps);
	json_number("frequency", reading.frequency);
	json_end_object();
}

int clock_main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "stream", required_argument, NULL, 's' },
		{ "instance", required_argument, NULL, 'i' },
		{ }
	};
	struct place place = { .stream = "default" };
	struct ndval *ndval;
	int option, first, i;

	while ((option = next_option(argc, argv, "", options)) != -1)
		parse_place_option(option, &place);
	place.pair = next_argument(argc, argv, "PAIR");
	/* All names, before a position is moved. */
	first = optind;
	for (i = first; i < argc; i++)
		find_clock(argv[i]);

	ndval = open_place(&place);
	if (json_wanted) {
		json_begin_object(NULL);
		json_place(&place);
		json_begin_array("readings");
	}
	if (first == argc)
		read_clock(ndval, place.pair, &clocks[0]);
	for (i = first; i < argc; i++)
		read_clock(ndval, place.pair, find_clock(argv[i]));
	if (json_wanted) {
		json_end_array();
		json_end_object();
	}
	ndval_close(ndval);
	return EXIT_SUCCESS;
}
