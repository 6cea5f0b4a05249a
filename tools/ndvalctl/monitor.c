// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "format.h"
#include "json.h"
#include "model.h"
#include "names.h"
#include "ndvalctl.h"
#include "nl.h"

enum kind {
	KIND_NUMBER,
	KIND_NUMBER64,
	KIND_SIGNED64,
	KIND_FLAG,
	KIND_STRING,
	KIND_WORD,	/* one of @names */
};

struct field {
	__u16			type;
	const char		*name;
	enum kind		kind;
	const char * const	*names;
};

/* What may follow the kind of an event, in this order. */
static const struct field fields[] = {
	{ NDVAL_A_EVENT_PAIR, "pair", KIND_STRING, NULL },
	{ NDVAL_A_EVENT_MEMBER, "member", KIND_STRING, NULL },
	{ NDVAL_A_EVENT_PEER, "peer", KIND_STRING, NULL },
	{ NDVAL_A_EVENT_STREAM, "stream", KIND_STRING, NULL },
	{ NDVAL_A_EVENT_INSTANCE, "instance", KIND_NUMBER, NULL },
	{ NDVAL_A_EVENT_ROLE, "role", KIND_WORD, role_names },
	{ NDVAL_A_EVENT_HEALTH, "health", KIND_WORD, health_names },
	{ NDVAL_A_EVENT_PEER_STATE, "peer_state", KIND_WORD, peer_state_names },
	{ NDVAL_A_EVENT_OFFSET, "offset", KIND_NUMBER64, NULL },
	{ NDVAL_A_EVENT_JOURNAL, "journal", KIND_FLAG, NULL },
	{ NDVAL_A_EVENT_STEP, "step", KIND_SIGNED64, NULL },
	{ NDVAL_A_EVENT_SKEW, "skew", KIND_SIGNED64, NULL },
	{ NDVAL_A_EVENT_VALUE_KIND, "value_kind", KIND_WORD, value_kind_names },
	{ NDVAL_A_EVENT_LENGTH, "length", KIND_NUMBER, NULL },
	{ NDVAL_A_EVENT_LINK, "link", KIND_NUMBER, NULL },
	{ NDVAL_A_EVENT_OPERATION, "operation", KIND_NUMBER, NULL },
	{ NDVAL_A_EVENT_ERROR, "error", KIND_NUMBER, NULL },
	{ NDVAL_A_EVENT_PID, "pid", KIND_NUMBER, NULL },
	{ NDVAL_A_EVENT_COMM, "comm", KIND_STRING, NULL },
	{ NDVAL_A_EVENT_OTHER_INSTANCE, "other_instance", KIND_NUMBER, NULL },
	{ NDVAL_A_EVENT_OTHER_KIND, "other_kind", KIND_WORD, value_kind_names },
	{ NDVAL_A_EVENT_OTHER_LENGTH, "other_length", KIND_NUMBER, NULL },
	{ NDVAL_A_EVENT_OTHER_PID, "other_pid", KIND_NUMBER, NULL },
	{ NDVAL_A_EVENT_OTHER_COMM, "other_comm", KIND_STRING, NULL },
	{ NDVAL_A_EVENT_REASON, "reason", KIND_STRING, NULL },
};

/* Begin a line: when, and what kind. The time is UTC in JSON, local in text. */
static void begin_line(const char *kind)
{
	struct timespec now;
	struct tm tm;
	char text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	if (!json_wanted) {
		localtime_r(&now.tv_sec, &tm);
		strftime(text, sizeof(text), "%F %T", &tm);
		printf("%s.%03ld %s", text, now.tv_nsec / 1000000, kind);
		return;
	}
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%FT%T", &tm);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), ".%03ldZ",
		 now.tv_nsec / 1000000);
	json_begin_object(NULL);
	json_string("time", text);
	json_string("kind", kind);
}

static void end_line(void)
{
	if (json_wanted)
		json_end_object();
	else
		putchar('\n');
}

static void show_string(const char *name, const char *value)
{
	char text[256];

	if (json_wanted)
		json_string(name, value);
	else if (strchr(value, ' ') || !*value)
		printf(" %s=\"%s\"", name, printable(value, text, sizeof(text)));
	else
		printf(" %s=%s", name, printable(value, text, sizeof(text)));
}

