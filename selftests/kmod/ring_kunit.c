// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ring. Each byte of a test's stream is known from its offset alone
 * (byte_at), so whatever is read can be checked wherever it came from.
 *
 * Those tests that let allocations fail want failslab and fail_page_alloc set
 * up for it: see selftests/guest/kunit.sh.
 */
#include "../../driver/ring.c"

#include <kunit/test.h>
#include <linux/mm.h>
#include <linux/sched.h>

#define CHUNK		((u64)NDVAL_CHUNK)
#define WINDOW		(4 * CHUNK)

/* A ring with its account, and room for what is read from it. */
struct ground {
	struct ndval_mem	mem;
	struct ndval_ring	ring;
	u8			bytes[8 * NDVAL_CHUNK];
	long			live;	/* chunks before the test */
};

/* Where a test's stream begins: it crosses what may be a limit of a type. */
static const struct base {
	const char	*shown;
	u64		at;
} bases[] = {
	{ "0", 0 },
	{ "near 2^31", BIT_ULL(31) - 3 * CHUNK },
	{ "near 2^32", BIT_ULL(32) - 3 * CHUNK },
	{ "inside a chunk near 2^32", BIT_ULL(32) - 2 * CHUNK - 1717 },
	{ "chunk 2^32", BIT_ULL(32 + NDVAL_CHUNK_SHIFT) - 3 * CHUNK },
	{ "inside a chunk near chunk 2^32", BIT_ULL(32 + NDVAL_CHUNK_SHIFT) - CHUNK - 1 },
	{ "near 2^63", NDVAL_OFFSET_MAX - 64 * CHUNK },
	{ "inside a chunk near 2^63", NDVAL_OFFSET_MAX - 63 * CHUNK - 5 },
};

KUNIT_ARRAY_PARAM_DESC(base, bases, shown);

static int ring_test_init(struct kunit *test)
{
	struct ground *ground = kunit_kzalloc(test, sizeof(*ground), GFP_KERNEL);

	if (!ground)
		return -ENOMEM;
	ground->live = ndval_chunks_live();
	ndval_mem_set_total_max(S64_MAX);
	ground->mem.max = SZ_1M;
	ndval_ring_init(&ground->ring, &ground->mem);
	test->priv = ground;
	return 0;
}

/* Whatever a test did: nothing is left, and nothing is charged for it. */
static void ring_test_exit(struct kunit *test)
{
	struct ground *ground = test->priv;

	if (!ground)
		return;
	ndval_ring_destroy(&ground->ring);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&ground->mem), 0);
	KUNIT_EXPECT_TRUE(test, xa_empty(&ground->ring.chunks));
}

/* Stands the ring where the test's parameter says. */
static u64 begin(struct kunit *test)
{
	const struct base *base = test->param_value;
	struct ground *ground = test->priv;

	ndval_ring_reset(&ground->ring, base->at);
	return base->at;
}

/* At the next border of a chunk. */
static u64 begin_chunk(struct kunit *test)
{
	struct ground *ground = test->priv;
	u64 border = round_up(begin(test), CHUNK);

	ndval_ring_reset(&ground->ring, border);
	return border;
}

static u8 byte_at(u64 offset)
{
	return (offset * 0x9e3779b97f4a7c15ULL) >> 56;
}

static void write_pattern(u8 *to, u64 offset, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = byte_at(offset + i);
}

/* Where @bytes first differ from those of the stream at @offset; @len if nowhere. */
static size_t differs(const u8 *bytes, u64 offset, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (bytes[i] != byte_at(offset + i))
			break;
	return i;
}

/* How many bytes from @offset on come out as they should, up to @len. */
static size_t readable(struct ground *ground, u64 offset, size_t len)
{
	size_t got = ndval_ring_copy(&ground->ring, offset, ground->bytes, len);

	return differs(ground->bytes, offset, got);
}

/* [from, to) can be read, as it should be, and the window is just that. */
static void expect_window(struct kunit *test, u64 from, u64 to)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	size_t avail;

	KUNIT_EXPECT_EQ(test, ring->tail, from);
	KUNIT_EXPECT_EQ(test, ring->head, to);
	KUNIT_EXPECT_EQ(test, ndval_ring_span(ring), to - from);
	KUNIT_EXPECT_EQ(test, readable(ground, from, sizeof(ground->bytes)), to - from);
	KUNIT_EXPECT_NULL(test, ndval_ring_get(ring, to, &avail));
	KUNIT_EXPECT_EQ(test, avail, 0);
	if (from) {
		KUNIT_EXPECT_NULL(test, ndval_ring_get(ring, from - 1, &avail));
		KUNIT_EXPECT_EQ(test, readable(ground, from - 1, 2), 0);
	}
}

/* A primary's way: one more chunk of the stream's bytes at the head. */
static int fill(struct ground *ground, struct ndval_chunk **chunk)
{
	struct ndval_ring *ring = &ground->ring;

	if (!*chunk)
		*chunk = ndval_chunk_create(&ground->mem, GFP_KERNEL);
	if (IS_ERR(*chunk))
		return PTR_ERR(*chunk);
	write_pattern((*chunk)->data, round_down(ring->head, CHUNK), CHUNK);
	return ndval_ring_reserve(ring, ring->head, GFP_KERNEL) ?:
		ndval_ring_fill(ring, chunk);
}

static int fill_many(struct ground *ground, int count)
{
	int err = 0;

	while (count-- && !err) {
		struct ndval_chunk *chunk = NULL;

		err = fill(ground, &chunk);
		if (!IS_ERR(chunk))
			ndval_chunk_put(chunk);
	}
	return err;
}

/* A secondary's way: bytes that lie in one chunk. */
static int store_bytes(struct ground *ground, u64 offset, const u8 *data, size_t len)
{
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *spare = NULL;
	int err = ndval_ring_store(ring, offset, data, len, &spare);

	if (err != -ENOENT)
		return err;
	spare = ndval_chunk_create(&ground->mem, GFP_KERNEL | __GFP_ZERO);
	if (IS_ERR(spare))
		return PTR_ERR(spare);
	err = ndval_ring_reserve(ring, offset + len - 1, GFP_KERNEL) ?:
		ndval_ring_store(ring, offset, data, len, &spare);
	ndval_chunk_put(spare);
	return err;
}

