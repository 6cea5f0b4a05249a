// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "args.h"
#include "ndvalctl.h"

#define BLANKS		" \t\r\n"

/* Of the line that is run, and of its process, which ends in the middle of it. */
static char *line;
static char **words;

/*
 * Lines are read from standard input alone, which the processes of commands let go
 * of: at their ends, they would set a file back to what they saw read of it.
 */
static void open_lines(const char *name)
{
	if (name && strcmp(name, "-") && !freopen(name, "r", stdin))
		die("cannot open %s: %s", name, strerror(errno));
}

/* The words of the line, behind the program's name; returns how many. */
static int split(void)
{
	char *word, *rest;
	int count = 1;

	free(words);
	/* Of every two characters one may be a word. */
	words = calloc(strlen(line) / 2 + 3, sizeof(*words));
	if (!words)
		die("out of memory");
	words[0] = "ndvalctl";
	for (word = strtok_r(line, BLANKS, &rest); word; word = strtok_r(NULL, BLANKS, &rest))
		words[count++] = word;
	return count;
}

static void read_nothing(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || dup2(fd, STDIN_FILENO) < 0)
		die("cannot open /dev/null: %s", strerror(errno));
}

/* Runs a command as a process of its own, which ends where the command does. */
static int run_line(int count)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		die("cannot fork: %s", strerror(errno));
	if (!pid) {
		read_nothing();
		optind = 0;
		exit(run_ndvalctl(count, words));
	}
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			die("cannot wait: %s", strerror(errno));
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_REFUSED;
}

/* Returns the exit code of the first command that failed. */
static int run_lines(bool keep_going)
{
	int code = EXIT_SUCCESS;
	unsigned long number;
	size_t size = 0;

	for (number = 1; getline(&line, &size, stdin) >= 0; number++) {
		int failed = EXIT_SUCCESS;
		int count = split();

		if (count > 1 && *words[1] != '#')
			failed = run_line(count);
		if (!failed)
			continue;
		fprintf(stderr, "ndvalctl: line %lu failed%s\n", number,
			keep_going ? "" : "; what comes after it was not run");
		code = code ?: failed;
		if (!keep_going)
			break;
	}
	if (ferror(stdin))
		die("cannot read: %s", strerror(errno));
	return code;
}

int batch_main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "keep-going", no_argument, NULL, 'k' },
		{ }
	};
	bool keep_going = false;
	const char *name;

	while (next_option(argc, argv, "", options) != -1)
		keep_going = true;
	name = maybe_argument(argc, argv);
	no_more_arguments(argc, argv);
	open_lines(name);
	return run_lines(keep_going);
}
