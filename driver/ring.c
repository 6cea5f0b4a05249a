// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring: a bounded window over a sequence of bytes that starts at offset
 * 0, in chunks. Memory and arithmetic only; knows no peers, sockets, readers
 * or pairs.
 *
 * A primary appends whole chunks that it filled before (fill), a secondary
 * stores bytes in order (store). Readers take a reference to a chunk (get)
 * and copy from it without any lock. The window moves on by advance, which
 * frees chunks, by skip, which leaves a hole where bytes could not be
 * obtained any more, or is thrown away (reset).
 *
 *	offset 0 ... tail [ recorded ] hole (missing) hole_end [ recorded ] head
 *
 * Bytes that leave the window are wiped at once, also while a reader still
 * holds a reference: such a reader's cursor was told first (generation) and
 * what it copied does not count.
 */
#include "ring.h"

#include <linux/atomic.h>
#include <linux/errno.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mem.h"

static_assert(NDVAL_CHUNK <= PAGE_SIZE);

static atomic_long_t chunks_live;

/**
 * ndval_chunk_create() - Make a chunk with undefined contents.
 * @mem: account to charge
 * @gfp: how to allocate; add __GFP_ZERO for a chunk that is not filled whole
 *
 * Context: as @gfp says.
 * Return: the chunk with one reference, or ERR_PTR: -ENOMEM, -EAGAIN if @gfp
 * does not let it sleep.
 */
struct ndval_chunk *ndval_chunk_create(struct ndval_mem *mem, gfp_t gfp)
{
	struct ndval_chunk *chunk;

	if (ndval_mem_charge(mem, NDVAL_CHUNK_COST))
		return ERR_PTR(-ENOMEM);
	chunk = kmalloc(sizeof(*chunk), (gfp & ~__GFP_ZERO) | __GFP_NOWARN);
	if (!chunk)
		goto err_uncharge;
	chunk->data = (u8 *)__get_free_page(gfp | __GFP_NOWARN);
	if (!chunk->data)
		goto err_free;
	refcount_set(&chunk->ref, 1);
	chunk->mem = mem;
	atomic_long_inc(&chunks_live);
	return chunk;

err_free:
	kfree(chunk);
err_uncharge:
	ndval_mem_uncharge(mem, NDVAL_CHUNK_COST);
	return ERR_PTR(ndval_mem_error(gfp));
}

/**
 * ndval_chunk_put() - Drop a reference; the last one wipes and frees.
 * @chunk: the chunk, may be NULL
 *
 * Context: any that is not hard interrupt.
 */
void ndval_chunk_put(struct ndval_chunk *chunk)
{
	if (!chunk || !refcount_dec_and_test(&chunk->ref))
		return;
	memzero_explicit(chunk->data, NDVAL_CHUNK);
	free_page((unsigned long)chunk->data);
	ndval_mem_uncharge(chunk->mem, NDVAL_CHUNK_COST);
	kfree(chunk);
	atomic_long_dec(&chunks_live);
}

/**
 * ndval_chunks_live() - Chunks in existence, in the whole module.
 */
long ndval_chunks_live(void)
{
	return atomic_long_read(&chunks_live);
}

static unsigned long index_of(u64 offset)
{
	return offset >> NDVAL_CHUNK_SHIFT;
}

static size_t offset_in(u64 offset)
{
	return offset & (NDVAL_CHUNK - 1);
}

/**
 * ndval_ring_init() - Make an empty ring at offset 0.
 * @ring: the ring
 * @mem: account for its chunks
 */
void ndval_ring_init(struct ndval_ring *ring, struct ndval_mem *mem)
{
	xa_init(&ring->chunks);
	ring->mem = mem;
	ring->tail = 0;
	ring->head = 0;
	ring->hole = 0;
	ring->hole_end = 0;
}

/* Takes a chunk out of the ring: hands it on if nobody else stands in it. */
static void evict(struct ndval_ring *ring, unsigned long index,
		  struct ndval_chunk **recycled)
{
	struct ndval_chunk *chunk = xa_erase(&ring->chunks, index);