/* The stream's own bytes, any number. */
static int store(struct ground *ground, u64 offset, size_t len)
{
	int err = 0;

	while (len && !err) {
		size_t piece = min_t(size_t, len, CHUNK - offset % CHUNK);
		u8 *data = ground->bytes;

		write_pattern(data, offset, piece);
		err = store_bytes(ground, offset, data, piece);
		offset += piece;
		len -= piece;
	}
	return err;
}

/* Looks at a chunk's page when it has been freed: ours as long as we hold it. */
static struct page *hold_page(struct ndval_chunk *chunk)
{
	struct page *page = virt_to_page(chunk->data);

	get_page(page);
	return page;
}

static void expect_wiped(struct kunit *test, struct page *page)
{
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0, NDVAL_CHUNK));
	put_page(page);
}

static struct ndval_chunk *chunk_at(struct kunit *test, u64 offset)
{
	struct ground *ground = test->priv;
	struct ndval_chunk *chunk = xa_load(&ground->ring.chunks, index_of(offset));

	KUNIT_ASSERT_NOT_NULL(test, chunk);
	return chunk;
}

static struct ndval_chunk *get(struct kunit *test, u64 offset, size_t wanted)
{
	struct ground *ground = test->priv;
	struct ndval_chunk *chunk;
	size_t avail;

	chunk = ndval_ring_get(&ground->ring, offset, &avail);
	KUNIT_ASSERT_NOT_NULL(test, chunk);
	KUNIT_EXPECT_EQ(test, avail, wanted);
	return chunk;
}

/* Whatever was in its memory before. */
static void ring_starts_empty_at_0(struct kunit *test)
{
	struct ground *ground = test->priv;

	memset(&ground->ring, 0xa5, sizeof(ground->ring));
	ground->ring.hole_end = 0;
	ndval_ring_init(&ground->ring, &ground->mem);
	expect_window(test, 0, 0);
	KUNIT_ASSERT_EQ(test, store(ground, 0, 5000), 0);
	expect_window(test, 0, 5000);
}

/* The window goes round and round, with the chunks that it gives back. */
static void window_wraps_by_fill(struct kunit *test)
{
	static const unsigned int steps[] = { 4096, 1, 4095, 8192, 5000, 3192, 4096 };
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *chunk = NULL;
	u64 tail = begin(test), head = tail;
	int i;

	for (i = 0; i < 40; i++) {
		KUNIT_ASSERT_EQ(test, fill(ground, &chunk), 0);
		KUNIT_EXPECT_NULL(test, chunk);
		head = round_down(head, CHUNK) + CHUNK;
		expect_window(test, tail, head);
		while (head - tail > WINDOW - CHUNK) {
			tail += steps[i % ARRAY_SIZE(steps)];
			ndval_ring_advance(ring, tail, &chunk);
			expect_window(test, tail, head);
		}
		KUNIT_ASSERT_LE(test, ndval_chunks_live() - ground->live, 4);
	}
	ndval_chunk_put(chunk);
}

static void window_wraps_by_store(struct kunit *test)
{
	static const unsigned int pieces[] = { 1, 7, 4096, 100, 4089, 13, 2048, 4000, 9000 };
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 tail = begin(test), head = tail;
	int i;

	for (i = 0; i < 60; i++) {
		unsigned int piece = pieces[i % ARRAY_SIZE(pieces)];

		KUNIT_ASSERT_EQ(test, store(ground, head, piece), 0);
		head += piece;
		expect_window(test, tail, head);
		if (head - tail > WINDOW) {
			tail = head - WINDOW + pieces[(i + 3) % ARRAY_SIZE(pieces)];
			ndval_ring_advance(ring, tail, NULL);
			expect_window(test, tail, head);
		}
		KUNIT_ASSERT_LE(test, ndval_chunks_live() - ground->live, 5);
	}
}

/* Who became primary inside a chunk completes it, and only it. */
static void fill_completes_a_chunk(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *chunk = NULL, *partial;
	u64 base = begin(test);
	u64 border = round_down(base, CHUNK) + 2 * CHUNK;
	size_t len = border - 1000 - base;

	KUNIT_ASSERT_EQ(test, store(ground, base, len), 0);
	partial = chunk_at(test, base + len - 1);

	/* What it had is not touched, even where the new chunk has other bytes. */
	chunk = ndval_chunk_create(&ground->mem, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(chunk));
	memset(chunk->data, 0xa5, CHUNK);
	write_pattern(chunk->data + CHUNK - 1000, border - 1000, 1000);
	KUNIT_EXPECT_EQ(test, ndval_ring_fill(ring, &chunk), 0);
	KUNIT_EXPECT_NOT_NULL(test, chunk);
	KUNIT_EXPECT_PTR_EQ(test, chunk_at(test, base + len), partial);
	expect_window(test, base, border);

	KUNIT_EXPECT_EQ(test, fill(ground, &chunk), 0);
	KUNIT_EXPECT_NULL(test, chunk);
	expect_window(test, base, border + CHUNK);
}

