/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_NAME_H
#define NDVAL_NAME_H

#include <linux/types.h>
#include <linux/ndval.h>

const char *ndval_name_check(const char *name);
const char *ndval_name_check_stream(const char *name);

/* "default" is the pair behind /dev/ndval, and the stream of unbound files. */
#define NDVAL_DEFAULT	"default"

#endif /* NDVAL_NAME_H */
