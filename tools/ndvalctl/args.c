// SPDX-License-Identifier: GPL-2.0-only
/*
 * The command line: options, arguments, numbers. Whatever is wrong ends the
 * program with a sentence and EXIT_USAGE.
 */
#include "args.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ndvalctl.h"

#define INSTANCES	8
#define OPTIONS_MAX	20	/* with --json, --help and the empty entry */
#define SECONDS_MAX	86400.0

bool json_wanted;

/**
 * next_option() - the next option of a command
 * @argc: of the command
 * @argv: of the command
 * @shorts: short options besides -j and -h, in the notation of getopt(3)
 * @options: ends with an empty entry
 *
 * --json and --help, which every command takes, are dealt with here.
 *
 * Return: the option's value, -1 when there are no more.
 */
int next_option(int argc, char *argv[], const char *shorts, const struct option *options)
{
	struct option longs[OPTIONS_MAX] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
	};
	char all[16] = ":jh";
	unsigned int i;
	int option;

	opterr = 0;
	strncat(all, shorts, sizeof(all) - strlen(all) - 1);
	for (i = 0; options[i].name; i++)
		longs[i + 2] = options[i];

	for (;;) {
		option = getopt_long(argc, argv, all, longs, NULL);
		switch (option) {
		case 'j':
			json_wanted = true;
			break;
		case 'h':
			show_help();
		case ':':
			die_usage("option '%s' needs a value", argv[optind - 1]);
		case '?':
			if (optopt && optopt < 128 && isgraph(optopt) &&
			    strncmp(argv[optind - 1], "--", 2))
				die_usage("there is no option '-%c'", optopt);
			die_usage("there is no option '%s', or it takes no value",
				  argv[optind - 1]);
		default:
			return option;
		}
	}
}

/* For commands without options of their own. */
void no_options(int argc, char *argv[])
{
	static const struct option options[] = { { } };

	next_option(argc, argv, "", options);
}

/**
 * next_argument() - the next argument that is not an option
 * @argc: of the command
 * @argv: of the command, after its options were read
 * @what: the argument's name in the usage
 *
 * Return: never NULL.
 */
const char *next_argument(int argc, char *argv[], const char *what)
{
	const char *argument = maybe_argument(argc, argv);

	if (!argument)
		die_usage("%s is missing", what);
	return argument;
}

/* The same, NULL when there is none. */
const char *maybe_argument(int argc, char *argv[])
{
	return optind < argc ? argv[optind++] : NULL;
}

void no_more_arguments(int argc, char *argv[])
{
	if (optind < argc)
		die_usage("'%s' is too much", argv[optind]);
}

/*
 * Read digits, decimal or hexadecimal after 0x; neither sign nor space.
 * Return: what follows the digits, NULL if there are none or too many.
 */
static const char *read_digits(const char *text, __u64 *value)
{
	bool hex = !strncasecmp(text, "0x", 2) && isxdigit((unsigned char)text[2]);
	char *end;

	if (!isdigit((unsigned char)*text))
		return NULL;
	errno = 0;
	*value = strtoull(text, &end, hex ? 16 : 10);
	return errno ? NULL : end;
}

/**
 * parse_number() - a whole number
 * @what: its name, for messages
 * @text: decimal, or hexadecimal after 0x
 * @min: least
 * @max: most
 *
 * Return: the number.
 */
__u64 parse_number(const char *what, const char *text, __u64 min, __u64 max)
{
	__u64 value = 0;
	const char *end = read_digits(text, &value);

	if (!end || *end || value < min || value > max)
		die_usage("%s must be a whole number from %llu to %llu, not '%s'", what, min, max,
			  text);
	return value;
}

/* How far K, M, G, KiB, MiB, GiB shift to the left; -1 for another word. */
static int read_suffix(const char *text)
{
	static const char letters[] = "KMG";
	const char *letter;

	if (!*text)
		return 0;
	letter = strchr(letters, toupper((unsigned char)*text));
	if (!letter || (text[1] && strcasecmp(text + 1, "iB")))
		return -1;
	return 10 * (letter - letters + 1);
}

/**
 * parse_size() - a number of bytes
 * @what: its name, for messages
 * @text: a number, then maybe K, M, G, KiB, MiB, GiB (powers of 1024)
 * @max: most
 *
 * Return: bytes.
 */
__u64 parse_size(const char *what, const char *text, __u64 max)
{
	__u64 value = 0;
	const char *end = read_digits(text, &value);
	int shift = end ? read_suffix(end) : -1;

	if (shift < 0)
		die_usage("%s must be a number of bytes like 4096, 16K or 1MiB, not '%s'", what,
			  text);
	if (value > max >> shift)
		die_usage("%s must be %llu bytes at most, not '%s'", what, max, text);
	return value << shift;
}

/* One number or range of a set; returns what follows it, NULL if it is neither. */
static const char *read_range(const char *text, __u32 *set)
{
	__u64 first, last;

	text = read_digits(text, &first);
	if (!text)
		return NULL;
	last = first;
	if (*text == '-')
		text = read_digits(text + 1, &last);
	if (!text || last >= INSTANCES || first > last)
		return NULL;
	for (; first <= last; first++)
		*set |= 1U << first;
	return text;
}

/**
 * parse_instances() - a set of instances
 * @what: its name, for messages
 * @text: numbers and ranges with commas between them (0,2-3), or none
 *
 * Return: bit n set, instance n is in the set.
 */
__u32 parse_instances(const char *what, const char *text)
{
	const char *rest = text;
	__u32 set = 0;

	if (!strcmp(text, "none"))
		return 0;

	for (;;) {
		rest = read_range(rest, &set);
		if (!rest || !*rest)
			break;
		if (*rest++ != ',') {
			rest = NULL;
			break;
		}
	}
	if (!rest)
		die_usage("%s must be a set like 0, 0,1, 0-2 or none, up to %d, not '%s'", what,
			  INSTANCES - 1, text);
	return set;
}

/* Permission bits in octal. */
__u32 parse_mode(const char *text)
{
	char *end;
	unsigned long mode = strtoul(text, &end, 8);

	if (!isdigit((unsigned char)*text) || *end || mode > 0777)
		die_usage("the mode must be octal digits from 0 to 0777, not '%s'", text);
	return mode;
}

/* Seconds, with a fraction if wanted. */
double parse_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (!isdigit((unsigned char)*text) || *end || !isfinite(seconds) || seconds < 0.1 ||
	    seconds > SECONDS_MAX)
		die_usage("the seconds must be a number from 0.1 to %.0f, not '%s'", SECONDS_MAX,
			  text);
	return seconds;
}
