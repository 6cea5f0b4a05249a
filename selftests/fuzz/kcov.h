/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the fuzzers share: the lines of ndval.ko that a test made the kernel
 * run guide libFuzzer, and the last inputs outlive a kernel that died of them.
 *
 * libFuzzer looks for "extra counters", a byte for each place of a program;
 * here the program is the module. The kernel's coverage device (KCOV) gives
 * the addresses that one thread ran, or the threads of the links that it
 * attached. Only ndval.ko is instrumented.
 */
#ifndef NDVAL_FUZZ_KCOV_H
#define NDVAL_FUZZ_KCOV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/**
 * struct kcov - an open coverage device
 * @fd: the device
 * @area: shared with the kernel: how many addresses follow
 */
struct kcov {
	int fd;
	unsigned long *area;
};

void fuzz_begin(void);
void fuzz_input(const uint8_t *data, size_t size);

void kcov_open(struct kcov *kcov);
void kcov_trace(struct kcov *kcov);
void kcov_trace_links(struct kcov *kcov);
void kcov_forget(struct kcov *kcov);
void kcov_take(struct kcov *kcov);

/* A step of a fuzzer's own that fails, or a promise that the module breaks. */
#define must(condition)							\
	do {								\
		if (!(condition))					\
			fuzz_fail(__FILE__, __LINE__, #condition);	\
	} while (0)

__attribute__((noreturn)) void fuzz_fail(const char *file, int line, const char *what);

#endif /* NDVAL_FUZZ_KCOV_H */
