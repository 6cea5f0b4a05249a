/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALD_KTLS_H
#define NDVALD_KTLS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

const char *ktls_prepare(int fd);
const char *ktls_install(int fd, gnutls_session_t tls);

#endif /* NDVALD_KTLS_H */
