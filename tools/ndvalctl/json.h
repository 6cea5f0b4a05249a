/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A writer of JSON on standard output. The key is NULL inside an array and
 * for the outermost value.
 */
#ifndef NDVALCTL_JSON_H
#define NDVALCTL_JSON_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

void json_begin_object(const char *key);
void json_end_object(void);
void json_begin_array(const char *key);
void json_end_array(void);
void json_string(const char *key, const char *value);
void json_number(const char *key, __u64 value);
void json_signed(const char *key, __s64 value);
void json_id(const char *key, __u64 value);
void json_bool(const char *key, bool value);
void json_begin_hex(const char *key);
void json_end_hex(void);
void put_hex(const void *data, size_t size);

#endif /* NDVALCTL_JSON_H */
