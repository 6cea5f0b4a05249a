/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALCTL_OPERATION_H
#define NDVALCTL_OPERATION_H

#include <linux/types.h>
#include <stdbool.h>

struct nl;

#define OPERATION_REASON_SIZE	128

int try_operation(struct nl *nl, __u16 type, __u32 *operation);
int end_operation(struct nl *nl, __u32 operation, char *reason);
__u32 start_operation(struct nl *nl, __u16 type);
void wait_operation(struct nl *nl, __u32 operation);
void json_operation(const char *key, const char *object, __u32 operation, bool done);

#endif /* NDVALCTL_OPERATION_H */