static void store_wants_order(struct kunit *test)
{
	struct ground *ground = test->priv;
	u64 base = begin_chunk(test);

	KUNIT_EXPECT_EQ(test, store(ground, base + 1, 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, store(ground, base + CHUNK, 100), -ERANGE);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live);
	KUNIT_ASSERT_EQ(test, store(ground, base, 6000), 0);
	KUNIT_EXPECT_EQ(test, store(ground, base + 6001, 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, store(ground, base + 2 * CHUNK, 1), -ERANGE);

	/* Again, in part and as a whole; and some new ones with known ones. */
	KUNIT_EXPECT_EQ(test, store(ground, base, 6000), 0);
	KUNIT_EXPECT_EQ(test, store(ground, base + 100, 1), 0);
	KUNIT_EXPECT_EQ(test, store(ground, base + 4000, 2000), 0);
	expect_window(test, base, base + 6000);
	KUNIT_EXPECT_EQ(test, store(ground, base + 5999, 2), 0);
	KUNIT_EXPECT_EQ(test, store(ground, base, 7000), 0);
	expect_window(test, base, base + 7000);

	/* A piece lies in one chunk. Nothing of one that does not is taken. */
	write_pattern(ground->bytes, base + 7000, CHUNK);
	KUNIT_EXPECT_EQ(test, store_bytes(ground, base + 7000, ground->bytes, 1193),
			-ERANGE);
	expect_window(test, base, base + 7000);
	write_pattern(ground->bytes, base + 7000, CHUNK);
	KUNIT_EXPECT_EQ(test, store_bytes(ground, base + 7000, ground->bytes, 1192), 0);
	expect_window(test, base, base + 2 * CHUNK);
	KUNIT_EXPECT_EQ(test, store_bytes(ground, base + 2 * CHUNK, ground->bytes, 0), 0);
	expect_window(test, base, base + 2 * CHUNK);
}

/* Stores the stream's bytes with one of them, at @wrong, another one. */
static int store_wrong(struct ground *ground, u64 offset, size_t len, u64 wrong)
{
	write_pattern(ground->bytes, offset, len);
	ground->bytes[wrong - offset] ^= 1;
	return store_bytes(ground, offset, ground->bytes, len);
}

static void store_refuses_other_bytes(struct kunit *test)
{
	struct ground *ground = test->priv;
	u64 base = begin(test);
	u64 chunk = round_up(base, CHUNK);
	u64 head = chunk + CHUNK + 500;
	u64 last = head - 500;		/* where the head's chunk starts */

	KUNIT_ASSERT_EQ(test, store(ground, base, head - base), 0);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, chunk, CHUNK, chunk), -EBADMSG);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, chunk, CHUNK, last - 1), -EBADMSG);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, chunk + 5, 1, chunk + 5), -EBADMSG);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, last, 500, head - 1), -EBADMSG);

	/* The new ones that come along with a wrong one are not taken. */
	KUNIT_EXPECT_EQ(test, store_wrong(ground, last, 600, head - 1), -EBADMSG);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, last, CHUNK, last), -EBADMSG);
	expect_window(test, base, head);
	KUNIT_EXPECT_EQ(test, store(ground, last, CHUNK), 0);
	expect_window(test, base, last + CHUNK);
}

/* Bytes that left the window are known to nobody: any will do, but only those. */
static void store_ignores_what_left(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin_chunk(test);
	u64 tail = base + CHUNK + 1000;
	u64 head = base + 2 * CHUNK + 10;

	KUNIT_ASSERT_EQ(test, store(ground, base, head - base), 0);
	ndval_ring_advance(ring, tail, NULL);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base, CHUNK, base), 0);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base + CHUNK, 1000, tail - 1), 0);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base + CHUNK, CHUNK, tail - 1), 0);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base + CHUNK, CHUNK, tail), -EBADMSG);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base + CHUNK, 1001, tail), -EBADMSG);
	expect_window(test, tail, head);
	KUNIT_EXPECT_NULL(test, memchr_inv(chunk_at(test, tail)->data, 0, 1000));
}

