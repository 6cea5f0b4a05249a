/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_MEM_H
#define NDVAL_MEM_H

#include <linux/atomic.h>
#include <linux/types.h>

/**
 * struct ndval_mem - memory charged to one pair
 * @used: bytes charged now
 * @max: bytes that may be charged (memory_max)
 */
struct ndval_mem {
	atomic64_t	used;
	u64		max;
};

int ndval_mem_charge(struct ndval_mem *mem, size_t size);
void ndval_mem_uncharge(struct ndval_mem *mem, size_t size);
bool ndval_mem_is_full(const struct ndval_mem *mem, size_t size);
u64 ndval_mem_used(const struct ndval_mem *mem);

int ndval_mem_error(gfp_t gfp);

u64 ndval_mem_total(void);
void ndval_mem_set_total_max(u64 max);

#endif /* NDVAL_MEM_H */
