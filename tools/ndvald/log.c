// SPDX-License-Identifier: GPL-2.0-only
#include "log.h"
#include "loop.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BURST		10	/* messages that strangers cause, at once */
#define REFILL_MS	6000	/* and one more each time this has passed */
#define REMEMBERED	16
#define REPEAT_MS	(3600 * 1000)

static bool log_verbose;
static bool log_prefixed;

/* JOURNAL_STREAM is inherited: it counts only while it names our stderr. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	uint64_t device, inode;
	struct stat st;

	return stream && sscanf(stream, "%" SCNu64 ":%" SCNu64, &device, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == device && st.st_ino == inode;
}

/**
 * log_init() - decide how messages look
 * @verbose: show debug messages too
 */
void log_init(bool verbose)
{
	log_verbose = verbose;
	log_prefixed = stderr_is_journal();
}

/**
 * log_line() - one message
 * @priority: LOG_ERR to LOG_DEBUG
 * @format: of printf(), without a newline
 */
void log_line(int priority, const char *format, ...)
{
	char text[1024];
	va_list args;

	if (priority == LOG_DEBUG && !log_verbose)
		return;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (log_prefixed)
		fprintf(stderr, "<%d>%s\n", priority, text);
	else
		fprintf(stderr, "ndvald: %s\n", text);
}

/**
 * log_hash() - a number to recognise a message by
 * @text: the message
 *
 * Return: FNV-1a of the text.
 */
uint32_t log_hash(const char *text)
{
	uint32_t hash = 2166136261U;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619U;
	return hash;
}

/* Was the same told in the last hour? */
static bool is_repeated(const char *text, int64_t now)
{
	static struct {
		uint32_t hash;
		int64_t until;
	} told[REMEMBERED];
	static unsigned int oldest;
	uint32_t hash = log_hash(text);
	unsigned int i;

	for (i = 0; i < REMEMBERED; i++) {
		if (told[i].hash == hash && told[i].until > now)
			return true;
	}
	told[oldest].hash = hash;
	told[oldest].until = now + REPEAT_MS;
	oldest = (oldest + 1) % REMEMBERED;
	return false;
}

/* A token bucket. @last: this empties it. */
static bool is_allowed(int64_t now, bool *last)
{
	static int64_t refilled;
	static int tokens = BURST;
	int64_t more = (now - refilled) / REFILL_MS;

	if (more > 0) {
		tokens = more > BURST - tokens ? BURST : tokens + (int)more;
		refilled += more * REFILL_MS;
	}
	*last = tokens == 1;
	return tokens && tokens--;
}

/**
 * log_stranger() - a warning that anybody on the network can cause
 * @format: of printf(), without a newline
 *
 * The same one is logged once an hour, different ones not too often.
 */
void log_stranger(const char *format, ...)
{
	static bool told_full;
	int64_t now = loop_now();
	char text[1024];
	va_list args;
	bool last;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);

	if (is_repeated(text, now) || !is_allowed(now, &last)) {
		log_debug("%s", text);
		return;
	}
	log_warn("%s", text);
	if (last && !told_full)
		log_warn("more messages of this kind may be left out from here on");
	told_full |= last;
}

/**
 * log_escape() - make a string of a stranger harmless to show
 * @out: where to, always terminated
 * @size: of @out
 * @text: what came in; what is not printable ASCII is shown as \xNN
 *
 * Return: @out
 */
const char *log_escape(char *out, size_t size, const char *text)
{
	size_t used = 0;

	for (; *text && used + 5 <= size; text++) {
		unsigned char c = *text;

		if (c >= ' ' && c <= '~' && c != '\\')
			out[used++] = c;
		else
			used += snprintf(out + used, size - used, "\\x%02x", c);
	}
	out[used] = '\0';
	return out;
}
