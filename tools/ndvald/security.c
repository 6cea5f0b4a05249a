// SPDX-License-Identifier: GPL-2.0-only
/*
 * The keys of the configuration that say how links are protected. [host] says
 * it for all peers, [peer NAME] for one. Nothing is ever in clear because
 * something was forgotten: only "security = none" in a peer's own section does
 * that.
 */
#include "parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REKEY_AFTER		3600
#define REKEY_AFTER_MIN		10
#define REKEY_AFTER_MAX		2592000		/* 30 days */
/*
 * AES-GCM is good for 2^24.5 records with one key. A message takes two at most,
 * and they are counted every 10 s only.
 */
#define REKEY_MESSAGES		4194304
#define REKEY_MESSAGES_MIN	1000

#define complain	parser_complain

static struct security_config *own(struct parser *parser)
{
	return parser->section == SECTION_HOST ? &parser->config->security : &parser->peer->own;
}

static void read_security(struct parser *parser, const char *value)
{
	struct security_config *config = own(parser);

	config->security_line = parser->line;
	if (!strcmp(value, "psk"))
		config->security = SECURITY_PSK;
	else if (!strcmp(value, "x509"))
		config->security = SECURITY_X509;
	else if (strcmp(value, "none"))
		complain(parser, parser->line,
			 "security cannot be '%.40s': use psk (a key that both hosts have), x509 (certificates), or none, which sends values in the clear",
			 value);
	else if (parser->section == SECTION_HOST)
		complain(parser, parser->line,
			 "security = none stands in the [peer NAME] of each peer that it is meant for, not in [host]");
	else
		config->security = SECURITY_NONE;
}

static void read_path(struct parser *parser, const char *key, const char *value, char *path)
{
	if (*value != '/')
		complain(parser, parser->line, "%s '%.80s': write the whole path, from / on", key,
			 value);
	else
		snprintf(path, CONFIG_TEXT_MAX, "%s", value);
}

static void read_number(struct parser *parser, const char *key, const char *value, uint32_t min,
			uint32_t max, uint32_t *number)
{
	size_t length = strlen(value);
	unsigned long long found = length > 9 ? max + 1ULL : strtoull(value, NULL, 10);

	if (strspn(value, "0123456789") != length || found < min || found > max)
		complain(parser, parser->line, "%s cannot be '%.40s': use a number from %u to %u",
			 key, value, min, max);
	else
		*number = found;
}

/* Where the path that a key of [host] has belongs; NULL, it is none of these. */
static char *x509_path(struct config *config, const char *key)
{
	return !strcmp(key, "ca") ? config->ca :
	       !strcmp(key, "certificate") ? config->certificate :
	       !strcmp(key, "key") ? config->key : NULL;
}

static void read_x509(struct parser *parser, const char *key, const char *value, char *path)
{
	if (parser->section != SECTION_HOST) {
		complain(parser, parser->line,
			 "%s stands in [host]: this host shows all peers the same certificate; the file of 'ca' may have several CAs",
			 key);
		return;
	}
	read_path(parser, key, value, path);
	if (!parser->config->x509_line)
		parser->config->x509_line = parser->line;
}

/**
 * security_read_key() - read a key of [host] or [peer], if it is one of these here
 * @parser: in that section
 * @key: the key
 * @value: its value
 *
 * Return: whether it is one; errors have been told.
 */
bool security_read_key(struct parser *parser, const char *key, const char *value)
{
	char *path = x509_path(parser->config, key);

	if (path) {
		read_x509(parser, key, value, path);
	} else if (!strcmp(key, "security")) {
		read_security(parser, value);
	} else if (!strcmp(key, "key_file")) {
		own(parser)->key_file_line = parser->line;
		read_path(parser, key, value, own(parser)->key_file);
	} else if (!strcmp(key, "rekey_after")) {
		read_number(parser, key, value, REKEY_AFTER_MIN, REKEY_AFTER_MAX,
			    &own(parser)->rekey_after);
	} else if (!strcmp(key, "rekey_messages")) {
		read_number(parser, key, value, REKEY_MESSAGES_MIN, REKEY_MESSAGES,
			    &own(parser)->rekey_messages);
	} else {
		return false;
	}
	return true;
}

static struct keys *load_psk(struct parser *parser, const struct security_config *config)
{
	char problem[KEYS_PROBLEM_MAX];
	struct keys *keys;

	keys = keys_load_psk(config->key_file, problem);
	if (!keys)
		complain(parser, config->key_file_line, "key_file %s", problem);
	return keys;
}

