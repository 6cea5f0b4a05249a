// SPDX-License-Identifier: GPL-2.0-only
/*
 * What needs doing about a pair, in sentences with what to type. The order is
 * that in which an administrator should look at it.
 */
#include "advice.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "view.h"

#define SENTENCE_SIZE	1024
#define LOST_SHOWN	3	/* then only how many more there are */

static char sentence[SENTENCE_SIZE];
static void (*tell_caller)(const char *sentence);

/* Go on with the sentence: what is the matter, then what to do. */
static void __attribute__((format(printf, 1, 2))) say(const char *format, ...)
{
	size_t length = strlen(sentence);
	va_list args;

	va_start(args, format);
	vsnprintf(sentence + length, sizeof(sentence) - length, format, args);
	va_end(args);
}

static void end_sentence(void)
{
	if (sentence[0])
		tell_caller(sentence);
	sentence[0] = '\0';
}

/* Is it a copy of the application that has diverged, here? */
static bool has_diverged_copy(const struct view *view)
{
	size_t i;

	for (i = 0; i < view->instance_count; i++) {
		if (view->instances[i].diverged)
			return true;
	}
	return false;
}

/* Or at a peer: then nobody is barred here. */
static bool is_barred(const struct view *view)
{
	size_t i;

	for (i = 0; i < view->peer_count; i++) {
		if (view->peers[i].state == NDVAL_PEER_STATE_IN_SYNC ||
		    view->peers[i].state == NDVAL_PEER_STATE_BEHIND)
			return false;
	}
	return true;
}

static void advise_health(const struct view *view)
{
	const struct pair *pair = view->pair;

	if (pair->health == NDVAL_HEALTH_DIVERGED && has_diverged_copy(view)) {
		;	/* each is told of by itself */
	} else if (pair->health == NDVAL_HEALTH_DIVERGED && !is_barred(view)) {
		say("a copy of the application has diverged at a peer, and gets no more values: ");
		say("'ndvalctl status' there says which");
	} else if (pair->health == NDVAL_HEALTH_DIVERGED) {
		say("values were delivered here that the pair does not have: ");
		say("stop the application here, then 'ndvalctl resync %s'", pair->name);
	} else if (pair->health == NDVAL_HEALTH_FENCED) {
		say("this host was cloned, set back or is going down; nothing is delivered: ");
		say("'ndvalctl resync %s' begins anew", pair->name);
	} else if (pair->health == NDVAL_HEALTH_SUSPENDED) {
		say("nothing is delivered until the lost peer is back: if it is fenced, or was ");
		say("outdated ('ndvalctl outdate %s' there), ", pair->name);
		say("'ndvalctl peer outdate %s PEER' goes on without it", pair->name);
	}
	end_sentence();
}

static bool has_primary(const struct view *view)
{
	size_t i;

	for (i = 0; i < view->peer_count; i++) {
		if (view->peers[i].heard && view->peers[i].role == NDVAL_ROLE_PRIMARY)
			return true;
	}
	return view->pair->role == NDVAL_ROLE_PRIMARY;
}

static void advise_lost_primary(const struct pair *pair)
{
	say("the primary is not connected: ");
	say("copies here get only what is stored already; ");
	if (pair->outdated)
		say("this copy is outdated, if the primary is dead promote another one");
	else if (!pair->in_sync)
		say("this copy may lack values, if the primary is dead promote another one");
	else
		say("if the primary is dead or fenced, 'ndvalctl promote %s' takes over",
		    pair->name);
}

static void advise_role(const struct view *view)
{
	const struct pair *pair = view->pair;

	if (view->peers_hidden || has_primary(view))
		return;
	if (!pair->peers) {
		say("a secondary without peers gets no values: ");
		say("'ndvalctl peer add %s PEER'", pair->name);
	} else if (!pair->epoch) {
		say("no primary is known: if the pair is new, 'ndvalctl promote %s --new' ",
		    pair->name);
		say("on the one member that is to issue its values");
	} else {
		advise_lost_primary(pair);
	}
	end_sentence();
}

static void advise_peer(const struct pair *pair, const struct peer *peer)
{
	char reason[sizeof(peer->reason)];

	switch (peer->state) {
	case NDVAL_PEER_STATE_DISCONNECTED:
		say("%s is not connected: ", peer->name);
		say("does ndvald run on both hosts, each with the other in its configuration?");
		break;
	case NDVAL_PEER_STATE_CONNECTING:
		say("%s does not have this pair, or not with this member as a peer: ", peer->name);
		say("there, 'ndvalctl pair add %s --peer %s'", pair->group, pair->member);
		break;
	case NDVAL_PEER_STATE_REFUSED:
		say("%s and this member hold different lives of the pair", peer->name);
		if (peer->reason[0])
			say(" (%s)", printable(peer->reason, reason, sizeof(reason)));
		say(": 'ndvalctl resync' it on the one whose values are to go");
		break;
	}
	end_sentence();
}

