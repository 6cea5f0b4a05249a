/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_RING_H
#define NDVAL_RING_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/refcount.h>
#include <linux/types.h>
#include <linux/xarray.h>

struct ndval_mem;

/* Bytes of a chunk; part of the protocol, whatever PAGE_SIZE is. */
#define NDVAL_CHUNK_SHIFT	12
#define NDVAL_CHUNK		BIT(NDVAL_CHUNK_SHIFT)

/* Offsets stay below this, so that they never wrap. */
#define NDVAL_OFFSET_MAX	BIT_ULL(63)

/**
 * struct ndval_chunk - bytes [n * NDVAL_CHUNK, (n + 1) * NDVAL_CHUNK) of a stream
 * @ref: the ring's reference and those of readers that stand in the chunk
 * @mem: account that the chunk is charged to
 * @data: a page; may hold less than a whole chunk at the ring's head
 */
struct ndval_chunk {
	refcount_t		ref;
	struct ndval_mem	*mem;
	u8			*data;
};

/* What a chunk is charged with: its page and the structure that describes it. */
#define NDVAL_CHUNK_COST	(PAGE_SIZE + sizeof(struct ndval_chunk))

/**
 * struct ndval_ring - a stream's recorded random bytes, the window [tail, head)
 * @chunks: by offset >> NDVAL_CHUNK_SHIFT
 * @mem: account that chunks are charged to
 * @tail: lowest recorded offset
 * @head: end of what is recorded
 * @hole: bytes [@hole, @hole_end) inside the window were never obtained; none
 *	if the two are equal. There is at most one.
 * @hole_end: see @hole
 *
 * Every function wants the caller to serialise calls for one ring by a lock
 * under which it need not be able to sleep; bytes of a chunk below the head
 * do not change while anybody holds a reference, but for being wiped.
 */
struct ndval_ring {
	struct xarray		chunks;
	struct ndval_mem	*mem;
	u64			tail;
	u64			head;
	u64			hole;
	u64			hole_end;
};

/* Bytes from the head to the end of its chunk: a whole one where the head is at a border. */
static inline u64 ndval_ring_rest(const struct ndval_ring *ring)
{
	return NDVAL_CHUNK - (ring->head & (NDVAL_CHUNK - 1));
}

static inline bool ndval_ring_has_hole(const struct ndval_ring *ring)
{
	return ring->hole != ring->hole_end;
}

struct ndval_chunk *ndval_chunk_create(struct ndval_mem *mem, gfp_t gfp);
void ndval_chunk_put(struct ndval_chunk *chunk);
long ndval_chunks_live(void);

void ndval_ring_init(struct ndval_ring *ring, struct ndval_mem *mem);
void ndval_ring_destroy(struct ndval_ring *ring);
int ndval_ring_reserve(struct ndval_ring *ring, u64 offset, gfp_t gfp);
u64 ndval_ring_span(const struct ndval_ring *ring);
int ndval_ring_fill(struct ndval_ring *ring, struct ndval_chunk **chunk);
int ndval_ring_store(struct ndval_ring *ring, u64 offset, const u8 *data,
		     size_t len, struct ndval_chunk **spare);
struct ndval_chunk *ndval_ring_get(struct ndval_ring *ring, u64 offset,
				   size_t *avail);
bool ndval_ring_has_chunk(struct ndval_ring *ring, u64 offset);
size_t ndval_ring_copy(struct ndval_ring *ring, u64 offset, u8 *to, size_t len);
void ndval_ring_advance(struct ndval_ring *ring, u64 to,
			struct ndval_chunk **recycled);
u64 ndval_ring_skip_tail(const struct ndval_ring *ring);
void ndval_ring_skip(struct ndval_ring *ring, u64 to);
void ndval_ring_truncate(struct ndval_ring *ring, u64 to);
void ndval_ring_reset(struct ndval_ring *ring, u64 to);

#endif /* NDVAL_RING_H */
