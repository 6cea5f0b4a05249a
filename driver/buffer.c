// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory for one message of a link, which sockets are given by its pages: so TLS
 * encrypts what is sent without another copy. They are single ones, for a link has to
 * come up on a host whose memory is in pieces.
 */
#include "buffer.h"

#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

/**
 * ndval_buffer_init() - Get the memory.
 * @buffer: the buffer, all zero
 *
 * Context: process, sleeps.
 * Return: 0 or -ENOMEM.
 */
int ndval_buffer_init(struct ndval_buffer *buffer)
{
	unsigned int i;

	/* Who attaches a link is told, and tries again. */
	buffer->data = __vmalloc(NDVAL_BUFFER_SIZE, GFP_KERNEL | __GFP_NOWARN);
	if (!buffer->data)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(buffer->pages); i++)
		bvec_set_page(buffer->pages + i, vmalloc_to_page(buffer->data + i * PAGE_SIZE),
			      PAGE_SIZE, 0);
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
 * @buffer: the buffer
 * @iter: set
 * @direction: ITER_SOURCE or ITER_DEST
 * @from: where the piece begins
 * @len: its bytes
 */
void ndval_buffer_iter(const struct ndval_buffer *buffer, struct iov_iter *iter,
		       unsigned int direction, size_t from, size_t len)
{
	iov_iter_bvec(iter, direction, buffer->pages, ARRAY_SIZE(buffer->pages), from + len);
	iov_iter_advance(iter, from);
}

/**
 * ndval_buffer_note() - There are bytes now that have to be wiped one day.
 * @buffer: the buffer
 * @end: their end
 */
void ndval_buffer_note(struct ndval_buffer *buffer, size_t end)
{
	buffer->used = max(buffer->used, end);
}

/**
 * ndval_buffer_wipe() - Wipe what was used.
 * @buffer: the buffer
 * @from: but for so many bytes at its beginning
 */
void ndval_buffer_wipe(struct ndval_buffer *buffer, size_t from)
{
	if (buffer->used <= from)
		return;
	memzero_explicit(buffer->data + from, buffer->used - from);
	buffer->used = from;
}
