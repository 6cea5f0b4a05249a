// SPDX-License-Identifier: GPL-2.0-only
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "model.h"
#include "ndvalctl.h"
#include "nl.h"
#include "operation.h"
#include "show.h"

#define ID_MAX		(~0U - 1)	/* the highest is not an id */

static __u32 find_user(const char *text)
{
	const struct passwd *user = getpwnam(text);

	if (user)
		return user->pw_uid;
	if (text[strspn(text, "0123456789")])
		die_usage("there is no user '%s'", text);
	return parse_number("the owner", text, 0, ID_MAX);
}

static __u32 find_group(const char *text)
{
	const struct group *group = getgrnam(text);

	if (group)
		return group->gr_gid;
	if (text[strspn(text, "0123456789")])
		die_usage("there is no group '%s'", text);
	return parse_number("the owner's group", text, 0, ID_MAX);
}

/* The pair as it is now, for --json. */
static void show_result(struct nl *nl, const char *name)
{
	struct pair pair;

	if (!json_wanted)
		return;
	if (get_pair(nl, name, &pair))
		die_kernel(nl);
	json_pair(NULL, &pair);
}

/**
 * struct new_pair - what 'pair add' is told
 * @name: of the pair
 * @group: its group's name, or NULL
 * @member: to which it is to belong, or NULL
 * @peers: names
 * @peer_count: of names
 * @given: 'o', 'G', 'M' where @uid, @gid, @mode are given
 * @uid: of the node
 * @gid: of the node
 * @mode: of the node
 * @change: settings
 */
struct new_pair {
	const char	*name;
	const char	*group;
	const char	*member;
	const char	**peers;
	size_t		peer_count;
	bool		given[128];
	__u32		uid;
	__u32		gid;
	__u32		mode;
	struct change	change;
};

static void parse_new_pair(int argc, char *argv[], struct new_pair *new)
{
	static const struct option options[] = {
		{ "group", required_argument, NULL, 'g' },
		{ "member", required_argument, NULL, 'm' },
		{ "peer", required_argument, NULL, 'p' },
		{ "owner", required_argument, NULL, 'o' },
		{ "owner-group", required_argument, NULL, 'G' },
		{ "mode", required_argument, NULL, 'M' },
		{ }
	};
	int option;

	memset(new, 0, sizeof(*new));
	new->peers = calloc(argc, sizeof(*new->peers));
	if (!new->peers)
		die("out of memory");

	while ((option = next_option(argc, argv, "", options)) != -1) {
		new->given[option] = true;
		if (option == 'g')
			new->group = optarg;
		else if (option == 'm')
			new->member = optarg;
		else if (option == 'p')
			new->peers[new->peer_count++] = optarg;
		else if (option == 'o')
			new->uid = find_user(optarg);
		else if (option == 'G')
			new->gid = find_group(optarg);
		else if (option == 'M')
			new->mode = parse_mode(optarg);
	}
	new->name = next_argument(argc, argv, "NAME");
	parse_change(argc - optind, argv + optind, &new->change);
}

static void put_new_pair(struct nl *nl, const struct new_pair *new)
{
	size_t i;

	nl_request(nl, NDVAL_CMD_PAIR_NEW, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, new->name);
	if (new->group)
		nl_put_str(nl, NDVAL_A_PAIR_GROUP, new->group);
	if (new->member)
		nl_put_str(nl, NDVAL_A_PAIR_MEMBER, new->member);
	for (i = 0; i < new->peer_count; i++)
		nl_put_str(nl, NDVAL_A_PAIR_PEER, new->peers[i]);
	if (new->given['o'])
		nl_put_u32(nl, NDVAL_A_PAIR_UID, new->uid);
	if (new->given['G'])
		nl_put_u32(nl, NDVAL_A_PAIR_GID, new->gid);
	if (new->given['M'])
		nl_put_u32(nl, NDVAL_A_PAIR_MODE, new->mode);
	put_change(nl, &new->change);
}

static int pair_add(int argc, char *argv[])
{
	struct new_pair new;
	struct nl *nl;

	parse_new_pair(argc, argv, &new);
	nl = open_kernel();
	put_new_pair(nl, &new);
	if (nl_call(nl, NULL, NULL))
		die_kernel(nl);
	show_result(nl, new.name);
	free(new.peers);
	nl_close(nl);
	return EXIT_SUCCESS;
}

static int pair_del(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "no-wait", no_argument, NULL, 'n' },
		{ }
	};
	bool wait = true;
	const char *name;
	__u32 operation;
	struct nl *nl;

	while (next_option(argc, argv, "", options) == 'n')
		wait = false;
	name = next_argument(argc, argv, "NAME");
	no_more_arguments(argc, argv);

	nl = open_kernel();
	if (wait && nl_join_events(nl))
		die_kernel(nl);
	nl_request(nl, NDVAL_CMD_PAIR_DEL, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
	operation = start_operation(nl, NDVAL_A_PAIR_OPERATION);
	if (wait)
		wait_operation(nl, operation);
	if (json_wanted)
		json_operation("name", name, operation, wait);
	nl_close(nl);
	return EXIT_SUCCESS;
}