static void load_x509(struct parser *parser)
{
	struct config *config = parser->config;
	struct key_paths paths = { config->ca, config->certificate, config->key };
	char problem[KEYS_PROBLEM_MAX];

	if (!*config->ca || !*config->certificate || !*config->key) {
		complain(parser, config->x509_line,
			 "[host] needs all of 'ca', 'certificate' and 'key': add %s",
			 !*config->ca ? "'ca = FILE', the CA of the peers' certificates" :
			 !*config->certificate ? "'certificate = FILE'" : "'key = FILE'");
		return;
	}
	config->x509 = keys_load_x509(&paths, config->host, problem);
	if (!config->x509)
		complain(parser, config->x509_line, "%s", problem);
}

static enum security choose(struct parser *parser, const struct peer_config *peer)
{
	const struct config *config = parser->config;

	if (peer->own.security)
		return peer->own.security;
	if (peer->own.key_file_line)
		return SECURITY_PSK;
	if (config->security.security)
		return config->security.security;
	if (config->security.key_file_line && config->x509_line)
		complain(parser, peer->line,
			 "[peer %s]: [host] has both 'key_file' and 'certificate': add 'security = psk' or 'security = x509', here or there",
			 peer->name);
	else if (config->security.key_file_line)
		return SECURITY_PSK;
	else if (config->x509_line)
		return SECURITY_X509;
	else if (!config->security.security_line && !peer->own.security_line)
		complain(parser, peer->line,
			 "[peer %s] has no key to encrypt with: make one with 'ndvalctl key gen /etc/ndval/ndval.key', copy it to the peer, and add 'key_file = /etc/ndval/ndval.key' to [host] on both",
			 peer->name);
	return SECURITY_UNSET;
}

static bool has_vsock(const struct address_list *list)
{
	size_t i;

	for (i = 0; i < list->count && !list->item[i].vsock; i++)
		;
	return i < list->count;
}

static void settle_psk(struct parser *parser, struct peer_config *peer, struct keys *host_psk)
{
	const struct security_config *all = &parser->config->security;

	if (peer->own.key_file_line) {
		if (*peer->own.key_file)
			peer->keys = load_psk(parser, &peer->own);
	} else if (all->key_file_line) {
		peer->keys = keys_get(host_psk);
	} else {
		complain(parser, peer->own.security_line ?: all->security_line,
			 "security = psk needs a key: make one with 'ndvalctl key gen FILE', copy it to the peer, and add 'key_file = FILE' to [peer %s] or [host] on both",
			 peer->name);
	}
}

static void settle_x509(struct parser *parser, struct peer_config *peer)
{
	const struct config *config = parser->config;

	if (config->x509_line)
		peer->keys = keys_get(config->x509);
	else
		complain(parser, peer->own.security_line ?: config->security.security_line,
			 "security = x509 needs 'ca', 'certificate' and 'key' in [host]: add them");
}

static void settle_peer(struct parser *parser, struct peer_config *peer, struct keys *host_psk)
{
	const struct security_config *all = &parser->config->security;
	enum security security = choose(parser, peer);

	peer->rekey_after = peer->own.rekey_after ?: all->rekey_after ?: REKEY_AFTER;
	peer->rekey_messages = peer->own.rekey_messages ?: all->rekey_messages ?: REKEY_MESSAGES;
	if (peer->own.key_file_line && security != SECURITY_PSK && security != SECURITY_UNSET)
		complain(parser, peer->own.key_file_line,
			 "[peer %s] has a key_file that 'security = %s' does not use: remove one of them",
			 peer->name, security == SECURITY_X509 ? "x509" : "none");
	else if (has_vsock(&peer->addresses) && security != SECURITY_NONE)
		complain(parser, peer->line,
			 "[peer %s] has a vsock address, where the kernel cannot encrypt: add 'security = none' if only this host and its guests are concerned, or use TCP",
			 peer->name);
	else if (security == SECURITY_PSK)
		settle_psk(parser, peer, host_psk);
	else if (security == SECURITY_X509)
		settle_x509(parser, peer);
}

/**
 * security_settle() - find out how each peer's link is protected, and load the keys
 * @parser: which has read the whole file
 */
void security_settle(struct parser *parser)
{
	struct config *config = parser->config;
	struct keys *host_psk = NULL;
	size_t i;

	if (*config->security.key_file)
		host_psk = load_psk(parser, &config->security);
	if (config->x509_line && config->host[0])
		load_x509(parser);
	for (i = 0; i < config->peer_count; i++)
		settle_peer(parser, &config->peers[i], host_psk);
	keys_put(host_psk);
}