/* A chunk is used where one is needed, and nowhere else. */
static void store_takes_a_spare_if_needed(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *spare = NULL, *unused;
	u64 base = begin_chunk(test);

	write_pattern(ground->bytes, base, CHUNK);
	KUNIT_EXPECT_EQ(test, ndval_ring_store(ring, base, ground->bytes, 10, &spare), -ENOENT);
	expect_window(test, base, base);
	spare = ndval_chunk_create(&ground->mem, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_FALSE(test, IS_ERR(spare));
	KUNIT_EXPECT_NULL(test, memchr_inv(spare->data, 0, CHUNK));
	unused = spare;
	KUNIT_EXPECT_EQ(test, ndval_ring_store(ring, base, ground->bytes, 10, &spare), 0);
	KUNIT_EXPECT_NULL(test, spare);
	KUNIT_EXPECT_PTR_EQ(test, chunk_at(test, base), unused);

	spare = ndval_chunk_create(&ground->mem, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_FALSE(test, IS_ERR(spare));
	unused = spare;
	KUNIT_EXPECT_EQ(test, ndval_ring_store(ring, base, ground->bytes, 20, &spare), 0);
	KUNIT_EXPECT_EQ(test, ndval_ring_store(ring, base, ground->bytes, 5, &spare), 0);
	KUNIT_EXPECT_PTR_EQ(test, spare, unused);
	expect_window(test, base, base + 20);
	ndval_chunk_put(spare);
}

/* Nothing can be had from a hole, all from around it. */
static void hole_is_not_read(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin(test);
	u64 hole = base + 5000, end = hole + 20000, head = end + 5000;
	size_t avail;

	KUNIT_ASSERT_EQ(test, store(ground, base, 5000), 0);
	ndval_ring_skip(ring, end);
	KUNIT_EXPECT_EQ(test, ndval_ring_span(ring), 5000);
	KUNIT_EXPECT_EQ(test, ring->head, end);
	KUNIT_ASSERT_EQ(test, store(ground, end, 5000), 0);
	KUNIT_EXPECT_EQ(test, ndval_ring_span(ring), 10000);
	KUNIT_EXPECT_EQ(test, ring->tail, base);

	KUNIT_EXPECT_EQ(test, readable(ground, base, 8 * CHUNK), 5000);
	KUNIT_EXPECT_EQ(test, readable(ground, hole - 1, 10), 1);
	KUNIT_EXPECT_EQ(test, readable(ground, hole, 10), 0);
	KUNIT_EXPECT_EQ(test, readable(ground, end - 1, 10), 0);
	KUNIT_EXPECT_EQ(test, readable(ground, end, 8 * CHUNK), 5000);
	ndval_chunk_put(get(test, hole - 1, 1));
	KUNIT_EXPECT_NULL(test, ndval_ring_get(ring, hole, &avail));
	KUNIT_EXPECT_NULL(test, ndval_ring_get(ring, end - 1, &avail));
	ndval_chunk_put(get(test, end, min(CHUNK - end % CHUNK, 5000ULL)));

	/* A tail before it leaves it; one in it jumps to its end. */
	ndval_ring_advance(ring, hole - 1, NULL);
	KUNIT_EXPECT_EQ(test, ring->tail, hole - 1);
	KUNIT_EXPECT_EQ(test, ndval_ring_span(ring), 5001);
	ndval_ring_advance(ring, hole, NULL);
	expect_window(test, end, head);
}

static void hole_is_jumped_over_by_the_tail(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin(test), end = base + 30000;

	KUNIT_ASSERT_EQ(test, store(ground, base, 100), 0);
	ndval_ring_skip(ring, end);
	KUNIT_ASSERT_EQ(test, store(ground, end, 9000), 0);
	ndval_ring_advance(ring, end - 1, NULL);
	expect_window(test, end, end + 9000);
	KUNIT_ASSERT_EQ(test, store(ground, end + 9000, 100), 0);
	expect_window(test, end, end + 9100);

	ndval_ring_skip(ring, end + 20000);
	KUNIT_ASSERT_EQ(test, store(ground, end + 20000, 100), 0);
	ndval_ring_advance(ring, end + 20050, NULL);
	expect_window(test, end + 20050, end + 20100);
	ndval_ring_advance(ring, U64_MAX, NULL);
	expect_window(test, end + 20100, end + 20100);
}

/* All in one chunk: what is behind the hole joins what is before it. */
static void hole_in_one_chunk(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin_chunk(test);

	KUNIT_ASSERT_EQ(test, store(ground, base, 100), 0);
	ndval_ring_skip(ring, base + 200);
	KUNIT_ASSERT_EQ(test, store(ground, base + 200, 100), 0);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live + 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(chunk_at(test, base)->data + 100, 0, 100));
	KUNIT_EXPECT_EQ(test, readable(ground, base, CHUNK), 100);
	KUNIT_EXPECT_EQ(test, readable(ground, base + 200, CHUNK), 100);

	/* What lies in it was never known; what lies around it is. */
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base + 100, 100, base + 150), 0);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base, 300, base + 100), 0);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base, 300, base + 199), 0);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base, 300, base + 99), -EBADMSG);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base, 300, base + 200), -EBADMSG);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base + 99, 2, base + 99), -EBADMSG);
	KUNIT_EXPECT_EQ(test, store_wrong(ground, base + 199, 2, base + 200), -EBADMSG);

	/* A primary's chunk ends it. */
	KUNIT_EXPECT_EQ(test, fill_many(ground, 1), 0);
	KUNIT_EXPECT_EQ(test, readable(ground, base, CHUNK), 100);
	KUNIT_EXPECT_EQ(test, readable(ground, base + 200, CHUNK), CHUNK - 200);
	ndval_ring_advance(ring, base + 100, NULL);
	expect_window(test, base + 200, base + CHUNK);
	KUNIT_EXPECT_NULL(test, memchr_inv(chunk_at(test, base + 200)->data, 0, 200));
}

static void second_hole_ends_the_first(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin(test);

	KUNIT_ASSERT_EQ(test, store(ground, base, 5000), 0);
	ndval_ring_skip(ring, base + 10000);
	KUNIT_ASSERT_EQ(test, store(ground, base + 10000, 5000), 0);
	ndval_ring_skip(ring, base + 20000);
	KUNIT_EXPECT_EQ(test, ring->tail, base + 10000);
	KUNIT_EXPECT_EQ(test, ndval_ring_span(ring), 5000);
	KUNIT_EXPECT_EQ(test, readable(ground, base + 10000, 8 * CHUNK), 5000);
	KUNIT_EXPECT_EQ(test, readable(ground, base, 8 * CHUNK), 0);
}

/* Nothing came between two skips: what is before the hole stays all the same. */
static void hole_grows(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin(test);

	KUNIT_ASSERT_EQ(test, store(ground, base, 5000), 0);
	ndval_ring_skip(ring, base + 10000);
	ndval_ring_skip(ring, base + 20000);
	KUNIT_EXPECT_EQ(test, ring->tail, base);
	KUNIT_EXPECT_EQ(test, ring->head, base + 20000);
	KUNIT_EXPECT_EQ(test, ndval_ring_span(ring), 5000);
	KUNIT_EXPECT_EQ(test, readable(ground, base, 8 * CHUNK), 5000);
	KUNIT_ASSERT_EQ(test, store(ground, base + 20000, 10), 0);
	KUNIT_EXPECT_EQ(test, readable(ground, base + 19999, 10), 0);
	ndval_ring_advance(ring, base + 5000, NULL);
	expect_window(test, base + 20000, base + 20010);
}

static void skip_of_an_empty_window_leaves_no_hole(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin(test);

	ndval_ring_skip(ring, base + 10000);
	expect_window(test, base + 10000, base + 10000);
	KUNIT_ASSERT_EQ(test, store(ground, base + 10000, 5000), 0);
	ndval_ring_advance(ring, base + 15000, NULL);
	ndval_ring_skip(ring, base + 30000);
	expect_window(test, base + 30000, base + 30000);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live);
}

