// SPDX-License-Identifier: GPL-2.0-only
#include "format.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "ndvalctl.h"

#define COLUMNS_MAX	16

/* A size that the kernel or a person chose: exact, as parse_size() takes it. */
const char *format_size(__u64 bytes, char *text, size_t size)
{
	static const char * const units[] = { "", "K", "M", "G" };
	unsigned int unit = 0;

	while (bytes && !(bytes & 1023) && unit < ARRAY_SIZE(units) - 1) {
		bytes >>= 10;
		unit++;
	}
	snprintf(text, size, "%llu%s", bytes, units[unit]);
	return text;
}

/* An amount that grew by itself: rounded. */
const char *format_bytes(__u64 bytes, char *text, size_t size)
{
	static const char * const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
	double amount = bytes;
	unsigned int unit = 0;

	while (amount >= 1024 && unit < ARRAY_SIZE(units) - 1) {
		amount /= 1024;
		unit++;
	}
	snprintf(text, size, "%.*f %s", unit && amount < 10 ? 1 : 0, amount, units[unit]);
	return text;
}

/* A round trip; 0, not measured yet. */
const char *format_rtt(__u32 microseconds, char *text, size_t size)
{
	if (microseconds)
		snprintf(text, size, "%.2f ms", microseconds / 1000.0);
	else
		snprintf(text, size, "-");
	return text;
}

/* A set of instances, as parse_instances() takes it. */
const char *format_instances(__u32 set, char *text, size_t size)
{
	size_t length = 0;
	int first, last;

	snprintf(text, size, "none");
	for (first = 0; first < 32 && length < size; first = last + 1) {
		last = first;
		if (!(set & (1U << first)))
			continue;
		while (last < 31 && set & (1U << (last + 1)))
			last++;
		length += snprintf(text + length, size - length, "%s%d", length ? "," : "", first);
		if (last > first && length < size)
			length += snprintf(text + length, size - length, "%s%d",
					   last > first + 1 ? "-" : ",", last);
	}
	return text;
}

/* Text that another host or program chose must not steer the terminal. */
const char *printable(const char *foreign, char *text, size_t size)
{
	size_t i;

	for (i = 0; foreign[i] && i < size - 1; i++)
		text[i] = isascii((unsigned char)foreign[i]) &&
			  isprint((unsigned char)foreign[i]) ? foreign[i] : '?';
	text[i] = '\0';
	return text;
}

/**
 * escape() - bytes that another program chose, none lost, for terminal and JSON
 * @foreign: the bytes
 * @length: how many; fewer if one is NUL
 * @text: for the result; what does not fit is left out
 * @size: room there, 4 * @length + 1 is enough
 *
 * In octal as the kernel does it in events; so is the backslash.
 *
 * Return: @text.
 */
const char *escape(const char *foreign, size_t length, char *text, size_t size)
{
	size_t i, end = 0;

	for (i = 0; i < length && foreign[i] && end + 4 < size; i++) {
		unsigned char byte = foreign[i];

		if (isascii(byte) && isprint(byte) && byte != '\\')
			text[end++] = byte;
		else
			end += sprintf(text + end, "\\%03o", byte);
	}
	text[end] = '\0';
	return text;
}

static bool colour_wanted(void)
{
	static int wanted = -1;
	const char *no_color = getenv("NO_COLOR");

	if (wanted < 0)
		wanted = isatty(STDOUT_FILENO) && !(no_color && *no_color);
	return wanted;
}

/* Write text in a colour, on a terminal only. */
void put_coloured(enum colour colour, const char *text)
{
	static const char * const codes[] = {
		[COLOUR_GOOD]	= "\033[32m",
		[COLOUR_CARE]	= "\033[33m",
		[COLOUR_BAD]	= "\033[1;31m",
	};

	if (colour == COLOUR_NONE || !colour_wanted())
		fputs(text, stdout);
	else
		printf("%s%s\033[0m", codes[colour], text);
}

/* Rows wait here until all are known, and with them the columns' widths. */
struct cell {
	char		*text;
	bool		number;	/* at the right of its column */
	enum colour	colour;
};

static struct cell (*rows)[COLUMNS_MAX];
static size_t row_count;
static unsigned int columns;	/* in the row being written */

static struct cell *add_cell(void)
{
	if (!columns) {
		rows = reallocarray(rows, row_count + 1, sizeof(*rows));
		if (!rows)
			die("out of memory");
		memset(rows[row_count], 0, sizeof(*rows));
	}
	return &rows[row_count][columns++ % COLUMNS_MAX];
}

/* The next column of the row: text at the left. */
void column(const char *format, ...)
{
	struct cell *cell = add_cell();
	va_list args;

	va_start(args, format);
	if (vasprintf(&cell->text, format, args) < 0)
		die("out of memory");
	va_end(args);
}

void column_number(__u64 number)
{
	column("%llu", number);
	rows[row_count][columns - 1].number = true;
}

/* A number that not every row has. */
void column_maybe(bool known, __u64 number)
{
	if (!known)
		column("-");
	else
		column("%llu", number);
	rows[row_count][columns - 1].number = true;
}

void column_coloured(enum colour colour, const char *text)
{
	column("%s", text);
	rows[row_count][columns - 1].colour = colour;
}

void end_row(void)
{
	row_count++;
	columns = 0;
}

/* A heading over numbers stands at the right as they do. */
static bool at_right(size_t row, unsigned int i)
{
	return rows[row][i].number || (!row && row_count > 1 && rows[1][i].number);
}

static void print_row(size_t row, const int *widths, const char *indent)
{
	const struct cell *cells = rows[row];
	unsigned int i;

	fputs(indent, stdout);
	for (i = 0; i < COLUMNS_MAX && cells[i].text; i++) {
		bool last = i == COLUMNS_MAX - 1 || !cells[i + 1].text;
		int space = widths[i] - (int)strlen(cells[i].text);

		if (at_right(row, i))
			printf("%*s", space, "");
		put_coloured(cells[i].colour, cells[i].text);
		if (!last)
			printf("%*s", (at_right(row, i) ? 0 : space) + 2, "");
	}
	putchar('\n');
}

/* Print the rows in columns, and forget them. */
void print_rows(const char *indent)
{
	int widths[COLUMNS_MAX] = { 0 };
	unsigned int i;
	size_t row;

	for (row = 0; row < row_count; row++) {
		for (i = 0; i < COLUMNS_MAX && rows[row][i].text; i++) {
			int length = strlen(rows[row][i].text);

			if (length > widths[i])
				widths[i] = length;
		}
	}
	for (row = 0; row < row_count; row++)
		print_row(row, widths, indent);

	for (row = 0; row < row_count; row++) {
		for (i = 0; i < COLUMNS_MAX; i++)
			free(rows[row][i].text);
	}
	free(rows);
	rows = NULL;
	row_count = 0;
}
