/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The configuration file, as data. See ndvald.conf(5).
 */
#ifndef NDVALD_CONFIG_H
#define NDVALD_CONFIG_H

#include <linux/ndval_netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "address.h"
#include "keys.h"
#include "setting.h"

#define CONFIG_PATH	"/etc/ndval/ndvald.conf"

#define CONFIG_TEXT_MAX	192	/* more than a value has */

/* What [host] says for all peers, and [peer] for one; 0 or empty, nothing. */
struct security_config {
	enum security security;
	int security_line;
	char key_file[CONFIG_TEXT_MAX];
	int key_file_line;
	uint32_t rekey_after;		/* s */
	uint32_t rekey_messages;
};

/* [peer NAME] */
struct peer_config {
	char name[NDVAL_NAME_MAX + 1];
	int line;
	bool any;		/* may connect from any address */
	struct address_list addresses;
	struct security_config own;
	/* What is to be done, by both sections: */
	struct keys *keys;	/* NULL: security = none */
	uint32_t rekey_after;
	uint32_t rekey_messages;
};

/* [pair NAME] */
struct pair_config {
	char name[NDVAL_NAME_MAX + 1];
	int line;
	char group[NDVAL_NAME_MAX + 1];	/* empty, the same as the name */
	int peers_line;
	size_t peer_count;
	char (*peers)[NDVAL_NAME_MAX + 1];
	uint64_t values[SETTINGS];	/* in the order of settings[] */
	bool given[SETTINGS];
};

struct config {
	char host[NDVAL_NAME_MAX + 1];
	int host_line;
	bool listen_none;
	struct address_list listen;	/* empty, and not listen_none: everywhere */
	struct security_config security;
	char ca[CONFIG_TEXT_MAX];
	char certificate[CONFIG_TEXT_MAX];
	char key[CONFIG_TEXT_MAX];
	int x509_line;			/* of the first of these three, or 0 */
	struct keys *x509;
	size_t peer_count;
	struct peer_config *peers;
	size_t pair_count;
	struct pair_config *pairs;
};

struct config *config_read(const char *path);
void config_free(struct config *config);
const struct peer_config *config_peer(const struct config *config, const char *name);
const char *config_check_name(const char *name);

#endif /* NDVALD_CONFIG_H */
