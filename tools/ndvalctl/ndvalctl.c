// SPDX-License-Identifier: GPL-2.0-only
/*
 * ndvalctl: looks after ndval's pairs. This file finds the command; each
 * command has a file of its own.
 */
#include "ndvalctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nl.h"

static const struct command commands[] = {
	{ "status", status_main, "[PAIR] [--watch [SECONDS]] [--json]",
	  "Show pairs, role, health, peers, and what needs doing\n"
	  "--watch  show it again and again, every 2 or SECONDS seconds\n" },
	{ "pair", pair_main, "add|del|set|show|list ...",
	  "Make, remove, tune and show pairs\n" },
	{ "peer", peer_main, "add|del|list|outdate ...",
	  "Configure which other members take part in a pair\n" },
	{ "promote", promote_main, "PAIR [--new|--force] [--fenced] [--json]",
	  "Make this member the primary of a pair\n"
	  "Takes the pair over when the primary is lost or was demoted. Refused if that could\n"
	  "lose or change a value.\n"
	  "--new     begin the pair's life here: values are drawn anew. Wanted once, when the\n"
	  "          pair is set up.\n"
	  "--force   whatever speaks against it; values may be lost or change\n"
	  "--fenced  members that are not connected are fenced or outdated: they will not be\n"
	  "          promoted until they are in sync again\n" },
	{ "demote", demote_main, "PAIR [--json]",
	  "Make the primary a secondary that may be promoted again\n"
	  "Afterwards the pair has no primary, and no new values, until one is promoted.\n" },
	{ "switchover", switchover_main, "PAIR [--to PEER] [--json]",
	  "Hand a pair over from this primary to a peer\n"
	  "Readers wait until the peer stores everything and is the primary. Nothing is lost,\n"
	  "whenever it fails.\n"
	  "--to PEER  which; may be left out if the pair has just one peer\n" },
	{ "outdate", outdate_main, "PAIR [--json]",
	  "Say that this copy may not be promoted until it is in sync again\n"
	  "For a cluster manager, on a secondary that lost its primary while that went on.\n" },
	{ "resync", resync_main, "PAIR [--json]",
	  "Discard a pair's values here and obtain them anew\n"
	  "All instances here are then lost until they are repositioned with\n"
	  "'ndvalctl instance set'.\n" },
	{ "instance", instance_main, "list|set ...",
	  "Show and reposition instances\n" },
	{ "stream", stream_main, "list|del ...",
	  "Show and delete streams\n" },
	{ "member", member_main, "add|del|list ...",
	  "Name this host, make and remove members\n" },
	{ "link", link_main, "list|attach|detach ...",
	  "Show, make and close links; ndvald does this for production\n" },
	{ "key", key_main, "gen ...",
	  "Make keys for encrypted links\n" },
	{ "read", read_main,
	  "PAIR -n BYTES|inf [--stream STREAM] [--instance I] [--excl] [--hex] [--json]",
	  "Read values as an application does; this moves the cursor\n"
	  "-n BYTES       how many (16, 4K, 1M), or inf for no end\n"
	  "--stream S     stream to read; default is 'default'\n"
	  "--instance I   as which instance, 0 to 7; default is 0\n"
	  "--excl         fail if another file has this stream's instance\n"
	  "--hex          write hexadecimal digits instead of bytes\n" },
	{ "uuid", uuid_main,
	  "PAIR [-4|-7] [-n COUNT] [--stream STREAM] [--instance I] [--json]",
	  "Draw UUIDs as an application does; this moves the cursor\n"
	  "-4             random ones, which is the default\n"
	  "-7             of the time, which sort by it\n"
	  "-n COUNT       how many; default is 1\n"
	  "--stream S     stream to draw from; default is 'default'\n"
	  "--instance I   as which instance, 0 to 7; default is 0\n" },
	{ "clock", clock_main, "PAIR [CLOCK ...] [--stream STREAM] [--instance I] [--json]",
	  "Read clocks as an application does; this moves the cursor\n"
	  "CLOCK is realtime (the default), monotonic, boottime or tai, which count\n"
	  "nanoseconds, or cycles.\n"
	  "--stream S     stream to read; default is 'default'\n"
	  "--instance I   as which instance, 0 to 7; default is 0\n" },
	{ "agree", agree_main,
	  "PAIR [VALUE] [--stream STREAM] [--instance I] [--hex] [--json]",
	  "Agree on a value with the other copies; this moves the cursor\n"
	  "Offers VALUE, or what standard input has, and prints what is recorded: this value\n"
	  "if this copy came first, the other's if not.\n"
	  "--stream S     stream to use; default is 'default'\n"
	  "--instance I   as which instance, 0 to 7; default is 0\n"
	  "--hex          write hexadecimal digits instead of bytes\n" },
	{ "values", values_main,
	  "PAIR [--stream STREAM] [--journal] --at OFFSET --length N [--hex|--raw] [--json]",
	  "Show recorded values without moving a cursor\n"
	  "Needs the pair's setting inspect=on. Each look is reported as an event.\n"
	  "--stream S     stream to look at; default is 'default'\n"
	  "--at OFFSET    first byte\n"
	  "--length N     how many bytes (16, 4K, 1M)\n"
	  "--hex          write hexadecimal digits only\n"
	  "--raw          write the bytes themselves\n"
	  "--journal      show the stream's clock readings and agreed values instead: those\n"
	  "               that begin in N bytes from the place OFFSET on; without the two, all\n"
	  },
	{ "monitor", monitor_main, "[--json]",
	  "Show events as they happen, one a line\n"
	  "Begins with a line of kind 'state' for each pair. When events came faster than\n"
	  "they were read it says that some were missed, and shows the states again.\n" },
	{ "batch", batch_main, "[FILE] [--keep-going]",
	  "Run the commands in a file, or in standard input, one a line\n"
	  "A line is what comes after 'ndvalctl', in words without quotes. Empty lines, and those\n"
	  "that begin with '#', are skipped. Ends at the first that fails, with its exit code.\n"
	  "--keep-going   go on with the next line instead; the exit code stays\n" },
	{ }
};

