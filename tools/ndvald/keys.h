/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What hosts prove with who they are: a shared key, or certificates.
 */
#ifndef NDVALD_KEYS_H
#define NDVALD_KEYS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

#define KEYS_PSK_SIZE		32
#define KEYS_PRINT_SIZE		32
#define KEYS_PROBLEM_MAX	512

enum security {
	SECURITY_UNSET,
	SECURITY_NONE,
	SECURITY_PSK,
	SECURITY_X509,
};

/**
 * struct keys - loaded from files, never changed, shared by count
 * @refs: how many hold it
 * @security: SECURITY_PSK or SECURITY_X509
 * @psk: the shared key
 * @print: tells CA and certificate from others
 * @x509: CA, certificate and key
 */
struct keys {
	unsigned int refs;
	enum security security;
	unsigned char psk[KEYS_PSK_SIZE];
	unsigned char print[KEYS_PRINT_SIZE];
	gnutls_certificate_credentials_t x509;
};

/* Paths of the files of SECURITY_X509. */
struct key_paths {
	const char *ca;
	const char *certificate;
	const char *key;
};

struct keys *keys_load_psk(const char *path, char *problem);
struct keys *keys_load_x509(const struct key_paths *paths, const char *host, char *problem);
struct keys *keys_get(struct keys *keys);
void keys_put(struct keys *keys);
bool keys_same(const struct keys *a, const struct keys *b);
bool keys_certify(const gnutls_datum_t *der, const char *name, char *names, size_t size);

#endif /* NDVALD_KEYS_H */