	if (!chunk)
		return;
	if (recycled && !*recycled && refcount_read(&chunk->ref) == 1) {
		*recycled = chunk;
		return;
	}
	/* The last reference wipes; if there is another, it must not wait. */
	if (refcount_read(&chunk->ref) > 1)
		memzero_explicit(chunk->data, NDVAL_CHUNK);
	ndval_chunk_put(chunk);
}

static void evict_range(struct ndval_ring *ring, unsigned long first,
			unsigned long last, struct ndval_chunk **recycled)
{
	struct ndval_chunk *chunk;
	unsigned long index;

	/* As a window moves on: what is there need not be searched. */
	if (first == last) {
		evict(ring, first, recycled);
		return;
	}
	xa_for_each_range(&ring->chunks, index, chunk, first, last)
		evict(ring, index, recycled);
}

/**
 * ndval_ring_destroy() - Wipe and free all that the ring holds.
 * @ring: the ring; may be initialised again
 */
void ndval_ring_destroy(struct ndval_ring *ring)
{
	evict_range(ring, 0, ULONG_MAX, NULL);
	xa_destroy(&ring->chunks);
}

/**
 * ndval_ring_reserve() - Make sure that a chunk at an offset can be inserted.
 * @ring: the ring
 * @offset: where
 * @gfp: how to allocate
 *
 * The one function that may sleep and needs no lock, because the xarray has
 * its own. What is reserved and not used costs nothing until the ring goes.
 *
 * Context: as @gfp says.
 * Return: 0, -ENOMEM, or -EAGAIN if @gfp does not let it sleep.
 */
int ndval_ring_reserve(struct ndval_ring *ring, u64 offset, gfp_t gfp)
{
	return xa_reserve(&ring->chunks, index_of(offset), gfp | __GFP_NOWARN) ?
		ndval_mem_error(gfp) : 0;
}

static int insert(struct ndval_ring *ring, u64 offset, struct ndval_chunk *chunk)
{
	return xa_err(xa_store(&ring->chunks, index_of(offset), chunk,
			       GFP_NOWAIT | __GFP_NOWARN));
}

/**
 * ndval_ring_span() - Bytes in the window, the hole not counted.
 * @ring: the ring
 */
u64 ndval_ring_span(const struct ndval_ring *ring)
{
	return ring->head - ring->tail - (ring->hole_end - ring->hole);
}

/**
 * ndval_ring_fill() - Append a chunk of fresh bytes at the head.
 * @ring: the ring
 * @chunk: chunk filled whole, of which nobody knows; taken over, and then
 *	NULL, or left to the caller
 *
 * The head ends at a chunk border afterwards: where it stood inside a chunk
 * (a secondary that became primary), only the rest of that chunk is new.
 *
 * Return: 0, -EOVERFLOW at NDVAL_OFFSET_MAX, or -ENOMEM if there is no memory for
 * the place that need not be waited for (the caller reserves it and tries again).
 */
int ndval_ring_fill(struct ndval_ring *ring, struct ndval_chunk **chunk)
{
	size_t in = offset_in(ring->head);
	struct ndval_chunk *partial;
	int err;

	if (ring->head >= NDVAL_OFFSET_MAX - NDVAL_CHUNK)
		return -EOVERFLOW;
	partial = in ? xa_load(&ring->chunks, index_of(ring->head)) : NULL;
	if (partial) {
		memcpy(partial->data + in, (*chunk)->data + in, NDVAL_CHUNK - in);
	} else {
		err = insert(ring, ring->head, *chunk);
		if (err)
			return err;
		*chunk = NULL;
	}
	ring->head += NDVAL_CHUNK - in;
	return 0;
}

/* Bytes that can be had in one piece from @offset on, 0 if none. */
static size_t contiguous(const struct ndval_ring *ring, u64 offset)
{
	u64 end = ring->head;

	if (offset < ring->tail || offset >= end)
		return 0;
	if (ndval_ring_has_hole(ring) && offset < ring->hole_end) {
		if (offset >= ring->hole)
			return 0;
		end = ring->hole;
	}
	return min_t(u64, end - offset, NDVAL_CHUNK - offset_in(offset));
}

