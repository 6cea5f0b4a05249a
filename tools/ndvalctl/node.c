// SPDX-License-Identifier: GPL-2.0-only
/*
 * Draw values as an application does, through the node: this works without the
 * right to use netlink, and where only the node is visible.
 */
#include "node.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ndval.h>
#include <ndval.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "json.h"
#include "ndvalctl.h"

#define PATH_SIZE	(NDVAL_NAME_SIZE + 32)

/* What an errno of the device means, and what to type: before and after PAIR. */
static const struct {
	int		err;
	const char	*meaning;
	const char	*command;
	const char	*rest;
} errors[] = {
	{ EBUSY, "another file has this stream's instance", "instance list", "" },
	{ EINVAL, "a stream's name is 1 to 63 letters, digits and ._:/-", "stream list", "" },
	{ ENODEV, "the pair was removed", "status", "" },
	{ ENOMEM, "a limit of memory is reached", "pair set", " memory_max=SIZE" },
	{ ENOSPC, "too many streams, here or on a peer", "pair set", " max_streams=NUMBER" },
	{ ENXIO, "this instance is not expected here", "pair set", " instances=SET" },
	{ EOVERFLOW, "the stream has come to its end", "stream list", "" },
	{ EPIPE, "the instance is lost, its next value has left the window", "status", "" },
	{ ESTALE, "the pair or this copy is diverged, or fenced, or the stream deleted",
	  "status", "" },
	{ ETIMEDOUT, "nothing came within read_timeout_ms", "status", "" },
};

/**
 * parse_place_option() - --stream or --instance
 * @option: 's' or 'i', with optarg
 * @place: to change
 */
void parse_place_option(int option, struct place *place)
{
	if (option == 'i') {
		place->instance = parse_number("the instance", optarg, 0, NDVAL_INSTANCES - 1);
		return;
	}
	if (strlen(optarg) >= NDVAL_NAME_SIZE)
		die_usage("the stream's name has %d bytes at most", NDVAL_NAME_SIZE - 1);
	if (!*optarg)
		die_usage("the stream's name is empty");
	place->stream = optarg;
}

static void check_pair(const char *pair)
{
	if (!*pair || strlen(pair) >= NDVAL_NAME_SIZE || strchr(pair, '/'))
		die("there cannot be a pair '%s'", pair);
}

/* Why a node could not be opened. */
static void __attribute__((noreturn)) die_open(const char *node, int err)
{
	if (err == EACCES || err == EPERM)
		die("not permitted to read %s: 'ls -l %s' tells who is", node, node);
	if (err != ENOENT && err != ENXIO && err != ENODEV)
		die("cannot open %s: %s", node, strerror(err));
	if (access("/sys/module/ndval", F_OK)) {
		fprintf(stderr, "ndvalctl: the ndval module is not loaded: modprobe ndval\n");
		exit(EXIT_NO_MODULE);
	}
	die("there is no %s: 'ndvalctl pair list' tells which pairs there are", node);
}

/**
 * open_node() - open the node of a pair, or say why not and exit
 * @pair: its local name
 *
 * Return: a descriptor.
 */
int open_node(const char *pair)
{
	bool is_default = !strcmp(pair, "default");
	char node[PATH_SIZE];
	int fd;

	check_pair(pair);
	snprintf(node, sizeof(node), "/dev/ndval%s%s", is_default ? "" : "-",
		 is_default ? "" : pair);
	fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		die_open(node, errno);
	return fd;
}

/**
 * open_place() - get ready to draw by libndval, or say why not and exit
 * @place: where
 *
 * Return: never NULL.
 */
struct ndval *open_place(const struct place *place)
{
	struct ndval *ndval;
	int err;

	check_pair(place->pair);
	ndval = ndval_open(place->pair, place->stream, place->instance);
	if (ndval)
		return ndval;
	/* Opening and binding may have failed: see whether it was the former. */
	err = errno;
	close(open_node(place->pair));
	die_node(place->pair, "", err);
}

/* What --json says first. */
void json_place(const struct place *place)
{
	json_string("pair", place->pair);
	json_string("stream", place->stream);
	json_number("instance", place->instance);
}

/**
 * die_node() - say what an error of the node means and what to type, and exit
 * @pair: the node's
 * @after: how far it went, with a colon and a space; or ""
 * @err: errno
 */
void die_node(const char *pair, const char *after, int err)
{
	size_t i;

	if (err == ENOTTY)
		die("%sthe loaded module is too old for this: load the one of this ndvalctl, %s",
		    after, NDVAL_VERSION);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		if (errors[i].err == err)
			die("%s%s: 'ndvalctl %s %s%s'", after, errors[i].meaning,
			    errors[i].command, pair, errors[i].rest);
	}
	die("%s%s", after, strerror(err));
}
