// SPDX-License-Identifier: GPL-2.0-only
#include "loop.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

static int loop_epoll = -1;

/**
 * loop_init() - call once, before all else here
 *
 * Return: 0 or a negative errno.
 */
int loop_init(void)
{
	loop_epoll = epoll_create1(EPOLL_CLOEXEC);
	return loop_epoll < 0 ? -errno : 0;
}

/**
 * loop_add() - watch a descriptor
 * @watch: with fd and ready set; stays in use until loop_close()
 * @events: EPOLLIN or EPOLLOUT
 *
 * Return: 0 or a negative errno.
 */
int loop_add(struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(loop_epoll, EPOLL_CTL_ADD, watch->fd, &event) < 0 ? -errno : 0;
}

/**
 * loop_change() - wait for something else on a watched descriptor
 * @watch: after loop_add()
 * @events: EPOLLIN or EPOLLOUT
 */
void loop_change(struct watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	epoll_ctl(loop_epoll, EPOLL_CTL_MOD, watch->fd, &event);
}

/**
 * loop_release() - stop watching a descriptor, and keep it open
 * @watch: after loop_add()
 *
 * It is taken out of the epoll set by name: closing it would not do that while
 * somebody else, such as the kernel after link-attach, holds the same file.
 *
 * Return: the descriptor, now the caller's to close.
 */
int loop_release(struct watch *watch)
{
	int fd = watch->fd;

	epoll_ctl(loop_epoll, EPOLL_CTL_DEL, fd, NULL);
	watch->fd = -1;
	return fd;
}

/**
 * loop_close() - stop watching a descriptor, and close it
 * @watch: after loop_add() or not; fd is -1 if it is closed already
 */
void loop_close(struct watch *watch)
{
	if (watch->fd >= 0)
		close(loop_release(watch));
}

/**
 * loop_wait() - sleep until a descriptor is ready, and tell its owner
 * @until: wake up at this loop_now() at the latest
 *
 * One event is taken at a time, so that an owner may free any other watch
 * without an event for it being on its way already.
 *
 * Return: 0 or a negative errno.
 */
int loop_wait(int64_t until)
{
	int64_t left = until - loop_now();
	struct epoll_event event;
	struct watch *watch;
	int ready;

	if (left < 0)
		left = 0;
	if (until == LOOP_NEVER)
		left = -1;
	else if (left > 3600 * 1000)
		left = 3600 * 1000;

	ready = epoll_wait(loop_epoll, &event, 1, (int)left);
	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	if (ready) {
		watch = event.data.ptr;
		watch->ready(watch, event.events);
	}
	return 0;
}

/**
 * loop_now() - the clock of all deadlines
 *
 * Return: milliseconds since boot, suspend included.
 */
int64_t loop_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
