// SPDX-License-Identifier: GPL-2.0-only
/*
 * Read values as an application does, through the node: this works without the
 * right to use netlink, and where only the node is visible.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ndval.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "args.h"
#include "json.h"
#include "ndvalctl.h"

#define CHUNK_SIZE	65536
#define PATH_SIZE	(NDVAL_NAME_SIZE + 32)

/**
 * struct reading - what is to be read
 * @pair: local name of the pair
 * @bind: stream, instance, flags
 * @forever: there is no end
 * @left: else, bytes that are missing yet
 * @done: bytes read so far
 * @hex: write digits
 */
struct reading {
	const char		*pair;
	struct ndval_binding	bind;
	bool			forever;
	__u64			left;
	__u64			done;
	bool			hex;
};

static void parse_reading(int argc, char *argv[], struct reading *reading)
{
	static const struct option options[] = {
		{ "stream", required_argument, NULL, 's' },
		{ "instance", required_argument, NULL, 'i' },
		{ "excl", no_argument, NULL, 'e' },
		{ "hex", no_argument, NULL, 'x' },
		{ }
	};
	const char *bytes = NULL, *stream = "default";
	int option;

	while ((option = next_option(argc, argv, "n:", options)) != -1) {
		if (option == 'n')
			bytes = optarg;
		else if (option == 's')
			stream = optarg;
		else if (option == 'i')
			reading->bind.instance = parse_number("the instance", optarg, 0,
							      NDVAL_INSTANCES - 1);
		else if (option == 'e')
			reading->bind.flags |= NDVAL_BIND_EXCL;
		else
			reading->hex = true;
	}
	reading->pair = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);
	if (!bytes)
		die_usage("-n BYTES is missing; -n inf has no end");
	reading->forever = !strcmp(bytes, "inf");
	if (!reading->forever)
		reading->left = parse_size("the number of bytes", bytes, ~0ULL);
	if (json_wanted && reading->forever)
		die_usage("--json excludes -n inf");
	if (strlen(stream) >= NDVAL_NAME_SIZE)
		die_usage("the stream's name has %d bytes at most", NDVAL_NAME_SIZE - 1);
	if (!*stream)
		die_usage("the stream's name is empty");
	snprintf(reading->bind.stream, sizeof(reading->bind.stream), "%s", stream);
}

/* Open the node of a pair. */
static int open_node(const char *pair)
{
	bool is_default = !strcmp(pair, "default");
	char node[PATH_SIZE];
	int fd;

	if (!*pair || strlen(pair) >= NDVAL_NAME_SIZE || strchr(pair, '/'))
		die("there cannot be a pair '%s'", pair);
	snprintf(node, sizeof(node), "/dev/ndval%s%s", is_default ? "" : "-",
		 is_default ? "" : pair);
	fd = open(node, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return fd;

	if (errno == EACCES || errno == EPERM)
		die("not permitted to read %s: 'ls -l %s' tells who is", node, node);
	if (errno != ENOENT && errno != ENXIO && errno != ENODEV)
		die("cannot open %s: %s", node, strerror(errno));
	if (access("/sys/module/ndval", F_OK)) {
		fprintf(stderr, "ndvalctl: the ndval module is not loaded: modprobe ndval\n");
		exit(EXIT_NO_MODULE);
	}
	die("there is no %s: 'ndvalctl pair list' tells which pairs there are", node);
}

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
	{ EPIPE, "the instance is lost, its next byte has left the window", "status", "" },
	{ ESTALE, "the pair or this copy is diverged, or fenced, or the stream deleted",
	  "status", "" },
	{ ETIMEDOUT, "nothing came within read_timeout_ms", "status", "" },
};

static void __attribute__((noreturn)) die_errno(int err, const struct reading *reading)
{
	char after[48] = "";
	size_t i;

	if (reading->done)
		snprintf(after, sizeof(after), "after %llu bytes: ", reading->done);
	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		if (errors[i].err == err)
			die("%s%s: 'ndvalctl %s %s%s'", after, errors[i].meaning,
			    errors[i].command, reading->pair, errors[i].rest);
	}
	die("%s%s", after, strerror(err));
}

static void write_values(const struct reading *reading, const void *bytes, size_t length)
{
	if (reading->hex || json_wanted)
		put_hex(bytes, length);
	else
		fwrite(bytes, 1, length, stdout);
	if (ferror(stdout))
		die("cannot write: %s", strerror(errno));
}

static void read_values(int fd, struct reading *reading)
{
	unsigned char *chunk = malloc(CHUNK_SIZE);

	if (!chunk)
		die("out of memory");
	while (reading->forever || reading->left) {
		size_t wanted = CHUNK_SIZE;
		ssize_t length;

		if (!reading->forever && reading->left < wanted)
			wanted = reading->left;
		length = read(fd, chunk, wanted);
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			die_errno(length ? errno : EIO, reading);
		write_values(reading, chunk, length);
		reading->done += length;
		reading->left -= reading->forever ? 0 : length;
	}
	explicit_bzero(chunk, CHUNK_SIZE);
	free(chunk);
}

int read_main(int argc, char *argv[])
{
	struct reading reading = { };
	int fd;

	parse_reading(argc, argv, &reading);
	fd = open_node(reading.pair);
	if (ioctl(fd, NDVAL_IOC_BIND, &reading.bind))
		die_errno(errno, &reading);
	if (json_wanted) {
		json_begin_object(NULL);
		json_string("pair", reading.pair);
		json_string("stream", reading.bind.stream);
		json_number("instance", reading.bind.instance);
		json_number("length", reading.left);
		json_begin_hex("data");
	}
	read_values(fd, &reading);
	if (json_wanted) {
		json_end_hex();
		json_end_object();
	} else if (reading.hex) {
		putchar('\n');
	}
	close(fd);
	return EXIT_SUCCESS;
}
