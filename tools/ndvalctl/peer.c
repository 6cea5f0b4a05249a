// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "failover.h"
#include "json.h"
#include "model.h"
#include "names.h"
#include "ndvalctl.h"
#include "nl.h"
#include "show.h"

/* Begin the request of a command that names a pair and a peer. */
static const char *name_peer(int argc, char *argv[], __u8 cmd, struct nl **nl,
			     const char **name)
{
	const char *pair;

	no_options(argc, argv);
	pair = next_argument(argc, argv, "PAIR");
	*name = next_argument(argc, argv, "PEER");
	no_more_arguments(argc, argv);

	*nl = open_kernel();
	nl_request(*nl, cmd, 0);
	nl_put_str(*nl, NDVAL_A_PEER_PAIR, pair);
	nl_put_str(*nl, NDVAL_A_PEER_NAME, *name);
	return pair;
}

/* Add and del differ in the command and in what there is to show after it. */
static const char *change_peer(int argc, char *argv[], __u8 cmd, struct nl **nl,
			       const char **name)
{
	const char *pair = name_peer(argc, argv, cmd, nl, name);

	if (nl_call(*nl, NULL, NULL))
		die_kernel(*nl);
	return pair;
}

static int peer_add(int argc, char *argv[])
{
	const char *pair, *name;
	struct peer peer;
	struct nl *nl;

	pair = change_peer(argc, argv, NDVAL_CMD_PEER_ADD, &nl, &name);
	if (json_wanted) {
		if (get_peer(nl, pair, name, &peer))
			die_kernel(nl);
		json_peer(&peer);
	}
	nl_close(nl);
	return EXIT_SUCCESS;
}

static int peer_outdate(int argc, char *argv[])
{
	static const struct way_out refusals[] = {
		{ EBUSY, "Only a lost peer can be left out: 'ndvalctl peer list @' shows it." },
		{ EINVAL, "'ndvalctl outdate @' here outdates this copy." },
		{ ENOENT, "'ndvalctl peer list @' shows the peers." },
		{ }
	};
	const char *pair, *name;
	struct peer peer;
	struct nl *nl;

	pair = name_peer(argc, argv, NDVAL_CMD_PEER_OUTDATE, &nl, &name);
	move_pair(nl, pair, refusals);
	if (json_wanted) {
		if (get_peer(nl, pair, name, &peer))
			die_kernel(nl);
		json_peer(&peer);
	}
	nl_close(nl);
	return EXIT_SUCCESS;
}

static int peer_del(int argc, char *argv[])
{
	const char *pair, *name;
	struct nl *nl;

	pair = change_peer(argc, argv, NDVAL_CMD_PEER_DEL, &nl, &name);
	if (json_wanted) {
		json_begin_object(NULL);
		json_string("pair", pair);
		json_string("name", name);
		json_end_object();
	}
	nl_close(nl);
	return EXIT_SUCCESS;
}

static void print_peers(const struct peer *peers, size_t count)
{
	char text[256];
	size_t i;

	column("PAIR");
	column("PEER");
	column("STATE");
	column("ROLE");
	column("EPOCH");
	column("LAG");
	column("COMMIT");
	column("REASON");
	end_row();
	for (i = 0; i < count; i++) {
		const struct peer *peer = &peers[i];

		column("%s", peer->pair);
		column("%s", peer->name);
		column_coloured(peer_colour(peer->state), name_of(peer_state_names, peer->state));
		column("%s", peer->heard ? name_of(role_names, peer->role) : "-");
		column_number(peer->epoch);
		column_number(peer->lag);
		column("%s", peer_commit(peer));
		if (peer->reason[0])
			column("%s", printable(peer->reason, text, sizeof(text)));
		end_row();
	}
	print_rows("");
}

static int peer_list(int argc, char *argv[])
{
	const char *name;
	struct peer *peers;
	struct pair pair;
	size_t count, i;
	struct nl *nl;

	no_options(argc, argv);
	name = maybe_argument(argc, argv);
	no_more_arguments(argc, argv);

	nl = open_kernel();
	if (name && get_pair(nl, name, &pair))
		die_kernel(nl);
	if (get_peers(nl, name, &peers, &count))
		die_kernel(nl);
	if (json_wanted) {
		json_begin_array(NULL);
		for (i = 0; i < count; i++)
			json_peer(&peers[i]);
		json_end_array();
	} else {
		print_peers(peers, count);
	}
	free(peers);
	nl_close(nl);
	return EXIT_SUCCESS;
}

int peer_main(int argc, char *argv[])
{
	static const struct command commands[] = {
		{ "add", peer_add, "PAIR PEER [--json]",
		  "Add another member to a pair\n"
		  "The first peer makes a pair that has issued nothing a secondary that knows\n"
		  "nothing; 'ndvalctl promote' makes one of the members the primary.\n" },
		{ "del", peer_del, "PAIR PEER [--json]",
		  "Take another member out of a pair\n" },
		{ "outdate", peer_outdate, "PAIR PEER [--json]",
		  "Say that a lost peer will not be promoted until it is in sync again\n"
		  "For a cluster manager, on the primary: one that waits for the peer\n"
		  "(on_peer_loss=suspend) then goes on without it.\n" },
		{ "list", peer_list, "[PAIR] [--json]",
		  "List the other members of a pair, or of all pairs\n" },
		{ }
	};

	return run_command(commands, argc, argv);
}
