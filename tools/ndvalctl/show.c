// SPDX-License-Identifier: GPL-2.0-only
#include "show.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "names.h"

/**
 * pair_node() - where a pair is read
 * @name: of the pair
 * @node: NODE_SIZE bytes for the result
 *
 * Return: @node.
 */
const char *pair_node(const char *name, char *node)
{
	if (!strcmp(name, "default"))
		snprintf(node, NODE_SIZE, "/dev/ndval");
	else
		snprintf(node, NODE_SIZE, "/dev/ndval-%s", name);
	return node;
}

enum colour health_colour(__u32 health)
{
	switch (health) {
	case NDVAL_HEALTH_STANDALONE:
		return COLOUR_NONE;
	case NDVAL_HEALTH_PROTECTED:
		return COLOUR_GOOD;
	case NDVAL_HEALTH_AT_RISK:
	case NDVAL_HEALTH_ALONE:
		return COLOUR_CARE;
	default:
		return COLOUR_BAD;
	}
}

enum colour peer_colour(__u32 state)
{
	switch (state) {
	case NDVAL_PEER_STATE_IN_SYNC:
		return COLOUR_GOOD;
	case NDVAL_PEER_STATE_REFUSED:
		return COLOUR_BAD;
	default:
		return COLOUR_CARE;
	}
}

/* What the peer is to the primary's commit: "-" on a secondary, which does not know. */
const char *peer_commit(const struct peer *peer)
{
	if (!peer->counts)
		return "-";
	if (peer->outdated && peer->membership == NDVAL_MEMBERSHIP_OUT)
		return "outdated";
	return name_of(membership_names, peer->membership);
}

static void print_number(const char *key, __u64 number)
{
	printf("%-12s %llu\n", key, number);
}

static void print_bytes(const char *key, __u64 bytes)
{
	char text[FORMAT_SIZE];

	if (bytes < 1024)
		print_number(key, bytes);
	else
		printf("%-12s %llu (%s)\n", key, bytes, format_bytes(bytes, text, sizeof(text)));
}

static void print_node(const struct pair *pair)
{
	const struct passwd *user = getpwuid(pair->uid);
	const struct group *group = getgrgid(pair->gid);
	char node[NODE_SIZE];

	printf("%-12s %s, mode %04o, owner ", "node", pair_node(pair->name, node), pair->mode);
	if (user)
		printf("%s", user->pw_name);
	else
		printf("%u", pair->uid);
	if (group)
		printf(", group %s\n", group->gr_name);
	else
		printf(", group %u\n", pair->gid);
}

/* All that is known of one pair, a line each. */
/* Those that people set have been set so often; cycles have so many kHz. */
static void print_clock(const struct pair_clock *clock)
{
	const char *name = name_of(value_kind_names, clock->kind);

	printf("%-12s %s, last reading %llu", "clock", name, clock->value);
	if (clock->kind == NDVAL_VALUE_KIND_CYCLES)
		printf(", %llu kHz", clock->steps);
	else if (clock->steps)
		printf(", set %llu times", clock->steps);
	if (clock->stood)
		printf(", stood still for %.3f s", clock->stood / 1e9);
	printf("\n");
}

void print_pair(const struct pair *pair)
{
	char text[SETTING_TEXT_SIZE];
	unsigned int i;

	printf("%-12s %s\n", "pair", pair->name);
	printf("%-12s %s\n", "group", pair->group);
	printf("%-12s %s\n", "member", pair->member[0] ? pair->member : "-");
	print_node(pair);
	printf("%-12s %s\n", "role", name_of(role_names, pair->role));
	printf("%-12s ", "health");
	put_coloured(health_colour(pair->health), name_of(health_names, pair->health));
	printf("\n%-12s %llu, id %016llx\n", "epoch", pair->epoch, pair->epoch_id);
	printf("%-12s %016llx\n", "incarnation", pair->incarnation);
	print_number("epoch seen", pair->epoch_seen);
	if (pair->role == NDVAL_ROLE_SECONDARY)
		printf("%-12s %s\n", "promotable", pair->outdated ? "no, outdated" :
		       pair->in_sync ? "yes, in sync when last told" : "no, not in sync");
	print_number("forced", pair->forced);
	print_number("drops", pair->drops);
	printf("%-12s %016llx\n", "member id", pair->member_id);
	print_number("peers", pair->peers);
	print_bytes("lag", pair->lag);
	print_number("streams", pair->streams);
	print_bytes("issued", pair->issued);
	print_bytes("recorded", pair->recorded);
	print_bytes("committed", pair->committed);
	print_bytes("delivered", pair->delivered);
	print_bytes("retained", pair->retained);
	print_bytes("memory", pair->memory);
	print_number("waits", pair->waits);
	print_number("lost", pair->lost);
	print_number("divergences", pair->divergences);
	print_bytes("recorded", pair->recorded);
	for (i = 0; i < pair->clock_count; i++)
		print_clock(&pair->clocks[i]);
	for (i = 0; i < SETTINGS; i++)
		printf("%-12s %s=%s\n", i ? "" : "settings", setting_name(i),
		       setting_text(i, pair->settings[i], text));
}

