// SPDX-License-Identifier: GPL-2.0-only
#include "json.h"

#include <stdio.h>
#include <string.h>

#define DEPTH_MAX	16

static unsigned int depth;
static bool filled[DEPTH_MAX];	/* this level has a value already */

/*
 * Length of the UTF-8 character at @text, 0 if there is none: stray or missing
 * continuation bytes, surrogates, longer forms than needed.
 */
static size_t utf8_length(const unsigned char *text)
{
	size_t length = text[0] < 0x80 ? 1 : text[0] < 0xc2 ? 0 : text[0] < 0xe0 ? 2 :
			text[0] < 0xf0 ? 3 : text[0] < 0xf5 ? 4 : 0;
	size_t i;

	for (i = 1; i < length; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	}
	if ((text[0] == 0xe0 && text[1] < 0xa0) || (text[0] == 0xed && text[1] > 0x9f) ||
	    (text[0] == 0xf0 && text[1] < 0x90) || (text[0] == 0xf4 && text[1] > 0x8f))
		return 0;
	return length;
}

static void put_string(const char *value)
{
	const unsigned char *text = (const unsigned char *)value;

	putchar('"');
	while (*text) {
		size_t length = utf8_length(text);

		if (!length) {
			fputs("\\ufffd", stdout);
			length = 1;
		} else if (*text < 0x20 || *text == 0x7f) {
			printf("\\u%04x", *text);
		} else if (*text == '"' || *text == '\\') {
			printf("\\%c", *text);
		} else {
			fwrite(text, 1, length, stdout);
		}
		text += length;
	}
	putchar('"');
}

/* What stands before a value: a comma, its key. */
static void begin_value(const char *key)
{
	if (filled[depth])
		putchar(',');
	filled[depth] = true;
	if (!key)
		return;
	put_string(key);
	putchar(':');
}

/* The outermost value ends the line. */
static void end_value(void)
{
	if (depth)
		return;
	putchar('\n');
	filled[0] = false;
}

static void begin_nest(const char *key, char bracket)
{
	begin_value(key);
	putchar(bracket);
	if (depth < DEPTH_MAX - 1)
		depth++;
	filled[depth] = false;
}

static void end_nest(char bracket)
{
	putchar(bracket);
	if (depth)
		depth--;
	end_value();
}

void json_begin_object(const char *key)
{
	begin_nest(key, '{');
}

void json_end_object(void)
{
	end_nest('}');
}

void json_begin_array(const char *key)
{
	begin_nest(key, '[');
}

void json_end_array(void)
{
	end_nest(']');
}

void json_string(const char *key, const char *value)
{
	begin_value(key);
	put_string(value);
	end_value();
}

void json_number(const char *key, __u64 value)
{
	begin_value(key);
	printf("%llu", value);
	end_value();
}

void json_signed(const char *key, __s64 value)
{
	begin_value(key);
	printf("%lld", value);
	end_value();
}

/* Random 64-bit identities are strings, many programs read numbers as double. */
void json_id(const char *key, __u64 value)
{
	begin_value(key);
	printf("\"%016llx\"", value);
	end_value();
}

void json_bool(const char *key, bool value)
{
	begin_value(key);
	fputs(value ? "true" : "false", stdout);
	end_value();
}

/* A string of hexadecimal digits that comes in pieces: put_hex(). */
void json_begin_hex(const char *key)
{
	begin_value(key);
	putchar('"');
}

void json_end_hex(void)
{
	putchar('"');
	end_value();
}

/* Write bytes as hexadecimal digits. */
void put_hex(const void *data, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *byte = data;

	for (; size; size--, byte++) {
		putchar(digits[*byte >> 4]);
		putchar(digits[*byte & 15]);
	}
}
