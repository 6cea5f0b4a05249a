// SPDX-License-Identifier: GPL-2.0-only
/* Accounts: limits of a pair and of the module, nothing half-charged. */
#include "../../driver/mem.c"

#include <kunit/test.h>
#include <linux/module.h>
#include <linux/sizes.h>

struct accounts {
	struct ndval_mem one;
	struct ndval_mem other;
};

static int mem_test_init(struct kunit *test)
{
	struct accounts *accounts = kunit_kzalloc(test, sizeof(*accounts), GFP_KERNEL);

	if (!accounts)
		return -ENOMEM;
	ndval_mem_set_total_max(S64_MAX);
	accounts->one.max = 100;
	accounts->other.max = 100;
	test->priv = accounts;
	return 0;
}

/* The module's account is as every test found it. */
static void mem_test_exit(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ndval_mem_total(), 0);
	atomic64_set(&ndval_total.used, 0);
}

static void is_charged_up_to_its_limit(struct kunit *test)
{
	struct accounts *accounts = test->priv;
	struct ndval_mem *one = &accounts->one;

	KUNIT_EXPECT_EQ(test, ndval_mem_used(one), 0);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 60), 0);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 41), -ENOMEM);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(one), 60);
	KUNIT_EXPECT_EQ(test, ndval_mem_total(), 60);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 40), 0);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 0), 0);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(one), 100);
	ndval_mem_uncharge(one, 1);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 1), 0);
	ndval_mem_uncharge(one, 100);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(one), 0);
}

static void shares_the_limit_of_the_module(struct kunit *test)
{
	struct accounts *accounts = test->priv;

	ndval_mem_set_total_max(100);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(&accounts->one, 60), 0);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(&accounts->other, 41), -ENOMEM);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&accounts->other), 0);
	KUNIT_EXPECT_EQ(test, ndval_mem_total(), 60);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(&accounts->other, 40), 0);
	KUNIT_EXPECT_EQ(test, ndval_mem_total(), 100);
	ndval_mem_uncharge(&accounts->one, 60);
	KUNIT_EXPECT_EQ(test, ndval_mem_total(), 40);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(&accounts->other, 60), 0);
	KUNIT_EXPECT_EQ(test, ndval_mem_used(&accounts->other), 100);
	ndval_mem_uncharge(&accounts->other, 100);
}

/* As when memory_max is lowered while more is in use. */
static void may_stand_above_a_limit_that_sank(struct kunit *test)
{
	struct accounts *accounts = test->priv;
	struct ndval_mem *one = &accounts->one;

	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 100), 0);
	one->max = 50;
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 1), -ENOMEM);
	ndval_mem_uncharge(one, 50);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 1), -ENOMEM);
	ndval_mem_uncharge(one, 1);
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(one, 1), 0);
	ndval_mem_uncharge(one, 50);
}

/* total_max is a parameter and may be any number. */
static void may_have_the_highest_limit(struct kunit *test)
{
	struct accounts *accounts = test->priv;

	ndval_mem_set_total_max(U64_MAX);
	accounts->one.max = U64_MAX;
	KUNIT_EXPECT_EQ(test, ndval_mem_charge(&accounts->one, SZ_1G), 0);
	KUNIT_EXPECT_EQ(test, ndval_mem_total(), SZ_1G);
	ndval_mem_uncharge(&accounts->one, SZ_1G);
}

static void failure_says_if_sleeping_may_help(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, ndval_mem_error(GFP_KERNEL), -ENOMEM);
	KUNIT_EXPECT_EQ(test, ndval_mem_error(GFP_KERNEL | __GFP_ZERO), -ENOMEM);
	KUNIT_EXPECT_EQ(test, ndval_mem_error(GFP_NOWAIT), -EAGAIN);
	KUNIT_EXPECT_EQ(test, ndval_mem_error(GFP_ATOMIC), -EAGAIN);
}

static struct kunit_case mem_cases[] = {
	KUNIT_CASE(is_charged_up_to_its_limit),
	KUNIT_CASE(shares_the_limit_of_the_module),
	KUNIT_CASE(may_stand_above_a_limit_that_sank),
	KUNIT_CASE(may_have_the_highest_limit),
	KUNIT_CASE(failure_says_if_sleeping_may_help),
	{}
};

static struct kunit_suite mem_suite = {
	.name		= "ndval_mem",
	.init		= mem_test_init,
	.exit		= mem_test_exit,
	.test_cases	= mem_cases,
};

kunit_test_suite(mem_suite);

/* Of the module that all suites are in. */
MODULE_DESCRIPTION("Tests of what is memory and arithmetic alone in ndval");
MODULE_LICENSE("GPL");
