// SPDX-License-Identifier: GPL-2.0-only
/* Names of pairs, members and streams. */
#include "../../driver/name.c"

#include <kunit/test.h>

#define TEN		"0123456789"
#define LONGEST		TEN TEN TEN TEN TEN TEN "123"

static const struct sample {
	const char	*name;
	const char	*shown;
	bool		pair;
	bool		stream;
} samples[] = {
	{ "", "empty", false, false },
	{ "a", "a", true, true },
	{ "default", "default", true, true },
	{ "A-Z_a.z-0.9", "A-Z_a.z-0.9", true, true },
	{ "a.", "dot at the end", true, true },
	{ "a..", "two dots at the end", true, true },
	{ "-", "dash", true, true },
	{ "_", "underscore", true, true },
	{ ".", "dot", false, false },
	{ "..", "two dots", false, false },
	{ ".a", "dot in front", false, false },
	{ "/", "slash", false, false },
	{ "/a", "slash in front", false, false },
	{ "a/b", "slash inside", false, true },
	{ "a/", "slash at the end", false, true },
	{ "a/../b", "dots between slashes", false, true },
	{ ":", "colon", false, true },
	{ "worker:1", "colon inside", false, true },
	{ "a b", "space", false, false },
	{ "a\n", "newline", false, false },
	{ LONGEST, "63 bytes", true, true },
	{ LONGEST "4", "64 bytes", false, false },
	{ LONGEST LONGEST, "126 bytes", false, false },
};

KUNIT_ARRAY_PARAM_DESC(sample, samples, shown);

static void sample_is_accepted_or_not(struct kunit *test)
{
	const struct sample *sample = test->param_value;

	KUNIT_EXPECT_EQ(test, !ndval_name_check(sample->name), sample->pair);
	KUNIT_EXPECT_EQ(test, !ndval_name_check_stream(sample->name), sample->stream);
}

/* Each byte, by a list of its own, as the first one and behind another. */
static void every_byte_is_accepted_or_not(struct kunit *test)
{
	static const char inside[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	char first[2] = "", second[3] = "a";
	int byte;

	for (byte = 1; byte < 256; byte++) {
		bool pair = strchr(inside, byte);
		bool stream = pair || byte == ':' || byte == '/';

		first[0] = byte;
		second[1] = byte;
		KUNIT_EXPECT_EQ_MSG(test, !ndval_name_check(second), pair,
				    "byte %d", byte);
		KUNIT_EXPECT_EQ_MSG(test, !ndval_name_check_stream(second), stream,
				    "byte %d", byte);
		KUNIT_EXPECT_EQ_MSG(test, !ndval_name_check(first),
				    pair && byte != '.', "byte %d", byte);
		KUNIT_EXPECT_EQ_MSG(test, !ndval_name_check_stream(first),
				    stream && byte != '.' && byte != '/', "byte %d", byte);
	}
}

static void refusal_says_why(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, ndval_name_check(""), "a name must not be empty");
	KUNIT_EXPECT_STREQ(test, ndval_name_check(LONGEST "4"),
			   "a name has at most 63 bytes");
	KUNIT_EXPECT_STREQ(test, ndval_name_check(".a"),
			   "a name must not start with . or /");
	KUNIT_EXPECT_STREQ(test, ndval_name_check("a:b"),
			   "a name has letters, digits and . _ - (a stream's also : /)");
}

static struct kunit_case name_cases[] = {
	KUNIT_CASE_PARAM(sample_is_accepted_or_not, sample_gen_params),
	KUNIT_CASE(every_byte_is_accepted_or_not),
	KUNIT_CASE(refusal_says_why),
	{}
};

static struct kunit_suite name_suite = {
	.name		= "ndval_name",
	.test_cases	= name_cases,
};

kunit_test_suite(name_suite);
