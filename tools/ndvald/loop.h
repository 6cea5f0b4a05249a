/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The event loop: epoll over watches. A watch is embedded in the object that
 * owns the descriptor; it is told when the descriptor is ready and may remove
 * or free itself or any other watch then.
 */
#ifndef NDVALD_LOOP_H
#define NDVALD_LOOP_H

#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_NEVER	INT64_MAX

#define container_of(pointer, type, member) \
	((type *)((char *)(pointer) - offsetof(type, member)))

struct watch {
	int fd;
	void (*ready)(struct watch *watch, uint32_t events);
};

int loop_init(void);
int loop_add(struct watch *watch, uint32_t events);
void loop_change(struct watch *watch, uint32_t events);
int loop_release(struct watch *watch);
void loop_close(struct watch *watch);
int loop_wait(int64_t until);
int64_t loop_now(void);

#endif /* NDVALD_LOOP_H */
