/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Calls of the journal, for tests.
 */
#ifndef NDVAL_TEST_JOURNAL_H
#define NDVAL_TEST_JOURNAL_H

#include "common.h"

/* Bytes of a record: of a clock, and of an agreed value. */
#define RECORD_CLOCK	64
#define RECORD_AGREED(len)	((48 + (len) + 7) / 8 * 8)

/* All clocks there are. */
static const __u32 all_clocks[] UNUSED = {
	CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME, CLOCK_TAI, NDVAL_CLOCK_CYCLES,
};

/* NDVAL_IOC_CLOCK; 0 or a negative errno. */
static UNUSED int clock_call(int fd, __u32 clock, struct ndval_clock *result)
{
	*result = (struct ndval_clock){ .clock = clock };
	return ioctl(fd, NDVAL_IOC_CLOCK, result) ? -errno : 0;
}

/* The reading, 0 if there is none. */
static UNUSED __u64 clock_read(int fd, __u32 clock)
{
	struct ndval_clock result;

	return clock_call(fd, clock, &result) ? 0 : result.value;
}

/* NDVAL_IOC_AGREE; the length of what is recorded, or a negative errno. */
static UNUSED long agree(int fd, const void *in, __u32 len, void *out, __u32 size)
{
	struct ndval_agreement agreement = {
		.in		= (uintptr_t)in,
		.in_length	= len,
		.out		= (uintptr_t)out,
		.out_size	= size,
	};

	return ioctl(fd, NDVAL_IOC_AGREE, &agreement) ? -errno : (long)agreement.out_length;
}

/* Is this text agreed on, whatever was offered? */
static UNUSED bool agrees(int fd, const char *offered, const char *expected)
{
	char out[256] = "";
	long len = agree(fd, offered, strlen(offered), out, sizeof(out));

	return len == (long)strlen(expected) && !memcmp(out, expected, len);
}

static UNUSED long long journal_position(int fd)
{
	struct ndval_info info;

	return ioctl(fd, NDVAL_IOC_INFO, &info) ? -1 : (long long)info.journal_position;
}

static UNUSED long long journal_head(int fd)
{
	struct ndval_info info;

	return ioctl(fd, NDVAL_IOC_INFO, &info) ? -1 : (long long)info.journal_head;
}

#endif /* NDVAL_TEST_JOURNAL_H */
