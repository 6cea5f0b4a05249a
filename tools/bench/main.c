// SPDX-License-Identifier: GPL-2.0-only
/*
 * bench - measures ndval against what there is besides, in one kernel
 *
 *   bench [-qw] [-b BATCHES] [-d DIVISOR] [-n NAME] [-s SIZE] PART..
 *
 *   -q   reads of three sizes only
 *   -w   by the clock; else by the cycle counter, which is for guests of QEMU whose time
 *        counts instructions
 *   -b   batches that count (7)
 *   -n   only what is called so, -s: only operations of so many bytes; to profile it
 *   -d   so many times less work in a batch, to see that it works at all
 *
 * It prints a line of JSON for each figure. bench.py starts it in guests.
 */
#include "bench.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char	*name;
	void		(*run)(void);
} parts[] = {
	{ "read", bench_read },
	{ "journal", bench_journal },
	{ "link", bench_link },
	{ "wire", bench_wire },
	{ "pairs", bench_pairs },
	{ "streams", bench_streams },
	{ "window", bench_window },
	{ "request", bench_request },
	{ "threads", bench_threads },
};

static bool run_part(const char *name)
{
	size_t i;

	for (i = 0; i < LENGTH(parts); i++)
		if (!strcmp(name, parts[i].name)) {
			parts[i].run();
			return true;
		}
	fprintf(stderr, "bench: there is no part '%s'\n", name);
	return false;
}

int main(int argc, char *argv[])
{
	int option;

	signal(SIGPIPE, SIG_IGN);
	memset(buffer, 1, sizeof(buffer));
	while ((option = getopt(argc, argv, "qwb:d:n:s:")) != -1)
		switch (option) {
		case 'q':
			plan.quick = true;
			break;
		case 'w':
			plan.wall = true;
			break;
		case 'b':
			plan.batches = atoi(optarg);
			break;
		case 'n':
			plan.name = optarg;
			break;
		case 's':
			plan.size = strtoul(optarg, NULL, 0);
			break;
		case 'd':
			plan.divide = atoi(optarg);
			break;
		default:
			return 2;
		}
	if (plan.batches < 1 || plan.batches > 60 || plan.divide < 1 || optind == argc) {
		fputs("usage: bench [-qw] [-b BATCHES] [-d DIVISOR] [-n NAME] [-s SIZE] PART..\n",
		      stderr);
		return 2;
	}
	for (; optind < argc; optind++)
		if (!run_part(argv[optind]))
			return 2;
	return 0;
}