/* [tail, to) is zero in its page, and nothing else. */
static void advance_wipes_what_leaves(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin_chunk(test);
	struct page *first, *second;
	u8 *data;

	KUNIT_ASSERT_EQ(test, fill_many(ground, 4), 0);
	first = hold_page(chunk_at(test, base));
	second = hold_page(chunk_at(test, base + CHUNK));
	data = page_address(first);

	ndval_ring_advance(ring, base + 1000, NULL);
	KUNIT_EXPECT_NULL(test, memchr_inv(data, 0, 1000));
	KUNIT_EXPECT_EQ(test, differs(data + 1000, base + 1000, CHUNK - 1000), CHUNK - 1000);
	ndval_ring_advance(ring, base + 1001, NULL);
	KUNIT_EXPECT_NULL(test, memchr_inv(data, 0, 1001));
	KUNIT_EXPECT_EQ(test, differs(data + 1001, base + 1001, CHUNK - 1001), CHUNK - 1001);
	expect_window(test, base + 1001, base + 4 * CHUNK);

	/* Back, or to where it is: nothing happens. */
	ndval_ring_advance(ring, base, NULL);
	ndval_ring_advance(ring, base + 1001, NULL);
	expect_window(test, base + 1001, base + 4 * CHUNK);

	ndval_ring_advance(ring, base + CHUNK, NULL);
	expect_wiped(test, first);
	expect_window(test, base + CHUNK, base + 4 * CHUNK);
	ndval_ring_advance(ring, base + 3 * CHUNK + 7, NULL);
	expect_wiped(test, second);
	data = chunk_at(test, base + 3 * CHUNK)->data;
	KUNIT_EXPECT_NULL(test, memchr_inv(data, 0, 7));
	expect_window(test, base + 3 * CHUNK + 7, base + 4 * CHUNK);

	/* No further than to the head. */
	ndval_ring_advance(ring, base + 9 * CHUNK, NULL);
	expect_window(test, base + 4 * CHUNK, base + 4 * CHUNK);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live);
}

/* One chunk that nobody reads is handed on as it is, the others are freed. */
static void advance_hands_on_a_chunk(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *reader, *recycled = NULL, *first;
	u64 base = begin_chunk(test);
	struct page *third;

	KUNIT_ASSERT_EQ(test, fill_many(ground, 5), 0);
	reader = get(test, base, CHUNK);
	third = hold_page(chunk_at(test, base + 2 * CHUNK));
	first = chunk_at(test, base + CHUNK);

	ndval_ring_advance(ring, base + 3 * CHUNK, &recycled);
	KUNIT_ASSERT_PTR_EQ(test, recycled, first);
	KUNIT_EXPECT_EQ(test, refcount_read(&recycled->ref), 1);
	KUNIT_EXPECT_NULL(test, memchr_inv(reader->data, 0, CHUNK));
	expect_wiped(test, third);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live + 4);

	/* There is one already: the next one is freed. */
	ndval_ring_advance(ring, base + 4 * CHUNK, &recycled);
	KUNIT_EXPECT_PTR_EQ(test, recycled, first);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live + 3);

	KUNIT_EXPECT_EQ(test, fill(ground, &recycled), 0);
	KUNIT_EXPECT_NULL(test, recycled);
	KUNIT_EXPECT_PTR_EQ(test, chunk_at(test, base + 5 * CHUNK), first);
	expect_window(test, base + 4 * CHUNK, base + 6 * CHUNK);
	ndval_chunk_put(reader);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live + 2);
}

static void reset_throws_all_away(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin(test);
	struct page *page;

	KUNIT_ASSERT_EQ(test, store(ground, base, 9000), 0);
	ndval_ring_skip(ring, base + 20000);
	KUNIT_ASSERT_EQ(test, store(ground, base + 20000, 100), 0);
	page = hold_page(chunk_at(test, base + 20000));
	ndval_ring_reset(ring, base + 20000);
	expect_wiped(test, page);
	expect_window(test, base + 20000, base + 20000);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&ground->mem), 0);

	/* It goes on there, or further back: as a truncated stream does. */
	KUNIT_ASSERT_EQ(test, store(ground, base + 20000, 100), 0);
	ndval_ring_reset(ring, base + 1);
	KUNIT_ASSERT_EQ(test, store(ground, base + 1, 5000), 0);
	expect_window(test, base + 1, base + 5001);
}

/* What is beyond the new head is gone and wiped, what is before it as it was. */
static void truncate_wipes_what_is_beyond(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin_chunk(test);
	struct page *third, *fourth;
	u8 *data;

	KUNIT_ASSERT_EQ(test, fill_many(ground, 4), 0);
	third = hold_page(chunk_at(test, base + 2 * CHUNK));
	fourth = hold_page(chunk_at(test, base + 3 * CHUNK));
	data = page_address(third);

	/* Beyond the head, or where it is: nothing happens. */
	ndval_ring_truncate(ring, base + 9 * CHUNK);
	ndval_ring_truncate(ring, base + 4 * CHUNK);
	expect_window(test, base, base + 4 * CHUNK);

	ndval_ring_truncate(ring, base + 2 * CHUNK + 1000);
	expect_wiped(test, fourth);
	KUNIT_EXPECT_NULL(test, memchr_inv(data + 1000, 0, CHUNK - 1000));
	expect_window(test, base, base + 2 * CHUNK + 1000);
	ndval_ring_truncate(ring, base + 2 * CHUNK);
	expect_wiped(test, third);
	expect_window(test, base, base + 2 * CHUNK);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live + 2);

	/* Other bytes may come there. */
	KUNIT_ASSERT_EQ(test, store(ground, base + 2 * CHUNK, 100), 0);
	expect_window(test, base, base + 2 * CHUNK + 100);

	/* All of the window: it stands where it was told to, also further back. */
	ndval_ring_truncate(ring, base);
	expect_window(test, base, base);
	KUNIT_ASSERT_EQ(test, store(ground, base, 5000), 0);
	ndval_ring_advance(ring, base + 4500, NULL);
	ndval_ring_truncate(ring, base + 7);
	expect_window(test, base + 7, base + 7);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live);
}

