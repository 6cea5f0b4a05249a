/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the files that read the configuration share.
 */
#ifndef NDVALD_PARSER_H
#define NDVALD_PARSER_H

#include <stdbool.h>

#include "config.h"

enum section {
	SECTION_NONE,		/* before the first, or after a faulty one */
	SECTION_HOST,
	SECTION_PEER,
	SECTION_PAIR,
};

struct parser {
	const char *path;
	int line;
	int errors;
	bool no_memory;
	bool first_section;
	enum section section;	/* what a key belongs to */
	const char *seen[32];	/* keys of this section so far, for duplicates */
	int seen_line[32];
	struct config *config;
	struct peer_config *peer;
	struct pair_config *pair;
};

void parser_complain(struct parser *parser, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

bool security_read_key(struct parser *parser, const char *key, const char *value);
void security_settle(struct parser *parser);

#endif /* NDVALD_PARSER_H */
