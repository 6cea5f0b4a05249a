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

static void json_member(const struct member *member)
{
	json_begin_object(NULL);
	json_string("name", member->name);
	json_bool("host", member->host);
	json_id("id", member->id);
	json_number("pairs", member->pairs);
	json_number("links", member->links);
	if (member->vm_clone_known)
		json_string("vm_clone", name_of(switch_names, member->vm_clone));
	json_end_object();
}

static int member_add(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "host", no_argument, NULL, 'H' },
		{ }
	};
	struct member member;
	bool host = false;
	const char *name;
	struct nl *nl;

	while (next_option(argc, argv, "", options) == 'H')
		host = true;
	name = next_argument(argc, argv, "NAME");
	no_more_arguments(argc, argv);

	nl = open_kernel();
	nl_request(nl, NDVAL_CMD_MEMBER_NEW, 0);
	nl_put_str(nl, NDVAL_A_MEMBER_NAME, name);
	if (host)
		nl_put_flag(nl, NDVAL_A_MEMBER_HOST);
	if (nl_call(nl, NULL, NULL))
		die_kernel(nl);
	if (json_wanted) {
		if (get_member(nl, name, &member))
			die_kernel(nl);
		json_member(&member);
	}
	nl_close(nl);
	return EXIT_SUCCESS;
}

static int member_del(int argc, char *argv[])
{
	const char *name;
	struct nl *nl;

	no_options(argc, argv);
	name = next_argument(argc, argv, "NAME");
	no_more_arguments(argc, argv);

	nl = open_kernel();
	nl_request(nl, NDVAL_CMD_MEMBER_DEL, 0);
	nl_put_str(nl, NDVAL_A_MEMBER_NAME, name);
	if (nl_call(nl, NULL, NULL))
		die_kernel(nl);
	if (json_wanted) {
		json_begin_object(NULL);
		json_string("name", name);
		json_end_object();
	}
	nl_close(nl);
	return EXIT_SUCCESS;
}

static void print_members(const struct member *members, size_t count)
{
	size_t i;

	column("MEMBER");
	column("KIND");
	column("ID");
	column("PAIRS");
	column("LINKS");
	end_row();
	for (i = 0; i < count; i++) {
		column("%s", members[i].name[0] ? members[i].name : "-");
		column("%s", members[i].host ? "host" : "extra");
		column("%016llx", members[i].id);
		column_number(members[i].pairs);
		column_number(members[i].links);
		end_row();
	}
	print_rows("");
}

static int member_list(int argc, char *argv[])
{
	struct member *members;
	size_t count, i;
	struct nl *nl;

	no_options(argc, argv);
	no_more_arguments(argc, argv);

	nl = open_kernel();
	if (get_members(nl, &members, &count))
		die_kernel(nl);
	if (json_wanted) {
		json_begin_array(NULL);
		for (i = 0; i < count; i++)
			json_member(&members[i]);
		json_end_array();
	} else {
		print_members(members, count);
	}
	free(members);
	nl_close(nl);
	return EXIT_SUCCESS;
}

int member_main(int argc, char *argv[])
{
	static const struct command commands[] = {
		{ "add", member_add, "NAME [--host] [--json]",
		  "Name this host, or make one more member\n"
		  "--host  give this host's own member its name; without it, another member is\n"
		  "        made, so that one kernel can hold several members of a group\n" },
		{ "del", member_del, "NAME [--json]",
		  "Remove a member that has no pairs and no links\n" },
		{ "list", member_list, "[--json]",
		  "List the members of this kernel\n" },
		{ }
	};

	return run_command(commands, argc, argv);
}