static void truncate_cuts_a_hole(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin(test);

	KUNIT_ASSERT_EQ(test, store(ground, base, 1000), 0);
	ndval_ring_skip(ring, base + 20000);
	KUNIT_ASSERT_EQ(test, store(ground, base + 20000, 500), 0);

	/* Behind it. */
	ndval_ring_truncate(ring, base + 20100);
	KUNIT_EXPECT_EQ(test, ring->head, base + 20100);
	KUNIT_EXPECT_EQ(test, ndval_ring_span(ring), 1100);
	KUNIT_EXPECT_EQ(test, readable(ground, base + 20000, 500), 100);

	/* Inside it: what was never obtained is still no part of the window. */
	ndval_ring_truncate(ring, base + 15000);
	KUNIT_EXPECT_EQ(test, ring->head, base + 15000);
	KUNIT_EXPECT_EQ(test, ndval_ring_span(ring), 1000);
	KUNIT_EXPECT_EQ(test, readable(ground, base, 5000), 1000);
	KUNIT_ASSERT_EQ(test, store(ground, base + 15000, 10), 0);
	KUNIT_EXPECT_EQ(test, readable(ground, base + 15000, 500), 10);

	/* Before it. */
	ndval_ring_truncate(ring, base + 900);
	expect_window(test, base, base + 900);
}

/* Bytes at the start of a chunk that never were in the window. */
static void window_may_begin_inside_a_chunk(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin_chunk(test);

	ndval_ring_reset(ring, base + 100);
	KUNIT_ASSERT_EQ(test, store(ground, base + 100, 100), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(chunk_at(test, base)->data, 0, 100));
	expect_window(test, base + 100, base + 200);
	ndval_ring_advance(ring, base + 150, NULL);
	expect_window(test, base + 150, base + 200);

	ndval_ring_reset(ring, base + 4000);
	KUNIT_ASSERT_EQ(test, fill_many(ground, 2), 0);
	expect_window(test, base + 4000, base + 2 * CHUNK);
}

enum end { ADVANCE, RESET, TRUNCATE, DESTROY };

static const struct ending {
	const char	*shown;
	enum end	end;
} endings[] = {
	{ "advance", ADVANCE },
	{ "reset", RESET },
	{ "truncate", TRUNCATE },
	{ "destroy", DESTROY },
};

KUNIT_ARRAY_PARAM_DESC(ending, endings, shown);

/* A reader's chunk is wiped at once, and freed when the reader lets go. */
static void reader_outlives(struct kunit *test)
{
	const struct ending *ending = test->param_value;
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *one, *other, *last;
	struct page *page;

	ndval_ring_reset(ring, 0);
	KUNIT_ASSERT_EQ(test, fill_many(ground, 3), 0);
	one = get(test, 0, CHUNK);
	other = get(test, 4000, CHUNK - 4000);
	last = get(test, 2 * CHUNK + 1, CHUNK - 1);
	KUNIT_EXPECT_PTR_EQ(test, one, other);
	KUNIT_EXPECT_EQ(test, refcount_read(&one->ref), 3);
	KUNIT_EXPECT_EQ(test, differs(one->data, 0, CHUNK), CHUNK);
	page = hold_page(one);

	switch (ending->end) {
	case ADVANCE:
		ndval_ring_advance(ring, 3 * CHUNK, NULL);
		break;
	case RESET:
		ndval_ring_reset(ring, 0);
		break;
	case TRUNCATE:
		ndval_ring_truncate(ring, 0);
		break;
	case DESTROY:
		ndval_ring_destroy(ring);
		ndval_ring_init(ring, &ground->mem);
		break;
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(one->data, 0, CHUNK));
	KUNIT_EXPECT_NULL(test, memchr_inv(last->data, 0, CHUNK));
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live + 2);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&ground->mem), 2 * NDVAL_CHUNK_COST);

	/* Fresh bytes in the same place are another chunk's. */
	if (ending->end != ADVANCE) {
		KUNIT_EXPECT_EQ(test, fill_many(ground, 1), 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(one->data, 0, CHUNK));
		ndval_ring_reset(ring, 0);
	}
	ndval_chunk_put(one);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live + 2);
	ndval_chunk_put(other);
	expect_wiped(test, page);
	ndval_chunk_put(last);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live);
}

/* The last to let go wipes, also what nobody else did. */
static void last_reference_wipes(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_chunk *chunk = ndval_chunk_create(&ground->mem, GFP_KERNEL);
	struct page *page;

	KUNIT_ASSERT_FALSE(test, IS_ERR(chunk));
	memset(chunk->data, 0xa5, CHUNK);
	page = hold_page(chunk);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&ground->mem), NDVAL_CHUNK_COST);
	ndval_chunk_put(chunk);
	expect_wiped(test, page);
	ndval_chunk_put(NULL);
}

static const struct span {
	const char	*shown;
	u64		from;
	size_t		len;
	size_t		got;
} spans[] = {
	{ "nothing", 100, 0, 0 },
	{ "one byte", 100, 1, 1 },
	{ "a chunk", 4096, 4096, 4096 },
	{ "last byte of a chunk", 4095, 1, 1 },
	{ "over one border", 4095, 2, 2 },
	{ "over two borders", 4000, 5000, 5000 },
	{ "over all borders", 1, 13999, 13999 },
	{ "all", 0, 14000, 14000 },
	{ "more than all", 0, 30000, 14000 },
	{ "to the head", 13999, 1, 1 },
	{ "over the head", 13999, 2, 1 },
	{ "at the head", 14000, 10, 0 },
	{ "beyond the head", 16000, 10, 0 },
	{ "far beyond the head", BIT_ULL(44), 10, 0 },
};

KUNIT_ARRAY_PARAM_DESC(span, spans, shown);

static void copy_is_cut_at_the_head_only(struct kunit *test)
{
	const struct span *span = test->param_value;
	struct ground *ground = test->priv;

	ndval_ring_reset(&ground->ring, 0);
	KUNIT_ASSERT_EQ(test, store(ground, 0, 14000), 0);
	memset(ground->bytes, 0xa5, sizeof(ground->bytes));
	KUNIT_EXPECT_EQ(test, ndval_ring_copy(&ground->ring, span->from, ground->bytes,
					      span->len), span->got);
	KUNIT_EXPECT_EQ(test, differs(ground->bytes, span->from, span->got), span->got);
	KUNIT_EXPECT_NULL(test, memchr_inv(ground->bytes + span->got, 0xa5,
					   sizeof(ground->bytes) - span->got));
}

