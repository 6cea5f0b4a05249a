/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_HOST_H
#define NDVAL_HOST_H

#include <linux/types.h>

struct ndval_pair;
struct workqueue_struct;

/* The module's work: reports, removals, the end of links. May block. */
extern struct workqueue_struct *ndval_wq;

int ndval_host_init(bool allow_hibernation);
void ndval_host_exit(void);
void ndval_host_retry(void);
void ndval_host_retry_pair(struct ndval_pair *pair);
bool ndval_host_is_cloned(void);

#endif /* NDVAL_HOST_H */
