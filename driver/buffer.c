// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for one message of a link, which sockets are given by its pages: so TLS
 * encrypts what is sent without another copy. It may be in pieces, for a link has to come
 * up on a host whose memory is.
 */
#include "buffer.h"

#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uio.h>

/**
 * ndval_buffer_init() - Get the memory.
 * @buffer: the buffer
 *
 * Context: process, sleeps.
 * Return: 0 or -ENOMEM.
 */
int ndval_buffer_init(struct ndval_buffer *buffer)
{
	unsigned int i;

	buffer->data = kvmalloc(NDVAL_BUFFER_SIZE, GFP_KERNEL);
	if (!buffer->data)
		return -ENOMEM;
	buffer->n = 1;
	buffer->pages[0].bv_len = NDVAL_BUFFER_SIZE;
	if (!is_vmalloc_addr(buffer->data)) {
		buffer->pages[0].bv_page = virt_to_page(buffer->data);
		return 0;
	}
	buffer->n = ARRAY_SIZE(buffer->pages);
	for (i = 0; i < buffer->n; i++)
		buffer->pages[i] = (struct bio_vec) {
			.bv_page = vmalloc_to_page(buffer->data + i * PAGE_SIZE),
			.bv_len	 = PAGE_SIZE,
		};
	return 0;
}

/**
 * ndval_buffer_destroy() - Wipe the memory, and let it go.
 * @buffer: the buffer; one that was never made is none
 *
 * Context: process, sleeps.
 */
void ndval_buffer_destroy(struct ndval_buffer *buffer)
{
	kvfree_sensitive(buffer->data, NDVAL_BUFFER_SIZE);
}

/**
 * ndval_buffer_iter() - Let a socket have a piece, to be read or written.
 * @buffer: the buffer, which has to be wiped afterwards
 * @iter: set
 * @direction: ITER_SOURCE or ITER_DEST
 * @from: where the piece begins
 * @len: its bytes
 */
void ndval_buffer_iter(struct ndval_buffer *buffer, struct iov_iter *iter,
		       unsigned int direction, size_t from, size_t len)
{
	buffer->used = max(buffer->used, from + len);
	iov_iter_bvec(iter, direction, buffer->pages, buffer->n, from + len);
	iov_iter_advance(iter, from);
}

/**
 * ndval_buffer_wipe() - Wipe what was used.
 * @buffer: the buffer
 */
void ndval_buffer_wipe(struct ndval_buffer *buffer)
{
	memzero_explicit(buffer->data, buffer->used);
	buffer->used = 0;
}
