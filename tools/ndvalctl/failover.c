// SPDX-License-Identifier: GPL-2.0-only
/*
 * Who is the primary: handing over, stepping down, and the word of a cluster
 * manager; promote.c has the rest. A refusal comes with what to do about it.
 */
#include "failover.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "model.h"
#include "ndvalctl.h"
#include "nl.h"
#include "operation.h"
#include "show.h"

/* Put the name of the pair into a sentence. */
static void fill_in(const char *sentence, const char *pair, char *text, size_t size)
{
	size_t used = 0;

	for (; *sentence && used < size; sentence++) {
		if (*sentence == '@')
			used += snprintf(text + used, size - used, "%s", pair);
		else
			used += snprintf(text + used, size - used, "%c", *sentence);
	}
}

/* Pass on a refusal, with what to do, and exit. */
static void __attribute__((noreturn)) die_refused(int error, const char *words,
						  const char *pair,
						  const struct way_out *way)
{
	char text[512] = "";

	/* Not for the pair's state, but for who asks. */
	if (error == EPERM && strstr(words, "CAP_NET_ADMIN"))
		die("%s", words);
	while (way->error && way->error != error)
		way++;
	if (!way->error)
		die("%s", words);
	fill_in(way->sentence, pair, text, sizeof(text));
	die("%s\n%s", words, text);
}

/**
 * move_pair() - send the request; end the program with advice if it is refused
 * @nl: with a request
 * @pair: name of the pair
 * @refusals: what to do
 */
void move_pair(struct nl *nl, const char *pair, const struct way_out *refusals)
{
	int err = nl_call(nl, NULL, NULL);

	if (err)
		die_refused(-err, nl_message(nl), pair, refusals);
}

/**
 * start_and_end_move() - the same for an operation, and wait for its end
 * @nl: with a request
 * @pair: name of the pair
 * @refusals: what to do
 * @failures: what to do if it began, and failed
 */
void start_and_end_move(struct nl *nl, const char *pair, const struct way_out *refusals,
			const struct way_out *failures)
{
	char reason[OPERATION_REASON_SIZE];
	__u32 operation;
	int err;

	if (nl_join_events(nl))
		die_kernel(nl);
	err = try_operation(nl, NDVAL_A_PAIR_OPERATION, &operation);
	if (err)
		die_refused(-err, nl_message(nl), pair, refusals);
	err = end_operation(nl, operation, reason);
	if (err)
		die_refused(err, reason, pair, failures);
}

/* The pair as it is now, for --json. */
static void show_result(struct nl *nl, const char *name)
{
	struct pair pair;

	if (json_wanted) {
		if (get_pair(nl, name, &pair))
			die_kernel(nl);
		json_pair(NULL, &pair);
	}
	nl_close(nl);
}

/* A command that names a pair, and that the kernel carries out at once. */
static int move_now(int argc, char *argv[], __u8 cmd, const struct way_out *refusals)
{
	const char *name;
	struct nl *nl;

	no_options(argc, argv);
	name = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);

	nl = open_kernel();
	nl_request(nl, cmd, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
	move_pair(nl, name, refusals);
	show_result(nl, name);
	return EXIT_SUCCESS;
}

int demote_main(int argc, char *argv[])
{
	static const struct way_out refusals[] = {
		{ EALREADY, "There is nothing to do." },
		{ EINVAL, "A pair without peers is always primary." },
		{ EINPROGRESS, "'ndvalctl monitor' shows its end." },
		{ ESTALE, "'ndvalctl resync @' makes it a secondary, and discards what is here." },
		{ }
	};

	return move_now(argc, argv, NDVAL_CMD_DEMOTE, refusals);
}

int outdate_main(int argc, char *argv[])
{
	static const struct way_out refusals[] = {
		{ EINVAL, "'ndvalctl demote @' makes it a secondary." },
		{ }
	};

	return move_now(argc, argv, NDVAL_CMD_OUTDATE, refusals);
}

int switchover_main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "to", required_argument, NULL, 't' },
		{ }
	};
	static const struct way_out refusals[] = {
		{ EINVAL, "'ndvalctl status @' shows which member is the primary." },
		{ ENOENT, "'ndvalctl peer list @' shows the peers; --to PEER names one." },
		{ ENOTCONN, "'ndvalctl status @' shows what it lacks: wait until it is in sync." },
		{ EINPROGRESS, "'ndvalctl monitor' shows its end." },
		{ ESTALE, "'ndvalctl resync @' discards what is here." },
		{ }
	};
	static const struct way_out failures[] = {
		{ ENOTCONN, "'ndvalctl status @', here and there, shows who is primary now." },
		{ ETIMEDOUT, "'ndvalctl status @' shows how far behind the peer is." },
		{ }
	};
	const char *name, *peer = NULL;
	struct nl *nl;

	while (next_option(argc, argv, "", options) == 't')
		peer = optarg;
	name = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);

	nl = open_kernel();
	nl_request(nl, NDVAL_CMD_SWITCHOVER, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
	if (peer)
		nl_put_str(nl, NDVAL_A_PAIR_PEER, peer);
	start_and_end_move(nl, name, refusals, failures);
	show_result(nl, name);
	return EXIT_SUCCESS;
}