static const struct stream *find_stream(const struct view *view, const char *name)
{
	size_t i;

	for (i = 0; i < view->stream_count; i++) {
		if (!strcmp(view->streams[i].name, name))
			return &view->streams[i];
	}
	return NULL;
}

static void advise_lost(const struct view *view, const struct instance *instance)
{
	const struct stream *stream = find_stream(view, instance->stream);

	if (!stream)
		return;
	say("instance %u of stream %s is lost: ", instance->instance, instance->stream);
	if (instance->lost)
		say("it is at %llu, recorded is %llu to %llu; ", instance->position, stream->tail,
		    stream->head);
	if (instance->journal_lost)
		say("it is at %llu of the journal, which has %llu to %llu; ",
		    instance->journal_position, stream->journal_tail, stream->journal_head);
	say("'ndvalctl instance set %s --stream %s --instance %u", view->pair->name,
	    instance->stream, instance->instance);
	say("%s%s' ", instance->lost ? " --at OFFSET" : "",
	    instance->journal_lost ? " --journal-at PLACE" : "");
	say("goes on from a checkpoint of the application");
	end_sentence();
}

static void advise_diverged(const struct view *view, const struct instance *instance)
{
	say("instance %u of stream %s took its values in another way than another copy and gets ",
	    instance->instance, instance->stream);
	say("no more, it is at %llu: stop it, bring it to the state of a good copy, and then ",
	    instance->position);
	say("'ndvalctl instance set %s --stream %s --instance %u --at OFFSET' ", view->pair->name,
	    instance->stream, instance->instance);
	say("lets it go on from there; 'ndvalctl monitor' tells both sides when it happens");
	end_sentence();
}

static void advise_instances(const struct view *view)
{
	size_t i, lost = 0, diverged = 0;

	for (i = 0; i < view->instance_count; i++) {
		if (view->instances[i].diverged && diverged++ < LOST_SHOWN)
			advise_diverged(view, &view->instances[i]);
	}
	if (diverged > LOST_SHOWN)
		say("%zu more have diverged: 'ndvalctl instance list %s'",
		    diverged - LOST_SHOWN, view->pair->name);
	end_sentence();

	for (i = 0; i < view->instance_count; i++) {
		const struct instance *instance = &view->instances[i];

		if ((instance->lost || instance->journal_lost) && lost++ < LOST_SHOWN)
			advise_lost(view, instance);
	}
	if (lost > LOST_SHOWN)
		say("%zu more are lost: 'ndvalctl instance list %s'", lost - LOST_SHOWN,
		    view->pair->name);
	end_sentence();
}

static void advise_streams(const struct view *view)
{
	const struct pair *pair = view->pair;
	const struct stream *first = NULL;
	size_t i, refused = 0;

	for (i = 0; i < view->stream_count; i++) {
		if (!view->streams[i].error)
			continue;
		if (!refused++)
			first = &view->streams[i];
	}
	if (first) {
		say("the primary refuses %zu of the streams here, %s for one (%s): ", refused,
		    first->name, strerror(first->error));
		say("look at max_streams and memory_max there");
	}
	end_sentence();
	if (pair->memory_max && pair->memory >= pair->memory_max - pair->memory_max / 16)
		say("memory is nearly at its limit: 'ndvalctl pair set %s memory_max=SIZE'",
		    pair->name);
	end_sentence();
}

static void advise_clock(const struct pair *pair, const struct peer *peer)
{
	__u64 most = pair->settings[SETTING_SKEW_MAX_MS] * 1000000;
	__u64 skew = peer->clock_skew < 0 ? -peer->clock_skew : peer->clock_skew;

	if (!peer->skew_known || !most || skew <= most)
		return;
	say("the clock of %s is %.1f s %s this host's: ", peer->name, skew / 1e9,
	    peer->clock_skew < 0 ? "behind" : "ahead of");
	say("at a failover readings of CLOCK_REALTIME would stand still or jump so far; ");
	say("look at NTP or PTP");
	end_sentence();
}

/**
 * give_advice() - find what needs doing
 * @view: all of a pair
 * @tell_one: called with each sentence
 */
void give_advice(const struct view *view, void (*tell_one)(const char *sentence))
{
	size_t i;

	tell_caller = tell_one;
	advise_health(view);
	for (i = 0; i < view->peer_count; i++)
		advise_peer(view->pair, &view->peers[i]);
	for (i = 0; i < view->peer_count; i++)
		advise_clock(view->pair, &view->peers[i]);
	advise_role(view);
	advise_instances(view);
	advise_streams(view);
}
