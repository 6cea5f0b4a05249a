// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "args.h"
#include "endpoint.h"
#include "json.h"
#include "model.h"
#include "ndvalctl.h"
#include "nl.h"

/**
 * struct ends - who is to be joined by what
 * @member: at this end; NULL, this host's own
 * @peer: at the other end
 * @how: option that tells where the socket comes from, 0 for none
 * @where: its value
 */
struct ends {
	const char	*member;
	const char	*peer;
	int		how;
	const char	*where;
};

static void parse_ends(int argc, char *argv[], struct ends *ends)
{
	static const struct option options[] = {
		{ "member", required_argument, NULL, 'm' },
		{ "peer", required_argument, NULL, 'p' },
		{ "fd", required_argument, NULL, 'f' },
		{ "connect", required_argument, NULL, 'c' },
		{ "listen", required_argument, NULL, 'l' },
		{ "vsock-connect", required_argument, NULL, 'C' },
		{ "vsock-listen", required_argument, NULL, 'L' },
		{ "unix-pair", required_argument, NULL, 'u' },
		{ }
	};
	int option;

	while ((option = next_option(argc, argv, "", options)) != -1) {
		if (option == 'm') {
			ends->member = optarg;
		} else if (option == 'p') {
			ends->peer = optarg;
		} else if (ends->how) {
			die_usage("a link needs one socket only, see --help");
		} else {
			ends->how = option;
			ends->where = optarg;
		}
	}
	no_more_arguments(argc, argv);
	if (ends->how == 'u' && !ends->peer)
		ends->peer = ends->where;
	if (ends->how == 'u' && strcmp(ends->peer, ends->where))
		die_usage("--peer and --unix-pair name different members");
	if (!ends->peer)
		die_usage("--peer PEER is missing");
	if (!ends->how)
		die_usage("the socket is missing: --connect, --listen or another, see --help");
}

static int make_socket(const struct ends *ends)
{
	switch (ends->how) {
	case 'f':
		return parse_number("the descriptor", ends->where, 0, 0x7fffffff);
	case 'c':
		return connect_tcp(ends->where);
	case 'l':
		return listen_tcp(ends->where);
	case 'C':
		return connect_vsock(ends->where);
	}
	return listen_vsock(ends->where);
}

static int read_id(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_LINK_MAX + 1];
	__u32 *id = data;

	nl_parse(nlh, tb, NDVAL_A_LINK_MAX);
	*id = nl_u32(tb[NDVAL_A_LINK_ID]);
	return MNL_CB_OK;
}

/* Hand a socket over and close our end of it. Return: 0 or a negative errno. */
static int attach(struct nl *nl, const char *member, const char *peer, int fd, __u32 *id)
{
	int err;

	nl_request(nl, NDVAL_CMD_LINK_ATTACH, 0);
	if (member)
		nl_put_str(nl, NDVAL_A_LINK_MEMBER, member);
	nl_put_str(nl, NDVAL_A_LINK_PEER, peer);
	nl_put_u32(nl, NDVAL_A_LINK_FD, fd);
	err = nl_call(nl, read_id, id);
	close(fd);
	return err;
}

/* The name of this host's own member, which the other end has to be told. */
static void find_host(struct nl *nl, char *name)
{
	struct member *members;
	size_t count, i;

	if (get_members(nl, &members, &count))
		die_kernel(nl);
	name[0] = '\0';
	for (i = 0; i < count; i++) {
		if (members[i].host)
			memcpy(name, members[i].name, NAME_SIZE);
	}
	free(members);
	if (!name[0])
		die("this host has no name: 'ndvalctl member add NAME --host' gives it one");
}

/* Attach both ends of a socketpair; neither stays if one is refused. */
static void attach_unix_pair(struct nl *nl, const struct ends *ends, __u32 *ids)
{
	char host[NAME_SIZE];
	const char *member = ends->member;
	char words[256];
	int fds[2];

	if (!member) {
		find_host(nl, host);
		member = host;
	}
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		die("cannot make a socketpair: %s", strerror(errno));
	if (attach(nl, member, ends->peer, fds[0], &ids[0]))
		die_kernel(nl);
	if (!attach(nl, ends->peer, member, fds[1], &ids[1]))
		return;

	snprintf(words, sizeof(words), "%s", nl_message(nl));
	nl_request(nl, NDVAL_CMD_LINK_DETACH, 0);
	nl_put_u32(nl, NDVAL_A_LINK_ID, ids[0]);
	nl_call(nl, NULL, NULL);
	die("%s", words);
}

int link_attach_main(int argc, char *argv[])
{
	struct ends ends = { };
	__u32 ids[2] = { };
	struct nl *nl;
	int fd = -1, i;

	parse_ends(argc, argv, &ends);
	if (ends.how != 'u')
		fd = make_socket(&ends);
	nl = open_kernel();
	if (ends.how == 'u')
		attach_unix_pair(nl, &ends, ids);
	else if (attach(nl, ends.member, ends.peer, fd, &ids[0]))
		die_kernel(nl);

	if (json_wanted) {
		json_begin_object(NULL);
		json_string("peer", ends.peer);
		json_begin_array("ids");
		for (i = 0; i < 2 && ids[i]; i++)
			json_number(NULL, ids[i]);
		json_end_array();
		json_end_object();
	}
	nl_close(nl);
	return EXIT_SUCCESS;
}
