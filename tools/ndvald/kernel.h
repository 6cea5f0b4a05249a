/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What ndvald asks of the module, and what it hears from it.
 */
#ifndef NDVALD_KERNEL_H
#define NDVALD_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct epochs;

enum kernel_change {
	KERNEL_SAME,
	KERNEL_CAME,		/* the module was loaded: kernel_open() */
	KERNEL_WENT,		/* the module was unloaded, and all its links with it */
};

/**
 * typedef kernel_link - called for each link of the host's own member
 * @peer: who is at the other end
 * @id: its number
 * @clear: it is not encrypted
 * @messages: that it has carried, either way, the more
 */
typedef void kernel_link(const char *peer, uint32_t id, bool clear, uint64_t messages);

int kernel_watch_module(void);
enum kernel_change kernel_take_change(void);
int kernel_open(const char *host);
void kernel_close(void);
bool kernel_is_open(void);
const char *kernel_message(void);

void kernel_make_pairs(const struct config *config);
int kernel_attach(const char *peer, int fd, uint32_t *id);
int kernel_detach(const char *peer);
int kernel_detach_link(uint32_t id);
int kernel_links(kernel_link *each);
bool kernel_links_changed(void);
int kernel_epochs(struct epochs *epochs);
int kernel_raise_epoch(const char *pair, uint64_t incarnation, uint64_t number);
bool kernel_pairs_changed(void);
void kernel_ask_pairs_again(void);

#endif /* NDVALD_KERNEL_H */
