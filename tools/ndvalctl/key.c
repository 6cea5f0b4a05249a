// SPDX-License-Identifier: GPL-2.0-only
/*
 * Keys that hosts share, for ndvald. No kernel module is needed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "json.h"
#include "ndvalctl.h"

#define KEY_SIZE	32
#define HEAD		"# Key of ndval: for the owner only, the same on both hosts.\n"

static void write_hex(char *text, const unsigned char *key)
{
	static const char digits[] = "0123456789abcdef";
	int i;

	for (i = 0; i < KEY_SIZE; i++) {
		*text++ = digits[key[i] >> 4];
		*text++ = digits[key[i] & 15];
	}
	*text++ = '\n';
}

/* Return: 0 or a negative errno; there is a whole file then, on the disk, or none. */
static int store(const char *path, const char *text, size_t size)
{
	int err = 0;
	int fd;

	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	/* The umask may have taken even the owner's bits. */
	if (fchmod(fd, 0600))
		err = -errno;
	errno = ENOSPC;
	if (!err && (write(fd, text, size) != (ssize_t)size || fsync(fd)))
		err = -errno;
	if (close(fd) && !err)
		err = -errno;
	if (err)
		unlink(path);
	return err;
}

static int key_gen(int argc, char *argv[])
{
	char text[sizeof(HEAD) + 2 * KEY_SIZE + 1] = HEAD;
	unsigned char key[KEY_SIZE];
	const char *path;
	int err;

	no_options(argc, argv);
	path = next_argument(argc, argv, "FILE");
	no_more_arguments(argc, argv);

	if (getrandom(key, sizeof(key), 0) != sizeof(key))
		die("cannot draw a key: %s", strerror(errno));
	write_hex(text + strlen(HEAD), key);
	err = store(path, text, strlen(HEAD) + 2 * KEY_SIZE + 1);
	explicit_bzero(text, sizeof(text));
	explicit_bzero(key, sizeof(key));
	if (err == -EEXIST)
		die("%s is there already: give a new key a new file, links may need the old one",
		    path);
	if (err)
		die("cannot make %s: %s", path, strerror(-err));
	if (json_wanted) {
		json_begin_object(NULL);
		json_string("file", path);
		json_end_object();
	}
	return EXIT_SUCCESS;
}

int key_main(int argc, char *argv[])
{
	static const struct command commands[] = {
		{ "gen", key_gen, "FILE [--json]",
		  "Make a key for encrypted links, in a new file that only its owner can read\n"
		  "Copy it to the peer, where it must belong to root and have mode 0600 too, and name it\n"
		  "in both hosts' ndvald.conf as 'key_file'.\n" },
		{ }
	};

	return run_command(commands, argc, argv);
}