static int pair_set(int argc, char *argv[])
{
	struct change change;
	const char *name;
	struct nl *nl;

	no_options(argc, argv);
	name = next_argument(argc, argv, "NAME");
	if (optind == argc)
		die_usage("SETTING=VALUE is missing");
	parse_change(argc - optind, argv + optind, &change);

	nl = open_kernel();
	nl_request(nl, NDVAL_CMD_PAIR_SET, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
	put_change(nl, &change);
	if (nl_call(nl, NULL, NULL))
		die_kernel(nl);
	show_result(nl, name);
	nl_close(nl);
	return EXIT_SUCCESS;
}

static int pair_show(int argc, char *argv[])
{
	const char *name;
	struct pair pair;
	struct nl *nl;

	no_options(argc, argv);
	name = next_argument(argc, argv, "NAME");
	no_more_arguments(argc, argv);

	nl = open_kernel();
	if (get_pair(nl, name, &pair))
		die_kernel(nl);
	if (json_wanted)
		json_pair(NULL, &pair);
	else
		print_pair(&pair);
	nl_close(nl);
	return EXIT_SUCCESS;
}

static int pair_list(int argc, char *argv[])
{
	struct pair *pairs;
	size_t count, i;
	struct nl *nl;

	no_options(argc, argv);
	no_more_arguments(argc, argv);

	nl = open_kernel();
	if (get_pairs(nl, &pairs, &count))
		die_kernel(nl);
	if (json_wanted) {
		json_begin_array(NULL);
		for (i = 0; i < count; i++)
			json_pair(NULL, &pairs[i]);
		json_end_array();
	} else {
		print_pairs(pairs, count);
	}
	free(pairs);
	nl_close(nl);
	return EXIT_SUCCESS;
}

#define SETTINGS_HELP \
	"\n" \
	"Settings; sizes take K, M, G, KiB, MiB, GiB:\n" \
	"  bind=any|required       required: reads fail without NDVAL_IOC_BIND\n" \
	"  commit=async|sync       sync: values wait until all in sync store them\n" \
	"  on_peer_loss=continue|suspend\n" \
	"                          when a primary loses a member: go on without it, or\n" \
	"                          give nothing until it is back or was outdated\n" \
	"  on_divergence=fail|report\n" \
	"                          whether a copy that diverged gets errors\n" \
	"  ring_size=SIZE          window of each stream, 8K to 64M, a power of two\n" \
	"  retain=SIZE             kept though everybody has it, up to ring_size\n" \
	"  prefetch=SIZE           drawn and sent ahead of its use, up to ring_size/2\n" \
	"  max_streams=N           1 to 65536\n" \
	"  memory_max=SIZE         all memory of the pair, 64K or more\n" \
	"  overflow=drop|stall     when the slowest instance fills the window: drop it,\n" \
	"                          or make readers wait\n" \
	"  instances=SET           expected here: 0  0,1  0-2  none\n" \
	"  read_timeout_ms=N       after which a read fails; 0: never\n" \
	"  peer_timeout_ms=N       of silence, after which a peer is lost\n" \
	"  inspect=off|on          whether 'ndvalctl values' may show values\n" \
	"  journal_size=SIZE       window of each journal, 8K to 16M, a power of two\n" \
	"  skew_max_ms=N           by which a peer's clock may differ without a warning;\n" \
	"                          0: never warn\n"

int pair_main(int argc, char *argv[])
{
	static const struct command commands[] = {
		{ "add",
		  pair_add, "NAME [--group GROUP] [--member MEMBER] [--peer PEER]...\n"
		  "\t[--owner USER] [--owner-group GROUP] [--mode MODE] [--json] [SETTING=VALUE]...",
		  "Make a pair and its node\n"
		  "--group GROUP        name that all members use for it; default is NAME\n"
		  "--member MEMBER      to which it belongs; default is this host's own\n"
		  "--peer PEER          other member that takes part; as often as there are others\n"
		  "--owner USER         of the node; default is root\n"
		  "--owner-group GROUP  of the node; default is root\n"
		  "--mode MODE          permissions of the node, octal; default is 0600\n"
		  "A pair without peers issues values at once. One with peers is a secondary that\n"
		  "knows nothing, until one of them is made the primary: 'ndvalctl promote'.\n"
		  SETTINGS_HELP },
		{ "del", pair_del, "NAME [--no-wait] [--json]",
		  "Remove a pair and its node\n"
		  "--no-wait  do not wait until it is gone\n" },
		{ "set", pair_set, "NAME SETTING=VALUE... [--json]",
		  "Change settings of a pair; all that are given, or none\n"
		  SETTINGS_HELP },
		{ "show", pair_show, "NAME [--json]",
		  "Show all that is known of one pair\n" },
		{ "list", pair_list, "[--json]",
		  "List pairs\n" },
		{ }
	};

	return run_command(commands, argc, argv);
}