static void get_ends_with_chunk_and_head(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *chunk;
	size_t avail = 1;
	u64 base = begin_chunk(test);

	KUNIT_EXPECT_NULL(test, ndval_ring_get(ring, base, &avail));
	KUNIT_EXPECT_EQ(test, avail, 0);
	KUNIT_ASSERT_EQ(test, store(ground, base, CHUNK + 10), 0);
	chunk = get(test, base, CHUNK);
	KUNIT_EXPECT_PTR_EQ(test, chunk, chunk_at(test, base));
	ndval_chunk_put(chunk);
	ndval_chunk_put(get(test, base + CHUNK - 1, 1));
	ndval_chunk_put(get(test, base + CHUNK, 10));
	ndval_chunk_put(get(test, base + CHUNK + 9, 1));
	KUNIT_EXPECT_EQ(test, refcount_read(&chunk->ref), 1);

	/* A reader stays in its chunk while the head moves on in it. */
	chunk = get(test, base + CHUNK, 10);
	KUNIT_ASSERT_EQ(test, store(ground, base + CHUNK + 10, 500), 0);
	KUNIT_EXPECT_EQ(test, differs(chunk->data, base + CHUNK, 510), 510);
	ndval_chunk_put(get(test, base + CHUNK, 510));
	ndval_chunk_put(chunk);
}

/* Offsets end before 2^63, and nothing is half-done there. */
static void offsets_end(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *chunk = NULL, *kept;
	u64 last = NDVAL_OFFSET_MAX - CHUNK;

	ndval_ring_reset(ring, last - CHUNK);
	KUNIT_ASSERT_EQ(test, fill_many(ground, 1), 0);
	expect_window(test, last - CHUNK, last);
	KUNIT_EXPECT_EQ(test, fill(ground, &chunk), -EOVERFLOW);
	KUNIT_ASSERT_NOT_NULL(test, chunk);
	kept = chunk;
	KUNIT_EXPECT_EQ(test, fill(ground, &chunk), -EOVERFLOW);
	KUNIT_EXPECT_PTR_EQ(test, chunk, kept);
	ndval_chunk_put(chunk);
	expect_window(test, last - CHUNK, last);

	KUNIT_EXPECT_EQ(test, store(ground, last, CHUNK), -ERANGE);
	KUNIT_EXPECT_EQ(test, store(ground, last, CHUNK - 1), 0);
	KUNIT_EXPECT_EQ(test, store(ground, NDVAL_OFFSET_MAX - 1, 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, store(ground, NDVAL_OFFSET_MAX, 1), -ERANGE);
	KUNIT_EXPECT_EQ(test, store(ground, U64_MAX, 1), -ERANGE);
	expect_window(test, last - CHUNK, NDVAL_OFFSET_MAX - 1);
	KUNIT_EXPECT_EQ(test, fill_many(ground, 1), -EOVERFLOW);
	ndval_ring_advance(ring, U64_MAX, NULL);
	expect_window(test, NDVAL_OFFSET_MAX - 1, NDVAL_OFFSET_MAX - 1);
}

/* A limit that is reached in the middle costs nothing and is no end. */
static void memory_max_stops_a_store(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin_chunk(test);

	ground->mem.max = 3 * NDVAL_CHUNK_COST + 100;
	KUNIT_EXPECT_EQ(test, store(ground, base, 5 * CHUNK), -ENOMEM);
	expect_window(test, base, base + 3 * CHUNK);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&ground->mem), 3 * NDVAL_CHUNK_COST);
	KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live + 3);
	KUNIT_EXPECT_EQ(test, fill_many(ground, 1), -ENOMEM);
	expect_window(test, base, base + 3 * CHUNK);

	ndval_ring_advance(ring, base + CHUNK - 1, NULL);
	KUNIT_EXPECT_EQ(test, store(ground, base + 3 * CHUNK, 1), -ENOMEM);
	ndval_ring_advance(ring, base + CHUNK, NULL);
	KUNIT_EXPECT_EQ(test, store(ground, base + 3 * CHUNK, 1), 0);
	expect_window(test, base + CHUNK, base + 3 * CHUNK + 1);
	KUNIT_EXPECT_EQ(test, store(ground, base + 3 * CHUNK + 1, CHUNK), -ENOMEM);
	expect_window(test, base + CHUNK, base + 4 * CHUNK);
	ground->mem.max = 4 * NDVAL_CHUNK_COST;
	KUNIT_EXPECT_EQ(test, store(ground, base + 4 * CHUNK, 1), 0);
}

static void total_max_stops_a_fill(struct kunit *test)
{
	struct ground *ground = test->priv;
	u64 base = begin_chunk(test);

	ndval_mem_set_total_max(ndval_mem_total() + 2 * NDVAL_CHUNK_COST);
	KUNIT_EXPECT_EQ(test, fill_many(ground, 3), -ENOMEM);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&ground->mem), 2 * NDVAL_CHUNK_COST);
	expect_window(test, base, base + 2 * CHUNK);
}

/* A place that was reserved and is not used is nothing. */
static void reservation_is_nothing(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	u64 base = begin(test);
	int i;

	for (i = 0; i < 5; i++)
		KUNIT_ASSERT_EQ(test, ndval_ring_reserve(ring, base + i * CHUNK, GFP_KERNEL), 0);
	KUNIT_ASSERT_EQ(test, ndval_ring_reserve(ring, base, GFP_KERNEL), 0);
	expect_window(test, base, base);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&ground->mem), 0);
	KUNIT_ASSERT_EQ(test, store(ground, base, 100), 0);
	expect_window(test, base, base + 100);
	KUNIT_ASSERT_EQ(test, ndval_ring_reserve(ring, base, GFP_KERNEL), 0);
	expect_window(test, base, base + 100);
	ndval_ring_advance(ring, base + 100, NULL);
	ndval_ring_reset(ring, base);
	expect_window(test, base, base);
}

