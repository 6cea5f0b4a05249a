// SPDX-License-Identifier: GPL-2.0-only
/*
 * The list of peers follows the configuration.
 */
#include "kernel.h"
#include "log.h"
#include "loop.h"
#include "peer.h"
#include "peer_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct peer *peers;
char host_name[NDVAL_NAME_MAX + 1];
struct keys *host_x509;

/**
 * peer_find() - look up a peer
 * @name: of the peer
 *
 * Return: the peer or NULL.
 */
struct peer *peer_find(const char *name)
{
	struct peer *peer;

	for (peer = peers; peer; peer = peer->next) {
		if (!strcmp(peer->name, name))
			break;
	}
	return peer;
}

static void drop_targets(struct peer *peer)
{
	size_t i;

	for (i = 0; i < peer->target_count; i++)
		target_drop(&peer->targets[i]);
	memset(peer->targets, 0, sizeof(peer->targets));
	peer->target_count = 0;
	peer->resolving = false;
}

static void destroy_peer(struct peer *peer)
{
	peer_stop_trying(peer);
	drop_targets(peer);
	keys_put(peer->keys);
	free(peer);
}

static bool same_addresses(const struct peer *peer, const struct peer_config *config)
{
	size_t i;

	if (peer->target_count != config->addresses.count)
		return false;
	for (i = 0; i < peer->target_count; i++) {
		if (!address_equal(&peer->targets[i].address, &config->addresses.item[i]))
			return false;
	}
	return true;
}

static void set_addresses(struct peer *peer, const struct peer_config *config)
{
	size_t i;

	peer->any = config->any;
	if (same_addresses(peer, config))
		return;

	peer_stop_trying(peer);
	drop_targets(peer);
	memset(peer->told, 0, sizeof(peer->told));
	for (i = 0; i < config->addresses.count; i++)
		peer->targets[i].address = config->addresses.item[i];
	peer->target_count = config->addresses.count;
	peer->fresh = true;
}

static void warn_of_clear(const struct peer *peer)
{
	if (!peer->keys)
		log_warn("%s: links are neither encrypted nor authenticated (security = none)",
			 peer->name);
}

/* Links that were made with other keys are replaced, not cut. */
static void set_keys(struct peer *peer, const struct peer_config *config)
{
	peer->rekey.second = strcmp(host_name, peer->name) > 0;
	peer->rekey.after = config->rekey_after;
	peer->rekey.messages = config->rekey_messages;
	if (!keys_same(peer->keys, config->keys)) {
		log_info("%s: the keys have changed, its link is made anew", peer->name);
		keys_put(peer->keys);
		peer->keys = keys_get(config->keys);
		peer_stop_trying(peer);
		rekey_renew(&peer->rekey, peer->keys);
		warn_of_clear(peer);
	}
	if (peer->link)
		rekey_linked(&peer->rekey, peer->link, peer->linked_at);
}

static struct peer *add_peer(const struct peer_config *config)
{
	struct peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	snprintf(peer->name, sizeof(peer->name), "%s", config->name);
	peer->retry_at = loop_now();
	peer->next = peers;
	peers = peer;
	peer->keys = keys_get(config->keys);
	rekey_init(&peer->rekey, peer->keys);
	warn_of_clear(peer);
	return peer;
}

static void remove_peer(struct peer *peer)
{
	if (peer->link && kernel_is_open()) {
		log_info("%s: is no longer configured, detaching link %u", peer->name, peer->link);
		if (kernel_detach(peer->name))
			log_error("%s: cannot be detached: %s", peer->name, kernel_message());
	}
	destroy_peer(peer);
}

/**
 * peers_update() - there is a configuration, or a new one
 * @config: has the peers; not kept
 *
 * Peers that are not in it lose their links, those that stay keep theirs. Who is
 * greeting has begun with what is no longer so, and is to begin anew.
 *
 * Return: 0 or -ENOMEM.
 */
int peers_update(const struct config *config)
{
	struct peer **place = &peers;
	struct peer *peer;
	size_t i;

	greet_cancel_accepted();
	snprintf(host_name, sizeof(host_name), "%s", config->host);
	keys_put(host_x509);
	host_x509 = keys_get(config->x509);
	while ((peer = *place)) {
		if (config_peer(config, peer->name)) {
			place = &peer->next;
		} else {
			*place = peer->next;
			remove_peer(peer);
		}
	}
	for (i = 0; i < config->peer_count; i++) {
		peer = peer_find(config->peers[i].name);
		if (!peer)
			peer = add_peer(&config->peers[i]);
		if (!peer)
			return -ENOMEM;
		set_addresses(peer, &config->peers[i]);
		set_keys(peer, &config->peers[i]);
	}
	peers_refresh_links();
	return 0;
}

/**
 * peers_free() - ndvald ends; links stay
 */
void peers_free(void)
{
	struct peer *peer;

	while ((peer = peers)) {
		peers = peer->next;
		destroy_peer(peer);
	}
	keys_put(host_x509);
	host_x509 = NULL;
}
