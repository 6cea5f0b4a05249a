/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_BUFFER_H
#define NDVAL_BUFFER_H

#include <linux/bvec.h>
#include <linux/types.h>

#include "wire.h"

struct iov_iter;

#define NDVAL_BUFFER_SIZE	PAGE_ALIGN(NDVAL_WIRE_MESSAGE_MAX)

/**
 * struct ndval_buffer - memory for the messages of one of a link's threads
 * @data: the bytes, NDVAL_BUFFER_SIZE of them
 * @used: so many of them have to be wiped
 * @pages: where they are
 */
struct ndval_buffer {
	u8		*data;
	size_t		used;
	struct bio_vec	pages[NDVAL_BUFFER_SIZE / PAGE_SIZE];
};

int ndval_buffer_init(struct ndval_buffer *buffer);
void ndval_buffer_destroy(struct ndval_buffer *buffer);
void ndval_buffer_iter(const struct ndval_buffer *buffer, struct iov_iter *iter,
		       unsigned int direction, size_t from, size_t len);
void ndval_buffer_note(struct ndval_buffer *buffer, size_t end);
void ndval_buffer_wipe(struct ndval_buffer *buffer, size_t from);

#endif /* NDVAL_BUFFER_H */
