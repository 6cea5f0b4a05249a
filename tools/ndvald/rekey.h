/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * When a link is to be replaced by a fresh one: see rekey.c.
 */
#ifndef NDVALD_REKEY_H
#define NDVALD_REKEY_H

#include <stdbool.h>
#include <stdint.h>

#define REKEY_COUNT_MS	10000	/* how often messages are counted */

/**
 * struct rekey - of one peer
 * @encrypted: whether its links are to be
 * @second: the other side is to be first
 * @after: s
 * @messages: either way
 * @good_from: links with lower numbers were not made with the keys there are now
 * @at: when to replace the link, LOOP_NEVER if there is none
 * @link: its number
 * @previous: the link before
 * @previous_at: when that was to be replaced
 */
struct rekey {
	bool encrypted;
	bool second;
	uint32_t after;
	uint32_t messages;
	uint32_t good_from;
	int64_t at;
	uint32_t link;
	uint32_t previous;
	int64_t previous_at;
};

void rekey_init(struct rekey *rekey, bool encrypted);
void rekey_renew(struct rekey *rekey, bool encrypted);
void rekey_made(struct rekey *rekey, uint32_t id);
void rekey_linked(struct rekey *rekey, uint32_t id, int64_t since);
void rekey_counted(struct rekey *rekey, uint64_t messages);

#endif /* NDVALD_REKEY_H */
