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
#include "setting.h"

#define CONFIG_PATH	"/etc/ndval/ndvald.conf"

/* [peer NAME] */
struct peer_config {
	char name[NDVAL_NAME_MAX + 1];
	int line;
	bool any;		/* may connect from any address */
	bool plain;		/* security = none */
	struct address_list addresses;
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
