// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/ndval.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "args.h"
#include "json.h"
#include "ndvalctl.h"
#include "node.h"

#define CHUNK_SIZE	65536

/**
 * struct reading - what is to be read
 * @place: where
 * @flags: NDVAL_BIND_EXCL or 0
 * @forever: there is no end
 * @left: else, bytes that are missing yet
 * @done: bytes read so far
 * @hex: write digits
 */
struct reading {
	struct place	place;
	__u32		flags;
	bool		forever;
	__u64		left;
	__u64		done;
	bool		hex;
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
	const char *bytes = NULL;
	int option;

	while ((option = next_option(argc, argv, "n:", options)) != -1) {
		if (option == 'n')
			bytes = optarg;
		else if (option == 'e')
			reading->flags |= NDVAL_BIND_EXCL;
		else if (option == 'x')
			reading->hex = true;
		else
			parse_place_option(option, &reading->place);
	}
	reading->place.pair = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);
	if (!bytes)
		die_usage("-n BYTES is missing; -n inf has no end");
	reading->forever = !strcmp(bytes, "inf");
	if (!reading->forever)
		reading->left = parse_size("the number of bytes", bytes, ~0ULL);
	if (json_wanted && reading->forever)
		die_usage("--json excludes -n inf");
}

static void __attribute__((noreturn)) die_errno(int err, const struct reading *reading)
{
	char after[48] = "";

	if (reading->done)
		snprintf(after, sizeof(after), "after %llu bytes: ", reading->done);
	die_node(reading->place.pair, after, err);
}

static int open_reading(const struct reading *reading)
{
	struct ndval_binding binding = {
		.instance = reading->place.instance,
		.flags = reading->flags,
	};
	int fd = open_node(reading->place.pair);

	snprintf(binding.stream, sizeof(binding.stream), "%s", reading->place.stream);
	if (ioctl(fd, NDVAL_IOC_BIND, &binding))
		die_errno(errno, reading);
	return fd;
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
	struct reading reading = { .place.stream = "default" };
	int fd;

	parse_reading(argc, argv, &reading);
	fd = open_reading(&reading);
	if (json_wanted) {
		json_begin_object(NULL);
		json_place(&reading.place);
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
