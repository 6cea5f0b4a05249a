// SPDX-License-Identifier: GPL-2.0-only
/* Memory of messages, in one piece and in many: what sockets are given of it, and wiping. */
#include "../../driver/buffer.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/vmalloc.h>

#define SIZE	NDVAL_BUFFER_SIZE

/* Bytes of a pattern that differ from those a page before. */
static u8 pattern(size_t at)
{
	return 1 + at % 251;
}

static const struct shape {
	const char	*shown;
	bool		pieces;
} shapes[] = {
	{ "one piece", false },
	{ "pages", true },
};

KUNIT_ARRAY_PARAM_DESC(shape, shapes, shown);

static int buffer_test_init(struct kunit *test)
{
	test->priv = kunit_kzalloc(test, sizeof(struct ndval_buffer), GFP_KERNEL);
	return test->priv ? 0 : -ENOMEM;
}

static void buffer_test_exit(struct kunit *test)
{
	if (test->priv)
		ndval_buffer_destroy(test->priv);
}

static struct ndval_buffer *make(struct kunit *test)
{
	const struct shape *shape = test->param_value;
	struct ndval_buffer *buffer = test->priv;

	buffer->data = shape->pieces ? vmalloc(SIZE) : kmalloc(SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, buffer->data);
	find_pages(buffer);
	KUNIT_EXPECT_EQ(test, buffer->n, shape->pieces ? SIZE / PAGE_SIZE : 1);
	return buffer;
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
	struct ndval_buffer *buffer = make(test);
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
	struct ndval_buffer *buffer = make(test);
	struct iov_iter iter;
	int i;

	memset(buffer->data, 0, SIZE);
	for (i = 0; i < ARRAY_SIZE(pieces); i++) {
		KUNIT_EXPECT_EQ(test, buffer->used, 0);
		ndval_buffer_iter(buffer, &iter, ITER_DEST, pieces[i].from, pieces[i].len);
		memset(buffer->data + pieces[i].from, 0xa5, pieces[i].len);
		ndval_buffer_iter(buffer, &iter, ITER_DEST, 0, 16);
		memset(buffer->data, 0xa5, 16);
		ndval_buffer_wipe(buffer);
		KUNIT_EXPECT_NULL(test, memchr_inv(buffer->data, 0, SIZE));
	}
}

/* No more than was used is touched. */
static void what_was_not_used_is_not_wiped(struct kunit *test)
{
	struct ndval_buffer *buffer = make(test);
	struct iov_iter iter;

	memset(buffer->data, 0xa5, SIZE);
	ndval_buffer_wipe(buffer);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer->data, 0xa5, SIZE));
	ndval_buffer_iter(buffer, &iter, ITER_SOURCE, 0, 100);
	ndval_buffer_wipe(buffer);
	KUNIT_EXPECT_NULL(test, memchr_inv(buffer->data + 100, 0xa5, SIZE - 100));
}

static struct kunit_case buffer_cases[] = {
	KUNIT_CASE_PARAM(piece_is_read_and_written, shape_gen_params),
	KUNIT_CASE_PARAM(what_was_used_is_wiped, shape_gen_params),
	KUNIT_CASE_PARAM(what_was_not_used_is_not_wiped, shape_gen_params),
	{}
};

static struct kunit_suite buffer_suite = {
	.name		= "ndval_buffer",
	.init		= buffer_test_init,
	.exit		= buffer_test_exit,
	.test_cases	= buffer_cases,
};

kunit_test_suite(buffer_suite);
