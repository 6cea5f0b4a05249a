/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALCTL_ARGS_H
#define NDVALCTL_ARGS_H

#include <getopt.h>
#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))

/* --json was given. */
extern bool json_wanted;

int next_option(int argc, char *argv[], const char *shorts, const struct option *options);
void no_options(int argc, char *argv[]);
const char *next_argument(int argc, char *argv[], const char *what);
const char *maybe_argument(int argc, char *argv[]);
void no_more_arguments(int argc, char *argv[]);

__u64 parse_number(const char *what, const char *text, __u64 min, __u64 max);
__u64 parse_size(const char *what, const char *text, __u64 max);
__u32 parse_instances(const char *what, const char *text);
__u32 parse_mode(const char *text);
double parse_seconds(const char *text);

#endif /* NDVALCTL_ARGS_H */