static char path[64] = "ndvalctl";
static const struct command *current;	/* NULL: ndvalctl itself */
static const struct command *table = commands;

/* What is typed and read after the first line of a help text. */
static void print_usage(FILE *out)
{
	fprintf(out, "usage: %s %s\n", path, current ? current->usage : "COMMAND ...");
}

/* Help on the current command, or the list of those that come next. */
void show_help(void)
{
	const struct command *command;

	print_usage(stdout);
	if (!current)
		puts("\nndval: the same nondeterministic values for a program's copies.");
	else
		printf("\n%s", current->help);

	if (table)
		printf("\n");
	for (command = table; command && command->name; command++)
		printf("  %-10s %.*s\n", command->name, (int)strcspn(command->help, "\n"),
		       command->help);
	if (!current)
		puts("\n'ndvalctl COMMAND --help' tells more, ndvalctl(8) all; each takes --json.");
	else if (!table)
		printf("--json  print JSON\n--help  print this\n");
	exit(EXIT_SUCCESS);
}

/**
 * run_command() - run the command that argv[1] names
 * @commands: to choose from; ends with an empty entry
 * @argc: of the caller
 * @argv: of the caller
 *
 * Return: exit code.
 */
int run_command(const struct command *commands, int argc, char *argv[])
{
	const struct command *command;
	size_t length = strlen(path);

	table = commands;
	if (argc < 2)
		die_usage("the command is missing");
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))
		show_help();

	for (command = commands; command->name; command++) {
		if (!strcmp(argv[1], command->name))
			break;
	}
	if (!command->name)
		die_usage("there is no command '%s'", argv[1]);

	current = command;
	table = NULL;
	snprintf(path + length, sizeof(path) - length, " %s", command->name);
	return command->main(argc - 1, argv + 1);
}

/* Something failed: say what and exit. */
void die(const char *format, ...)
{
	va_list args;

	fflush(stdout);
	fputs("ndvalctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(EXIT_REFUSED);
}

/* The command line is wrong: say how, how it should look, and exit. */
void die_usage(const char *format, ...)
{
	va_list args;

	fputs("ndvalctl: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	print_usage(stderr);
	fprintf(stderr, "'%s --help' tells more\n", path);
	exit(EXIT_USAGE);
}

/* The kernel refused: pass on its words and exit. */
void die_kernel(const struct nl *nl)
{
	die("%s", nl_message(nl));
}

/* Get ready to talk with the kernel's module, or say why not and exit. */
struct nl *open_kernel(void)
{
	struct nl *nl = nl_open();

	if (!nl) {
		fprintf(stderr, "ndvalctl: %s\n", nl_message(NULL));
		exit(errno == ENOENT ? EXIT_NO_MODULE : EXIT_REFUSED);
	}
	return nl;
}

/**
 * run_ndvalctl() - run the command of a command line
 * @argc: words in @argv, with the program's name
 * @argv: the words, and NULL
 *
 * Return: exit code. Errors exit.
 */
int run_ndvalctl(int argc, char *argv[])
{
	int code;

	strcpy(path, "ndvalctl");
	current = NULL;
	if (argc > 1 && !strcmp(argv[1], "--version")) {
		printf("ndvalctl %s\n", NDVAL_VERSION);
		return EXIT_SUCCESS;
	}
	code = run_command(commands, argc, argv);
	if (fflush(stdout) || ferror(stdout))
		die("cannot write: %s", strerror(errno));
	return code;
}

int main(int argc, char *argv[])
{
	return run_ndvalctl(argc, argv);
}