static void show_number(const char *name, __u64 value)
{
	if (json_wanted)
		json_number(name, value);
	else
		printf(" %s=%llu", name, value);
}

static void show_field(const struct field *field, const struct nlattr *attr)
{
	switch (field->kind) {
	case KIND_NUMBER:
		show_number(field->name, nl_u32(attr));
		break;
	case KIND_NUMBER64:
		show_number(field->name, nl_u64(attr));
		break;
	case KIND_SIGNED64:
		if (json_wanted)
			json_signed(field->name, (__s64)nl_u64(attr));
		else
			printf(" %s=%lld", field->name, (__s64)nl_u64(attr));
		break;
	case KIND_FLAG:
		if (json_wanted)
			json_bool(field->name, true);
		else
			printf(" %s", field->name);
		break;
	case KIND_STRING:
		show_string(field->name, nl_str(attr));
		break;
	case KIND_WORD:
		show_string(field->name, name_of(field->names, nl_u32(attr)));
		break;
	}
}

/* A line for each pair: what a listener has to know before the first event. */
static void show_states(struct nl *nl)
{
	struct pair *pairs;
	size_t count, i;

	if (get_pairs(nl, &pairs, &count))
		die_kernel(nl);
	for (i = 0; i < count; i++) {
		begin_line("state");
		show_string("pair", pairs[i].name);
		show_string("role", name_of(role_names, pairs[i].role));
		show_string("health", name_of(health_names, pairs[i].health));
		show_number("epoch", pairs[i].epoch);
		end_line();
	}
	free(pairs);
}

static void show_missed(void)
{
	begin_line("missed");
	show_string("reason", "events came faster than they were read");
	end_line();
}

/**
 * struct listener - what has been heard
 * @seq: of the last event, 0 for none that the next one must follow
 * @overrun: events were lost behind those that wait to be read
 * @stale: events were lost, the states must be shown anew
 */
struct listener {
	__u64	seq;
	bool	overrun;
	bool	stale;
};

static int show_event(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	struct listener *listener = data;
	__u64 seq;
	size_t i;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	seq = nl_u64(tb[NDVAL_A_EVENT_SEQ]);
	if (listener->seq && seq != listener->seq + 1) {
		show_missed();
		listener->overrun = false;
		listener->stale = true;
	}
	listener->seq = seq;

	begin_line(name_of(event_kind_names, nl_u32(tb[NDVAL_A_EVENT_KIND])));
	if (json_wanted)
		show_number("seq", seq);
	for (i = 0; i < ARRAY_SIZE(fields); i++) {
		if (tb[fields[i].type])
			show_field(&fields[i], tb[fields[i].type]);
	}
	end_line();
	return MNL_CB_OK;
}

static bool event_waits(struct nl *nl)
{
	struct pollfd pfd = { .fd = nl_fd(nl), .events = POLLIN };

	return poll(&pfd, 1, 0) > 0;
}

/* Once all that was heard is shown: say what was not, and how things are now. */
static void catch_up(struct nl *nl, struct listener *listener)
{
	if (listener->overrun)
		show_missed();
	if (listener->overrun || listener->stale)
		show_states(nl);
	if (listener->overrun)
		listener->seq = 0;
	listener->overrun = false;
	listener->stale = false;
}

int monitor_main(int argc, char *argv[])
{
	struct listener listener = { };
	struct nl *nl;

	no_options(argc, argv);
	no_more_arguments(argc, argv);

	setvbuf(stdout, NULL, _IOLBF, 0);
	nl = open_kernel();
	if (nl_join_events(nl))
		die_kernel(nl);
	show_states(nl);
	for (;;) {
		int err;

		if (!event_waits(nl))
			catch_up(nl, &listener);
		err = nl_receive_event(nl, show_event, &listener);
		if (err == -ENOBUFS)
			listener.overrun = true;
		else if (err && err != -EINTR)
			die("cannot receive events: %s", strerror(-err));
		if (ferror(stdout))
			die("cannot write: %s", strerror(errno));
	}
}
