/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * libndval: what a copy of an application draws from an ndval pair, so that all
 * copies draw the same; see libndval(3).
 *
 * Functions that return an int return 0, or -1 with errno set. A call that failed
 * may be made again, for the same: nothing is lost in between. EINTR is not
 * returned, the call goes on.
 *
 * A handle may be used by several threads, but then it is chance which of them
 * gets what, another one in each copy: open one for each thread, with a stream
 * of its own.
 */
#ifndef NDVAL_H
#define NDVAL_H

#include <linux/ndval.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes of a UUID, and of its text with the terminating NUL. */
#define NDVAL_UUID_SIZE		16
#define NDVAL_UUID_STRING_SIZE	37

struct ndval;

struct ndval *ndval_open(const char *pair, const char *stream, unsigned int instance);
void ndval_close(struct ndval *ndval);
int ndval_fd(const struct ndval *ndval);

int ndval_bytes(struct ndval *ndval, void *bytes, size_t length);

int ndval_clock_gettime(struct ndval *ndval, clockid_t clock, struct timespec *time);
int ndval_clock_ns(struct ndval *ndval, unsigned int clock, uint64_t *value);
int ndval_clock_reading(struct ndval *ndval, unsigned int clock, struct ndval_clock *reading);

int ndval_agree(struct ndval *ndval, const void *in, size_t in_length,
		void *out, size_t out_size, size_t *out_length);
int ndval_commit(struct ndval *ndval);

int ndval_uuid(struct ndval *ndval, int version, unsigned char uuid[NDVAL_UUID_SIZE]);
void ndval_uuid_string(const unsigned char uuid[NDVAL_UUID_SIZE],
		       char string[NDVAL_UUID_STRING_SIZE]);

#ifdef __cplusplus
}
#endif

#endif /* NDVAL_H */
