// SPDX-License-Identifier: GPL-2.0-only
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "advice.h"
#include "args.h"
#include "format.h"
#include "json.h"
#include "model.h"
#include "names.h"
#include "ndvalctl.h"
#include "nl.h"
#include "show.h"
#include "view.h"

#define WATCH_SECONDS	2.0
#define INSTANCES_SHOWN	8	/* of a pair; those that can't read first */

static const struct link *find_link(const struct status *status, const char *member,
				    const char *peer)
{
	size_t i;

	for (i = 0; i < status->link_count; i++) {
		const struct link *link = &status->links[i];

		if (!strcmp(link->member, member) && !strcmp(link->peer, peer) &&
		    (link->state == NDVAL_LINK_STATE_UP ||
		     link->state == NDVAL_LINK_STATE_HANDSHAKE))
			return link;
	}
	return NULL;
}

static bool hears_primary(const struct view *view)
{
	size_t i;

	for (i = 0; i < view->peer_count; i++) {
		if (view->peers[i].heard && view->peers[i].role == NDVAL_ROLE_PRIMARY)
			return true;
	}
	return false;
}

/*
 * Of a secondary: may it take over? With a primary the peer's state says it; one
 * that hears none can't know whether it was dropped.
 */
static void print_promotable(const struct view *view)
{
	if (view->pair->outdated)
		printf("  outdated");
	else if (view->pair->in_sync && !view->peers_hidden && !hears_primary(view))
		printf("  was in sync");
}

/* web  primary  protected  epoch 1  member a  /dev/ndval-web */
static void print_head(const struct view *view)
{
	const struct pair *pair = view->pair;
	char node[NODE_SIZE];

	printf("%s  %s  ", pair->name, name_of(role_names, pair->role));
	put_coloured(health_colour(pair->health), name_of(health_names, pair->health));
	if (pair->epoch)
		printf("  epoch %llu", pair->epoch);
	if (pair->role == NDVAL_ROLE_SECONDARY)
		print_promotable(view);
	if (pair->forced)
		printf("  forced %llu", pair->forced);
	if (strcmp(pair->group, pair->name))
		printf("  group %s", pair->group);
	if (pair->member[0])
		printf("  member %s", pair->member);
	printf("  %s\n", pair_node(pair->name, node));
}

static void print_streams(const struct pair *pair)
{
	char issued[FORMAT_SIZE], delivered[FORMAT_SIZE], memory[FORMAT_SIZE], max[FORMAT_SIZE];

	printf("  %u stream%s, %s recorded, ", pair->streams, pair->streams == 1 ? "" : "s",
	       format_bytes(pair->issued, issued, sizeof(issued)));
	if (pair->recorded)
		printf("%s in journals, ", format_bytes(pair->recorded, issued, sizeof(issued)));
	printf("%s delivered here, memory %s of %s\n",
	       format_bytes(pair->delivered, delivered, sizeof(delivered)),
	       format_bytes(pair->memory, memory, sizeof(memory)),
	       format_bytes(pair->memory_max, max, sizeof(max)));
}

/* As in most cases: in sync and nothing else, or left out because it is not there. */
static bool state_tells_commit(const struct peer *peer)
{
	if (!peer->counts)
		return true;
	if (peer->membership == NDVAL_MEMBERSHIP_OUT)
		return !peer->outdated && peer->state != NDVAL_PEER_STATE_IN_SYNC;
	return peer->membership == NDVAL_MEMBERSHIP_IN_SYNC &&
	       peer->state == NDVAL_PEER_STATE_IN_SYNC;
}

static void add_peer_row(const struct status *status, const struct view *view,
			 const struct peer *peer)
{
	const struct link *link = find_link(status, view->pair->member, peer->name);
	char text[FORMAT_SIZE];

	column("peer %s", peer->name);
	column_coloured(peer_colour(peer->state), name_of(peer_state_names, peer->state));
	column("%s", peer->heard ? name_of(role_names, peer->role) : "-");
	column("lag %s", format_bytes(peer->lag, text, sizeof(text)));
	if (link) {
		column("%s, %s", link->transport, link->security);
		column("rtt %s", format_rtt(link->rtt_us, text, sizeof(text)));
	} else {
		column("no link");
	}
	if (peer->skew_known)
		column("clock %+.1f ms", peer->clock_skew / 1e6);
	if (!state_tells_commit(peer))
		column("commit %s", peer_commit(peer));
	end_row();
}

static bool cannot_draw(const struct instance *instance)
{
	return instance->lost || instance->journal_lost || instance->diverged;
}

static void add_instance_row(const struct instance *instance)
{
	column("instance %u", instance->instance);
	column("%s", instance->stream);
	if (instance->journal_position)
		column("at %llu, journal %llu", instance->position, instance->journal_position);
	else
		column("at %llu", instance->position);
	if (instance->files)
		column("open in %u file%s", instance->files, instance->files == 1 ? "" : "s");
	else
		column("not open");
	if (instance->diverged)
		column_coloured(COLOUR_BAD, "diverged");
	else if (instance->lost)
		column_coloured(COLOUR_BAD, "lost");
	else if (instance->journal_lost)
		column_coloured(COLOUR_BAD, "journal lost");
	end_row();
}

