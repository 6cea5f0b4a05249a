// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory accounting. Everything whose size a reader, a peer or an
 * administrator's setting decides is charged to its pair before it is
 * allocated: against the pair's memory_max and the module's total_max.
 * Lockless, and exact: no charge goes past a limit, not even for a moment.
 */
#include "mem.h"

#include <linux/errno.h>
#include <linux/gfp.h>

static struct ndval_mem ndval_total;

static int charge_one(struct ndval_mem *mem, size_t size)
{
	s64 used = atomic64_read(&mem->used);

	do {
		if ((u64)used + size > READ_ONCE(mem->max))
			return -ENOMEM;
	} while (!atomic64_try_cmpxchg(&mem->used, &used, used + size));
	return 0;
}

/**
 * ndval_mem_charge() - Charge bytes about to be allocated.
 * @mem: the pair's account
 * @size: bytes
 *
 * Context: any.
 * Return: 0, or -ENOMEM if the pair or the module would go over its limit.
 */
int ndval_mem_charge(struct ndval_mem *mem, size_t size)
{
	int err;

	err = charge_one(mem, size);
	if (err)
		return err;
	err = charge_one(&ndval_total, size);
	if (err)
		atomic64_sub(size, &mem->used);
	return err;
}

/**
 * ndval_mem_uncharge() - Give back what was charged.
 * @mem: the pair's account
 * @size: bytes
 *
 * Context: any.
 */
void ndval_mem_uncharge(struct ndval_mem *mem, size_t size)
{
	atomic64_sub(size, &ndval_total.used);
	atomic64_sub(size, &mem->used);
}

static bool would_exceed(const struct ndval_mem *mem, size_t size)
{
	return (u64)atomic64_read(&mem->used) + size > READ_ONCE(mem->max);
}

/**
 * ndval_mem_is_full() - Is it a limit that stands in the way?
 * @mem: the pair's account
 * @size: bytes that are needed
 *
 * Context: any.
 */
bool ndval_mem_is_full(const struct ndval_mem *mem, size_t size)
{
	return would_exceed(mem, size) || would_exceed(&ndval_total, size);
}

/**
 * ndval_mem_error() - What an allocation that failed means to the caller.
 * @gfp: how it was made
 *
 * Return: -ENOMEM, or -EAGAIN if it was not allowed to sleep, so that the
 * caller may try again in a way that is. A charge that failed is always -ENOMEM.
 */
int ndval_mem_error(gfp_t gfp)
{
	return gfpflags_allow_blocking(gfp) ? -ENOMEM : -EAGAIN;
}

/**
 * ndval_mem_used() - Bytes charged to a pair now.
 * @mem: the pair's account
 */
u64 ndval_mem_used(const struct ndval_mem *mem)
{
	return atomic64_read(&mem->used);
}

/**
 * ndval_mem_total() - Bytes charged to all pairs now.
 */
u64 ndval_mem_total(void)
{
	return ndval_mem_used(&ndval_total);
}

/**
 * ndval_mem_set_total_max() - Set the module's limit, once at load.
 * @max: bytes
 */
void ndval_mem_set_total_max(u64 max)
{
	ndval_total.max = max;
}
