/* SPDX-License-Identifier: GPL-2.0-only */
/* What people read: amounts, columns, colours. */
#ifndef NDVALCTL_FORMAT_H
#define NDVALCTL_FORMAT_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define FORMAT_SIZE	32	/* enough for each format_*() */

enum colour {
	COLOUR_NONE,
	COLOUR_GOOD,
	COLOUR_CARE,
	COLOUR_BAD,
};

const char *format_size(__u64 bytes, char *text, size_t size);
const char *format_bytes(__u64 bytes, char *text, size_t size);
const char *format_rtt(__u32 microseconds, char *text, size_t size);
const char *format_instances(__u32 set, char *text, size_t size);
const char *printable(const char *foreign, char *text, size_t size);
const char *escape(const char *foreign, size_t length, char *text, size_t size);

void put_coloured(enum colour colour, const char *text);
void column(const char *format, ...) __attribute__((format(printf, 1, 2)));
void column_number(__u64 number);
void column_maybe(bool known, __u64 number);
void column_coloured(enum colour colour, const char *text);
void end_row(void);
void print_rows(const char *indent);

#endif /* NDVALCTL_FORMAT_H */