/* A line for each pair. */
void print_pairs(const struct pair *pairs, size_t count)
{
	char node[NODE_SIZE];
	size_t i;

	column("PAIR");
	column("ROLE");
	column("HEALTH");
	column("MEMBER");
	column("EPOCH");
	column("PEERS");
	column("STREAMS");
	column("NODE");
	end_row();
	for (i = 0; i < count; i++) {
		const struct pair *pair = &pairs[i];

		column("%s", pair->name);
		column("%s", name_of(role_names, pair->role));
		column_coloured(health_colour(pair->health), name_of(health_names, pair->health));
		column("%s", pair->member[0] ? pair->member : "-");
		column_number(pair->epoch);
		column_number(pair->peers);
		column_number(pair->streams);
		column("%s", pair_node(pair->name, node));
		end_row();
	}
	print_rows("");
}

static void json_clocks(const struct pair *pair)
{
	size_t i;

	json_begin_array("clocks");
	for (i = 0; i < pair->clock_count; i++) {
		const struct pair_clock *clock = &pair->clocks[i];

		json_begin_object(NULL);
		json_string("kind", name_of(value_kind_names, clock->kind));
		json_number("value", clock->value);
		json_number("steps", clock->steps);
		json_number("stood_ns", clock->stood);
		json_signed("offset_ns", clock->offset);
		json_end_object();
	}
	json_end_array();
}

void json_pair(const char *key, const struct pair *pair)
{
	char node[NODE_SIZE];

	json_begin_object(key);
	json_string("name", pair->name);
	json_string("group", pair->group);
	json_string("member", pair->member);
	json_string("node", pair_node(pair->name, node));
	json_number("uid", pair->uid);
	json_number("gid", pair->gid);
	json_number("mode", pair->mode);
	json_settings(pair->settings);
	json_string("role", name_of(role_names, pair->role));
	json_string("health", name_of(health_names, pair->health));
	json_id("incarnation", pair->incarnation);
	json_number("epoch", pair->epoch);
	json_id("epoch_id", pair->epoch_id);
	json_id("member_id", pair->member_id);
	json_number("issued", pair->issued);
	json_number("committed", pair->committed);
	json_number("delivered", pair->delivered);
	json_number("retained", pair->retained);
	json_number("memory", pair->memory);
	json_number("streams", pair->streams);
	json_number("peers", pair->peers);
	json_number("lag", pair->lag);
	json_number("lost", pair->lost);
	json_number("waits", pair->waits);
	json_number("minor", pair->minor);
	json_bool("in_sync", pair->in_sync);
	json_bool("outdated", pair->outdated);
	json_number("forced", pair->forced);
	json_number("epoch_seen", pair->epoch_seen);
	json_number("drops", pair->drops);
	json_number("divergences", pair->divergences);
	json_number("recorded", pair->recorded);
	json_clocks(pair);
	json_end_object();
}

void json_peer(const struct peer *peer)
{
	json_begin_object(NULL);
	json_string("pair", peer->pair);
	json_string("name", peer->name);
	json_string("state", name_of(peer_state_names, peer->state));
	if (peer->heard) {
		json_string("role", name_of(role_names, peer->role));
		json_id("member_id", peer->member_id);
		json_number("epoch", peer->epoch);
	}
	json_number("lag", peer->lag);
	json_number("acknowledged", peer->acknowledged);
	if (peer->reason[0])
		json_string("reason", peer->reason);
	if (peer->counts)
		json_string("membership", name_of(membership_names, peer->membership));
	json_bool("outdated", peer->outdated);
	if (peer->skew_known)
		json_signed("clock_skew_ns", peer->clock_skew);
	json_end_object();
}

void json_stream(const struct stream *stream)
{
	json_begin_object(NULL);
	json_string("pair", stream->pair);
	json_string("name", stream->name);
	json_id("id", stream->id);
	json_number("tail", stream->tail);
	json_number("head", stream->head);
	json_number("committed", stream->committed);
	json_number("furthest", stream->furthest);
	json_number("memory", stream->memory);
	json_number("error", stream->error);
	if (stream->has_journal) {
		json_number("journal_tail", stream->journal_tail);
		json_number("journal_head", stream->journal_head);
		json_number("journal_committed", stream->journal_committed);
	}
	json_end_object();
}

void json_instance(const struct instance *instance)
{
	json_begin_object(NULL);
	json_string("pair", instance->pair);
	json_string("stream", instance->stream);
	json_number("instance", instance->instance);
	json_number("position", instance->position);
	json_number("delivered", instance->delivered);
	json_bool("lost", instance->lost);
	json_bool("diverged", instance->diverged);
	json_number("divergences", instance->divergences);
	json_number("files", instance->files);
	if (instance->has_journal)
		json_number("journal_position", instance->journal_position);
	json_bool("journal_lost", instance->journal_lost);
	json_end_object();
}

void json_link(const struct link *link)
{
	json_begin_object(NULL);
	json_number("id", link->id);
	json_string("member", link->member);
	json_string("peer", link->peer);
	json_string("state", name_of(link_state_names, link->state));
	json_string("transport", link->transport);
	json_string("security", link->security);
	json_id("peer_id", link->peer_id);
	json_string("peer_software", link->peer_software);
	json_number("rtt_us", link->rtt_us);
	json_number("tx_bytes", link->tx_bytes);
	json_number("rx_bytes", link->rx_bytes);
	json_number("tx_messages", link->tx_messages);
	json_number("rx_messages", link->rx_messages);
	json_end_object();
}
