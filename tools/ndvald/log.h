/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Messages of ndvald, one line each to stderr. Under systemd each line begins
 * with its priority, as sd-daemon(3) describes.
 */
#ifndef NDVALD_LOG_H
#define NDVALD_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#define log_error(...)	log_line(LOG_ERR, __VA_ARGS__)
#define log_warn(...)	log_line(LOG_WARNING, __VA_ARGS__)
#define log_info(...)	log_line(LOG_INFO, __VA_ARGS__)
#define log_debug(...)	log_line(LOG_DEBUG, __VA_ARGS__)

void log_init(bool verbose);
void log_line(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_stranger(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint32_t log_hash(const char *text);
const char *log_escape(char *out, size_t size, const char *text);

#endif /* NDVALD_LOG_H */