/* Bytes from @offset on of which nothing is recorded: before the tail, or a hole. */
static u64 missing(const struct ndval_ring *ring, u64 offset)
{
	if (offset < ring->tail)
		return ring->tail - offset;
	if (ndval_ring_has_hole(ring) && offset >= ring->hole && offset < ring->hole_end)
		return ring->hole_end - offset;
	return 0;
}

/* Bytes [offset, offset + len) are below the head: what is recorded must be the same. */
static int compare(struct ndval_ring *ring, u64 offset, const u8 *data, size_t len)
{
	struct ndval_chunk *chunk = xa_load(&ring->chunks, index_of(offset));
	size_t done = 0;

	while (done < len) {
		u64 at = offset + done;
		u64 absent = missing(ring, at);
		size_t piece = min_t(u64, absent ?: contiguous(ring, at), len - done);

		if (!absent && memcmp(chunk->data + offset_in(at), data + done, piece))
			return -EBADMSG;
		done += piece;
	}
	return 0;
}

/**
 * ndval_ring_store() - Store bytes that the primary recorded.
 * @ring: the ring
 * @offset: where they belong; at most the head, since they come in order
 * @data: the bytes
 * @len: how many; they must not cross a chunk border
 * @spare: a chunk to use if one is needed, NULL else; NULL after use. Zeroed, unless
 *	@len is that of a whole chunk
 *
 * What is known already is compared, and what has left the window ignored.
 *
 * Return: 0; -ENOENT if a chunk is needed and *@spare is NULL; -ENOMEM as
 * ndval_ring_fill(); -ERANGE for a gap or a position at NDVAL_OFFSET_MAX;
 * -EBADMSG if other bytes are stored there.
 */
int ndval_ring_store(struct ndval_ring *ring, u64 offset, const u8 *data,
		     size_t len, struct ndval_chunk **spare)
{
	struct ndval_chunk *chunk;
	int err;

	if (offset > ring->head || len > NDVAL_CHUNK - offset_in(offset) ||
	    offset >= NDVAL_OFFSET_MAX - len)
		return -ERANGE;
	if (offset < ring->head) {
		size_t known = min_t(u64, len, ring->head - offset);

		err = compare(ring, offset, data, known);
		if (err)
			return err;
		offset += known;
		data += known;
		len -= known;
	}
	if (!len)
		return 0;
	chunk = xa_load(&ring->chunks, index_of(offset));
	if (!chunk) {
		if (!*spare)
			return -ENOENT;
		err = insert(ring, offset, *spare);
		if (err)
			return err;
		chunk = *spare;
		*spare = NULL;
		memset(chunk->data, 0, offset_in(offset));
	}
	memcpy(chunk->data + offset_in(offset), data, len);
	ring->head = offset + len;
	return 0;
}

/**
 * ndval_ring_get() - Take a reference to the chunk at an offset.
 * @ring: the ring
 * @offset: where
 * @avail: set to the bytes that can be read from @offset on in this chunk
 *
 * Return: the chunk, or NULL if nothing is recorded there.
 */
struct ndval_chunk *ndval_ring_get(struct ndval_ring *ring, u64 offset,
				   size_t *avail)
{
	struct ndval_chunk *chunk;

	*avail = contiguous(ring, offset);
	if (!*avail)
		return NULL;
	chunk = xa_load(&ring->chunks, index_of(offset));
	if (WARN_ON_ONCE(!chunk))
		return NULL;
	refcount_inc(&chunk->ref);
	return chunk;
}

/**
 * ndval_ring_has_chunk() - Is there a chunk for an offset?
 * @ring: the ring
 * @offset: where; recorded or not
 */
bool ndval_ring_has_chunk(struct ndval_ring *ring, u64 offset)
{
	return xa_load(&ring->chunks, index_of(offset));
}

/**
 * ndval_ring_copy() - Copy bytes out of the window.
 * @ring: the ring
 * @offset: from where
 * @to: to where
 * @len: at most so many
 *
 * Return: how many bytes were copied; fewer than @len at the head or a hole.
 */