#ifdef CONFIG_FAULT_INJECTION

static void chunk_that_cannot_be_had_leaves_nothing(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_chunk *chunk;
	int nth = 0;

	for (;;) {
		current->fail_nth = ++nth;
		chunk = ndval_chunk_create(&ground->mem, GFP_NOWAIT);
		if (current->fail_nth)
			break;
		/* What else the kernel allocates for itself may well fail. */
		if (!IS_ERR(chunk)) {
			ndval_chunk_put(chunk);
			continue;
		}
		KUNIT_EXPECT_EQ(test, PTR_ERR(chunk), -EAGAIN);
		KUNIT_EXPECT_EQ(test, ndval_chunks_live(), ground->live);
		KUNIT_EXPECT_EQ(test, ndval_mem_used(&ground->mem), 0);
	}
	current->fail_nth = 0;
	/* The structure, and the page. */
	KUNIT_EXPECT_GT(test, nth, 2);
	KUNIT_ASSERT_FALSE(test, IS_ERR(chunk));
	ndval_chunk_put(chunk);
}

/* Chunk 1 of an empty ring has its place in a node, which has to be allocated. */
static void place_that_cannot_be_had_leaves_nothing(struct kunit *test)
{
	struct ground *ground = test->priv;
	struct ndval_ring *ring = &ground->ring;
	struct ndval_chunk *chunk, *kept;
	int reserved, stored, filled;

	ndval_ring_reset(ring, CHUNK);
	chunk = ndval_chunk_create(&ground->mem, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_FALSE(test, IS_ERR(chunk));
	kept = chunk;
	write_pattern(ground->bytes, CHUNK, CHUNK);

	current->make_it_fail = 1;
	reserved = ndval_ring_reserve(ring, CHUNK, GFP_NOWAIT);
	stored = ndval_ring_store(ring, CHUNK, ground->bytes, 100, &chunk);
	filled = ndval_ring_fill(ring, &chunk);
	current->make_it_fail = 0;
	KUNIT_EXPECT_EQ(test, reserved, -EAGAIN);
	KUNIT_EXPECT_EQ(test, stored, -ENOMEM);
	KUNIT_EXPECT_EQ(test, filled, -ENOMEM);
	KUNIT_ASSERT_PTR_EQ(test, chunk, kept);
	expect_window(test, CHUNK, CHUNK);

	/* Where it is reserved, nothing is allocated any more. */
	KUNIT_ASSERT_EQ(test, ndval_ring_reserve(ring, CHUNK, GFP_KERNEL), 0);
	write_pattern(ground->bytes, CHUNK, CHUNK);
	current->make_it_fail = 1;
	stored = ndval_ring_store(ring, CHUNK, ground->bytes, 100, &chunk);
	current->make_it_fail = 0;
	KUNIT_EXPECT_EQ(test, stored, 0);
	expect_window(test, CHUNK, CHUNK + 100);
}

#endif /* CONFIG_FAULT_INJECTION */

static struct kunit_case ring_cases[] = {
	KUNIT_CASE(ring_starts_empty_at_0),
	KUNIT_CASE_PARAM(window_wraps_by_fill, base_gen_params),
	KUNIT_CASE_PARAM(window_wraps_by_store, base_gen_params),
	KUNIT_CASE_PARAM(fill_completes_a_chunk, base_gen_params),
	KUNIT_CASE_PARAM(store_wants_order, base_gen_params),
	KUNIT_CASE_PARAM(store_refuses_other_bytes, base_gen_params),
	KUNIT_CASE_PARAM(store_ignores_what_left, base_gen_params),
	KUNIT_CASE_PARAM(store_takes_a_spare_if_needed, base_gen_params),
	KUNIT_CASE_PARAM(hole_is_not_read, base_gen_params),
	KUNIT_CASE_PARAM(hole_is_jumped_over_by_the_tail, base_gen_params),
	KUNIT_CASE_PARAM(hole_in_one_chunk, base_gen_params),
	KUNIT_CASE_PARAM(second_hole_ends_the_first, base_gen_params),
	KUNIT_CASE_PARAM(hole_grows, base_gen_params),
	KUNIT_CASE_PARAM(skip_of_an_empty_window_leaves_no_hole, base_gen_params),
	KUNIT_CASE_PARAM(advance_wipes_what_leaves, base_gen_params),
	KUNIT_CASE_PARAM(advance_hands_on_a_chunk, base_gen_params),
	KUNIT_CASE_PARAM(reset_throws_all_away, base_gen_params),
	KUNIT_CASE_PARAM(truncate_wipes_what_is_beyond, base_gen_params),
	KUNIT_CASE_PARAM(truncate_cuts_a_hole, base_gen_params),
	KUNIT_CASE_PARAM(window_may_begin_inside_a_chunk, base_gen_params),
	KUNIT_CASE_PARAM(get_ends_with_chunk_and_head, base_gen_params),
	KUNIT_CASE_PARAM(memory_max_stops_a_store, base_gen_params),
	KUNIT_CASE_PARAM(total_max_stops_a_fill, base_gen_params),
	KUNIT_CASE_PARAM(reservation_is_nothing, base_gen_params),
	KUNIT_CASE_PARAM(reader_outlives, ending_gen_params),
	KUNIT_CASE_PARAM(copy_is_cut_at_the_head_only, span_gen_params),
	KUNIT_CASE(last_reference_wipes),
	KUNIT_CASE(offsets_end),
#ifdef CONFIG_FAULT_INJECTION
	KUNIT_CASE(chunk_that_cannot_be_had_leaves_nothing),
	KUNIT_CASE(place_that_cannot_be_had_leaves_nothing),
#endif
	{}
};

static struct kunit_suite ring_suite = {
	.name		= "ndval_ring",
	.init		= ring_test_init,
	.exit		= ring_test_exit,
	.test_cases	= ring_cases,
};

kunit_test_suite(ring_suite);
