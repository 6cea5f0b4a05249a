/* SPDX-License-Identifier: GPL-2.0-only */
/* The words for the family's enumerations, as in the netlink spec. */
#ifndef NDVALCTL_NAMES_H
#define NDVALCTL_NAMES_H

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

/* Words by number; ends with NULL. */
extern const char * const role_names[];
extern const char * const health_names[];
extern const char * const overflow_names[];
extern const char * const bind_names[];
extern const char * const commit_names[];
extern const char * const on_peer_loss_names[];
extern const char * const on_divergence_names[];
extern const char * const value_kind_names[];
extern const char * const membership_names[];
extern const char * const switch_names[];
extern const char * const peer_state_names[];
extern const char * const link_state_names[];
extern const char * const event_kind_names[];

const char *name_of(const char * const *names, __u32 number);
bool number_of(const char * const *names, const char *name, __u64 *number);

#endif /* NDVALCTL_NAMES_H */
