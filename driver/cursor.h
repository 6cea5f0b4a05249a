/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_CURSOR_H
#define NDVAL_CURSOR_H

#include <linux/poll.h>
#include <linux/types.h>

struct iov_iter;
struct ndval_cursor;
struct ndval_digest;
struct ndval_mem;
struct ndval_reader;
struct ndval_stream;
struct netlink_ext_ack;

/**
 * struct ndval_parts - what an instance of a stream needs once a file is bound to it
 * @reader: for reading
 * @digest: for comparing it with other copies
 *
 * Made before anything else is, so that binding does not fail halfway.
 */
struct ndval_parts {
	struct ndval_reader	*reader;
	struct ndval_digest	*digest;
};

void ndval_cursor_init(struct ndval_cursor *cursor);
void ndval_cursor_destroy(struct ndval_cursor *cursor, struct ndval_mem *mem);
int ndval_parts_create(struct ndval_parts *parts, struct ndval_mem *mem, gfp_t gfp);
void ndval_parts_destroy(struct ndval_parts *parts, struct ndval_mem *mem);
void ndval_parts_install(struct ndval_parts *parts, struct ndval_stream *stream,
			 unsigned int instance);
int ndval_cursor_open(struct ndval_stream *journal, unsigned int instance, gfp_t gfp);
ssize_t ndval_cursor_read(struct ndval_stream *stream, unsigned int instance,
			  struct iov_iter *to, bool nowait);
void ndval_cursor_ask(struct ndval_stream *stream, struct ndval_cursor *cursor, size_t len);
void ndval_cursor_allow(struct ndval_stream *stream, u64 end);
int ndval_cursor_why_not(struct ndval_stream *stream, struct ndval_cursor *cursor,
			 size_t len);
void ndval_cursor_wait_begin(struct ndval_stream *stream);
void ndval_cursor_wait_end(struct ndval_stream *stream);
int ndval_cursor_wait(struct ndval_stream *stream, unsigned long events, long *timeout);
long ndval_cursor_timeout(const struct ndval_stream *stream);
int ndval_cursor_lock(struct ndval_reader *reader, bool nowait);
int ndval_cursor_commit(struct ndval_stream *stream, unsigned int instance, u32 *drops);
__poll_t ndval_cursor_poll(struct ndval_stream *stream, unsigned int instance);
int ndval_cursor_bind(struct ndval_stream *stream, unsigned int instance, bool excl,
		      gfp_t gfp);
void ndval_cursor_unbind(struct ndval_stream *stream, unsigned int instance,
			 bool excl);
int ndval_cursor_set(struct ndval_stream *stream, unsigned int instance, const u64 *pos,
		     const u64 *journal_pos, struct netlink_ext_ack *extack);

#endif /* NDVAL_CURSOR_H */
