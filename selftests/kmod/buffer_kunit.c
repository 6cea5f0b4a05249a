// SPDX-License-Identifier: GPL-2.0-only
/* Memory of messages: what sockets are given of it, and wiping. */
#include "../../driver/buffer.c"

#include <kunit/test.h>
#include <linux/module.h>

#define SIZE	NDVAL_BUFFER_SIZE

/* Bytes of a pattern that differ from those a page before. */
static u8 pattern(size_t at)
{
	return 1 + at % 251;
}

static int buffer_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct ndval_buffer), GFP_KERNEL);
	return test->priv ? ndval_buffer_init(test->priv) : -ENOMEM;
}

static void buffer_test_exit(struct kunit *test)
{
	if (test->priv)
		ndval_buffer_destroy(test->priv);
}

static const struct {
	size_t from;
	size_t len;
} pieces[] = {
	{ 0, 16 }, { 16, 4 }, { 16, 1 }, { 0, 4096 }, { 4095, 2 }, { 4096, 4096 },
	{ 16, 61700 }, { 0, SIZE }, { SIZE - 1, 1 }, { 12287, 20000 },
};

/* A piece is just that, whichever way it goes. */
static void piece_is_read_and_written(struct kunit *test)
{
	struct ndval_buffer *buffer = test->priv;
	u8 *bytes = kunit_kzalloc(test, SIZE, GFP_KERNEL);
	struct iov_iter iter;
	size_t at;
	int i;

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t from = pieces[i].from, len = pieces[i].len, wrong = 0;

		memset(buffer->data, 0, SIZE);
		for (at = 0; at < len; at++)
			bytes[at] = pattern(at);
		ndval_buffer_iter(buffer, &iter, ITER_DEST, from, len);
		KUNIT_EXPECT_EQ(test, iov_iter_count(&iter), len);
		KUNIT_EXPECT_EQ(test, copy_to_iter(bytes, SIZE, &iter), len);
		for (at = 0; at < SIZE; at++)
			wrong += buffer->data[at] !=
				 (at >= from && at < from + len ? pattern(at - from) : 0);
		KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "written, number %d", i);

		memset(bytes, 0, SIZE);
		ndval_buffer_iter(buffer, &iter, ITER_SOURCE, from, len);
		KUNIT_EXPECT_EQ(test, copy_from_iter(bytes, SIZE, &iter), len);
		for (at = 0; at < len; at++)
			wrong += bytes[at] != pattern(at);
		KUNIT_EXPECT_EQ_MSG(test, wrong, 0, "read, number %d", i);
	}
}

/* Nothing of what was used since the last time is left, however short the last was. */
static void what_was_used_is_wiped(struct kunit *test)
{
	struct ndval_buffer *buffer = test->priv;
	int i;

	memset(buffer->data, 0, SIZE);
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		size_t end = pieces[i].from + pieces[i].len;

		memset(buffer->data + pieces[i].from, 0xa5, pieces[i].len);
		ndval_buffer_note(buffer, end);
		memset(buffer->data, 0xa5, 16);
		ndval_buffer_note(buffer, 16);
		ndval_buffer_wipe(buffer, 16);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer->data, 0xa5, 16));
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer->data + 16, 0, SIZE - 16));
		KUNIT_EXPECT_EQ(test, buffer->used, 16);
		ndval_buffer_wipe(buffer, 0);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer->data, 0, SIZE));
		KUNIT_EXPECT_EQ(test, buffer->used, 0);
	}
}

/* No more than was used is touched. */
static void what_was_not_used_is_not_wiped(struct kunit *test)
{
	struct ndval_buffer *buffer = test->priv;

	memset(buffer->data, 0xa5, SIZE);
	ndval_buffer_wipe(buffer, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer->data, 0xa5, SIZE));
	ndval_buffer_note(buffer, 100);
	ndval_buffer_wipe(buffer, 100);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer->data, 0xa5, SIZE));
	ndval_buffer_wipe(buffer, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer->data + 100, 0xa5, SIZE - 100));
}

static struct kunit_case buffer_cases[] = {
	KUNIT_CASE(piece_is_read_and_written),
	KUNIT_CASE(what_was_used_is_wiped),
	KUNIT_CASE(what_was_not_used_is_not_wiped),
	{}
};

static struct kunit_suite buffer_suite = {
	.name		= "ndval_buffer",
	.init		= buffer_test_init,
	.exit		= buffer_test_exit,
	.test_cases	= buffer_cases,
};

kunit_test_suite(buffer_suite);