size_t ndval_ring_copy(struct ndval_ring *ring, u64 offset, u8 *to, size_t len)
{
	size_t done = 0;

	while (done < len) {
		size_t piece = min(contiguous(ring, offset + done), len - done);
		struct ndval_chunk *chunk;

		if (!piece)
			break;
		chunk = xa_load(&ring->chunks, index_of(offset + done));
		if (WARN_ON_ONCE(!chunk))
			break;
		memcpy(to + done, chunk->data + offset_in(offset + done), piece);
		done += piece;
	}
	return done;
}

/**
 * ndval_ring_advance() - Move the window's start, and wipe what leaves it.
 * @ring: the ring
 * @to: the new tail; no effect if not beyond the tail, cut at the head
 * @recycled: if not NULL and it points to NULL, gets a chunk, if one became free,
 *	for what fills a chunk and overwrites it whole
 */
void ndval_ring_advance(struct ndval_ring *ring, u64 to,
			struct ndval_chunk **recycled)
{
	struct ndval_chunk *chunk;

	to = min(to, ring->head);
	if (ndval_ring_has_hole(ring) && to >= ring->hole) {
		to = max(to, ring->hole_end);
		ring->hole = 0;
		ring->hole_end = 0;
	}
	if (to <= ring->tail)
		return;
	if (index_of(to))
		evict_range(ring, index_of(ring->tail), index_of(to) - 1, recycled);
	if (offset_in(to)) {
		u64 start = max(ring->tail, to - offset_in(to));

		chunk = xa_load(&ring->chunks, index_of(to));
		if (chunk)
			memzero_explicit(chunk->data + offset_in(start),
					 to - start);
	}
	ring->tail = to;
}

/**
 * ndval_ring_skip_tail() - Where the tail will be after ndval_ring_skip().
 * @ring: the ring
 *
 * There is one hole at most: an older one goes, with what is before it, unless
 * nothing was recorded behind it, so that the two are one.
 */
u64 ndval_ring_skip_tail(const struct ndval_ring *ring)
{
	return ndval_ring_has_hole(ring) && ring->hole_end < ring->head ? ring->hole_end :
									  ring->tail;
}

/**
 * ndval_ring_skip() - Give up obtaining the bytes between the head and @to.
 * @ring: the ring
 * @to: the new head, beyond the old one
 *
 * What is recorded before stays readable, from ndval_ring_skip_tail() on.
 */
void ndval_ring_skip(struct ndval_ring *ring, u64 to)
{
	ndval_ring_advance(ring, ndval_ring_skip_tail(ring), NULL);
	if (ring->tail == ring->head) {
		ndval_ring_reset(ring, to);
		return;
	}
	if (!ndval_ring_has_hole(ring))
		ring->hole = ring->head;
	ring->hole_end = to;
	ring->head = to;
}

/**
 * ndval_ring_truncate() - Throw away what is at and beyond an offset.
 * @ring: the ring
 * @to: the new head; no effect if not before the head
 *
 * What goes is wiped, or will be by whoever drops the last reference to its
 * chunk. Where the whole window goes, it stands empty at @to.
 */
void ndval_ring_truncate(struct ndval_ring *ring, u64 to)
{
	struct ndval_chunk *chunk;

	if (to >= ring->head)
		return;
	if (to <= ring->tail) {
		ndval_ring_reset(ring, to);
		return;
	}
	if (ndval_ring_has_hole(ring)) {
		ring->hole_end = min(ring->hole_end, to);
		if (ring->hole >= ring->hole_end) {
			ring->hole = 0;
			ring->hole_end = 0;
		}
	}
	evict_range(ring, index_of(to + NDVAL_CHUNK - 1), ULONG_MAX, NULL);
	chunk = offset_in(to) ? xa_load(&ring->chunks, index_of(to)) : NULL;
	if (chunk)
		memzero_explicit(chunk->data + offset_in(to), NDVAL_CHUNK - offset_in(to));
	ring->head = to;
}

/**
 * ndval_ring_reset() - Throw everything away and stand empty at an offset.
 * @ring: the ring
 * @to: the new tail and head
 */
void ndval_ring_reset(struct ndval_ring *ring, u64 to)
{
	evict_range(ring, 0, ULONG_MAX, NULL);
	ring->tail = to;
	ring->head = to;
	ring->hole = 0;
	ring->hole_end = 0;
}
