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

static void find_pages(struct ndval_buffer *buffer)
{
	unsigned int i;

	buffer->n = 1;
	if (!is_vmalloc_addr(buffer->data)) {
		bvec_set_page(buffer->pages, virt_to_page(buffer->data), NDVAL_BUFFER_SIZE, 0);
		return;
	}
	buffer->n = ARRAY_SIZE(buffer->pages);
	for (i = 0; i < buffer->n; i++)
		bvec_set_page(buffer->pages + i, vmalloc_to_page(buffer->data + i * PAGE_SIZE),
			      PAGE_SIZE, 0);
}

/**
 * ndval_buffer_init() - Get the memory.
 * @buffer: the buffer, all zero
 *
 * Context: process, sleeps.
 * Return: 0 or -ENOMEM.
 */
int ndval_buffer_init(struct ndval_buffer *buffer)
{
	buffer->data = kvmalloc(NDVAL_BUFFER_SIZE, GFP_KERNEL);
	if (!buffer->data)
		return -ENOMEM;
	find_pages(buffer);
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