static void print_instances(const struct view *view)
{
	size_t i, shown = 0;
	int bad;

	for (bad = 1; bad >= 0; bad--) {
		for (i = 0; i < view->instance_count && shown < INSTANCES_SHOWN; i++) {
			const struct instance *instance = &view->instances[i];

			if (cannot_draw(instance) != bad)
				continue;
			add_instance_row(instance);
			shown++;
		}
	}
	print_rows("  ");
	if (shown < view->instance_count)
		printf("  ... and %zu more: 'ndvalctl instance list %s'\n",
		       view->instance_count - shown, view->pair->name);
}

static void print_advice(const char *sentence)
{
	fputs("  ", stdout);
	put_coloured(COLOUR_CARE, "!");
	printf(" %s\n", sentence);
}

static void print_view(const struct status *status, const struct view *view)
{
	size_t i;

	print_head(view);
	print_streams(view->pair);
	for (i = 0; i < view->peer_count; i++)
		add_peer_row(status, view, &view->peers[i]);
	print_rows("  ");
	if (view->peers_hidden && view->pair->peers)
		printf("  %u peer%s, which only root sees\n", view->pair->peers,
		       view->pair->peers == 1 ? "" : "s");
	print_instances(view);
	give_advice(view, print_advice);
}

/* Whether this kernel tells when the virtual machine was cloned. */
static bool clones_unnoticed(const struct status *status)
{
	size_t i;

	for (i = 0; i < status->member_count; i++) {
		if (status->members[i].vm_clone_known && !status->members[i].vm_clone)
			return true;
	}
	return false;
}

static void print_status(const struct status *status)
{
	struct view view;
	size_t i;

	if (!status->pair_count)
		printf("no pairs: 'ndvalctl pair add NAME' makes one\n");
	for (i = 0; i < status->pair_count; i++) {
		if (i)
			putchar('\n');
		get_view(status, &status->pairs[i], &view);
		print_view(status, &view);
	}
	if (clones_unnoticed(status))
		puts("\nvm clones: this kernel does not notice; 'resync' the pairs of a clone");
}

static void json_advice(const char *sentence)
{
	json_string(NULL, sentence);
}

static void json_view(const struct status *status, const struct view *view)
{
	const struct link *link;
	size_t i;

	json_begin_object(NULL);
	json_pair("pair", view->pair);
	json_begin_array("peers");
	for (i = 0; i < view->peer_count; i++)
		json_peer(&view->peers[i]);
	json_end_array();
	json_begin_array("links");
	for (i = 0; i < view->peer_count; i++) {
		link = find_link(status, view->pair->member, view->peers[i].name);
		if (link)
			json_link(link);
	}
	json_end_array();
	json_begin_array("streams");
	for (i = 0; i < view->stream_count; i++)
		json_stream(&view->streams[i]);
	json_end_array();
	json_begin_array("instances");
	for (i = 0; i < view->instance_count; i++)
		json_instance(&view->instances[i]);
	json_end_array();
	json_begin_array("advice");
	give_advice(view, json_advice);
	json_end_array();
	json_end_object();
}

static void json_status(const struct status *status)
{
	struct view view;
	size_t i;

	json_begin_array(NULL);
	for (i = 0; i < status->pair_count; i++) {
		get_view(status, &status->pairs[i], &view);
		json_view(status, &view);
	}
	json_end_array();
}

static void show_status(struct nl *nl, const char *name)
{
	struct status status;

	get_status(nl, name, &status);
	if (json_wanted)
		json_status(&status);
	else
		print_status(&status);
	put_status(&status);
}

static void pause_for(double seconds)
{
	struct timespec time = {
		.tv_sec = seconds,
		.tv_nsec = (seconds - (time_t)seconds) * 1e9,
	};

	nanosleep(&time, NULL);
}

/* On a terminal each state takes the place of the last one. */
static void __attribute__((noreturn)) watch(struct nl *nl, const char *name, double seconds)
{
	bool screen = isatty(STDOUT_FILENO) && !json_wanted;

	for (;;) {
		if (screen)
			fputs("\033[H\033[2J", stdout);
		show_status(nl, name);
		if (!screen && !json_wanted)
			putchar('\n');
		if (fflush(stdout))
			die("cannot write: %s", strerror(errno));
		pause_for(seconds);
	}
}

int status_main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "watch", optional_argument, NULL, 'w' },
		{ }
	};
	double seconds = 0;
	const char *name;
	struct nl *nl;

	while (next_option(argc, argv, "", options) == 'w') {
		seconds = WATCH_SECONDS;
		if (!optarg && argv[optind] && isdigit((unsigned char)argv[optind][0]))
			optarg = argv[optind++];
		if (optarg)
			seconds = parse_seconds(optarg);
	}
	name = maybe_argument(argc, argv);
	no_more_arguments(argc, argv);

	nl = open_kernel();
	if (seconds)
		watch(nl, name, seconds);
	show_status(nl, name);
	nl_close(nl);
	return EXIT_SUCCESS;
}
