// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>

#include "args.h"
#include "format.h"
#include "json.h"
#include "model.h"
#include "names.h"
#include "ndvalctl.h"
#include "nl.h"
#include "operation.h"
#include "show.h"

static void print_links(const struct link *links, size_t count)
{
	char text[sizeof(links->peer_software)];
	size_t i;

	column("ID");
	column("MEMBER");
	column("PEER");
	column("STATE");
	column("TRANSPORT");
	column("SECURITY");
	column("RTT");
	column("SENT");
	column("RECEIVED");
	column("SOFTWARE");
	end_row();
	for (i = 0; i < count; i++) {
		const struct link *link = &links[i];

		column_number(link->id);
		column("%s", link->member[0] ? link->member : "-");
		column("%s", link->peer);
		column_coloured(link->state == NDVAL_LINK_STATE_UP ? COLOUR_GOOD : COLOUR_CARE,
				name_of(link_state_names, link->state));
		column("%s", link->transport);
		column("%s", link->security);
		column("%s", format_rtt(link->rtt_us, text, sizeof(text)));
		column("%s", format_bytes(link->tx_bytes, text, sizeof(text)));
		column("%s", format_bytes(link->rx_bytes, text, sizeof(text)));
		column("%s", printable(link->peer_software, text, sizeof(text)));
		end_row();
	}
	print_rows("");
}

static int link_list(int argc, char *argv[])
{
	struct link *links;
	size_t count, i;
	struct nl *nl;

	no_options(argc, argv);
	no_more_arguments(argc, argv);

	nl = open_kernel();
	if (get_links(nl, &links, &count))
		die_kernel(nl);
	if (json_wanted) {
		json_begin_array(NULL);
		for (i = 0; i < count; i++)
			json_link(&links[i]);
		json_end_array();
	} else {
		print_links(links, count);
	}
	free(links);
	nl_close(nl);
	return EXIT_SUCCESS;
}

static int link_detach(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "id", required_argument, NULL, 'i' },
		{ "member", required_argument, NULL, 'm' },
		{ "no-wait", no_argument, NULL, 'n' },
		{ "peer", required_argument, NULL, 'p' },
		{ }
	};
	const char *id = NULL, *member = NULL, *peer = NULL;
	bool wait = true;
	__u32 operation, number = 0;
	struct nl *nl;
	int option;

	while ((option = next_option(argc, argv, "", options)) != -1) {
		if (option == 'i')
			id = optarg;
		else if (option == 'm')
			member = optarg;
		else if (option == 'p')
			peer = optarg;
		else
			wait = false;
	}
	no_more_arguments(argc, argv);
	if (!id == !peer)
		die_usage("either --peer PEER or --id N is needed");
	if (id && member)
		die_usage("--id excludes --member: the number is enough");
	if (id)
		number = parse_number("the link's number", id, 0, ~0U);

	nl = open_kernel();
	if (wait && nl_join_events(nl))
		die_kernel(nl);
	nl_request(nl, NDVAL_CMD_LINK_DETACH, 0);
	if (id)
		nl_put_u32(nl, NDVAL_A_LINK_ID, number);
	if (member)
		nl_put_str(nl, NDVAL_A_LINK_MEMBER, member);
	if (peer)
		nl_put_str(nl, NDVAL_A_LINK_PEER, peer);
	operation = start_operation(nl, NDVAL_A_LINK_OPERATION);
	if (wait)
		wait_operation(nl, operation);
	if (json_wanted)
		json_operation(id ? "id" : "peer", id ? id : peer, operation, wait);
	nl_close(nl);
	return EXIT_SUCCESS;
}

int link_main(int argc, char *argv[])
{
	static const struct command commands[] = {
		{ "list", link_list, "[--json]",
		  "List links to other members\n" },
		{ "attach", link_attach_main,
		  "[--member MEMBER] --peer PEER --connect HOST:PORT|--listen [HOST]:PORT|\n"
		  "\t--vsock-connect CID:PORT|--vsock-listen PORT|--fd N|--unix-pair PEER [--json]",
		  "Hand a connected socket to the kernel as the link to a peer\n"
		  "For tests, demonstrations, and hosts without ndvald, which does this for\n"
		  "production. The link is neither encrypted nor authenticated.\n"
		  "--peer PEER            member at the other end\n"
		  "--member MEMBER        member at this end; default is this host's own\n"
		  "--connect HOST:PORT    connect by TCP; [HOST]:PORT for an IPv6 address\n"
		  "--listen [HOST]:PORT   wait for one TCP connection; default is any address\n"
		  "--vsock-connect C:P    connect by AF_VSOCK to port P of the host or guest C\n"
		  "--vsock-listen PORT    wait for one AF_VSOCK connection\n"
		  "--fd N                 a stream socket that this program has inherited\n"
		  "--unix-pair PEER       PEER is a member of this kernel: join the two\n" },
		{ "detach", link_detach,
		  "--peer PEER [--member MEMBER]|--id N [--no-wait] [--json]",
		  "Close a link\n"
		  "--peer PEER      the link to this member\n"
		  "--member MEMBER  of this member; default is this host's own\n"
		  "--id N           the link with this number\n"
		  "--no-wait        do not wait until it is closed\n"
		  "ndvald makes a new link if PEER is in its configuration.\n" },
		{ }
	};

	return run_command(commands, argc, argv);
}
