// SPDX-License-Identifier: GPL-2.0-only
/*
 * kTLS: the kernel takes over the encryption of a connection after the
 * handshake. Documentation/networking/tls.rst of the kernel tells how.
 *
 * Records that the peer sends before its keys are installed here wait in the
 * socket: GnuTLS reads one record at a time and no further.
 */
#include "ktls.h"

#include <errno.h>
#include <linux/tls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#ifndef SOL_TLS
#define SOL_TLS		282
#endif

/* The struct of each cipher begins with its info; all have been in 6.1. */
union crypto {
	struct tls_crypto_info info;
	struct tls12_crypto_info_chacha20_poly1305 chacha;
	struct tls12_crypto_info_aes_gcm_128 aes128;
	struct tls12_crypto_info_aes_gcm_256 aes256;
};

/**
 * ktls_prepare() - have the kernel's TLS on a connection, still without keys
 * @fd: TCP, connected
 *
 * What is sent and received goes on as before until there are keys.
 *
 * Return: NULL, or why not and what to do.
 */
const char *ktls_prepare(int fd)
{
	if (!setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls")) || errno == EEXIST)
		return NULL;
	if (errno == ENOENT)
		return "this host's kernel has no TLS: it needs the module tls, 'modprobe tls'";
	return strerror(errno);
}

/* Return: the size of @crypto, or 0 for a cipher that was not offered. */
static socklen_t fill(union crypto *crypto, gnutls_cipher_algorithm_t cipher,
		      const gnutls_datum_t *key, const gnutls_datum_t *iv,
		      const unsigned char *sequence)
{
	memset(crypto, 0, sizeof(*crypto));
	crypto->info.version = TLS_1_3_VERSION;
	if (cipher == GNUTLS_CIPHER_CHACHA20_POLY1305 &&
	    key->size == sizeof(crypto->chacha.key) && iv->size == sizeof(crypto->chacha.iv)) {
		crypto->info.cipher_type = TLS_CIPHER_CHACHA20_POLY1305;
		memcpy(crypto->chacha.key, key->data, key->size);
		memcpy(crypto->chacha.iv, iv->data, iv->size);
		memcpy(crypto->chacha.rec_seq, sequence, sizeof(crypto->chacha.rec_seq));
		return sizeof(crypto->chacha);
	}
	if (iv->size != TLS_CIPHER_AES_GCM_256_SALT_SIZE + TLS_CIPHER_AES_GCM_256_IV_SIZE)
		return 0;
	if (cipher == GNUTLS_CIPHER_AES_256_GCM && key->size == sizeof(crypto->aes256.key)) {
		crypto->info.cipher_type = TLS_CIPHER_AES_GCM_256;
		memcpy(crypto->aes256.key, key->data, key->size);
		memcpy(crypto->aes256.salt, iv->data, sizeof(crypto->aes256.salt));
		memcpy(crypto->aes256.iv, iv->data + sizeof(crypto->aes256.salt),
		       sizeof(crypto->aes256.iv));
		memcpy(crypto->aes256.rec_seq, sequence, sizeof(crypto->aes256.rec_seq));
		return sizeof(crypto->aes256);
	}
	if (cipher == GNUTLS_CIPHER_AES_128_GCM && key->size == sizeof(crypto->aes128.key)) {
		crypto->info.cipher_type = TLS_CIPHER_AES_GCM_128;
		memcpy(crypto->aes128.key, key->data, key->size);
		memcpy(crypto->aes128.salt, iv->data, sizeof(crypto->aes128.salt));
		memcpy(crypto->aes128.iv, iv->data + sizeof(crypto->aes128.salt),
		       sizeof(crypto->aes128.iv));
		memcpy(crypto->aes128.rec_seq, sequence, sizeof(crypto->aes128.rec_seq));
		return sizeof(crypto->aes128);
	}
	return 0;
}

static const char *install(int fd, gnutls_session_t tls, bool receive)
{
	static char problem[160];
	gnutls_datum_t key, iv;
	unsigned char sequence[8];
	union crypto crypto;
	socklen_t size;
	int err;

	err = gnutls_record_get_state(tls, receive, NULL, &iv, &key, sequence);
	if (err)
		return gnutls_strerror(err);
	size = fill(&crypto, gnutls_cipher_get(tls), &key, &iv, sequence);
	if (!size)
		return "the cipher is none that the kernel gets from here";
	err = setsockopt(fd, SOL_TLS, receive ? TLS_RX : TLS_TX, &crypto, size);
	if (err)
		snprintf(problem, sizeof(problem), "this host's kernel cannot encrypt with %s: %s",
			 gnutls_cipher_get_name(gnutls_cipher_get(tls)), strerror(errno));
	explicit_bzero(&crypto, sizeof(crypto));
	return err ? problem : NULL;
}

/**
 * ktls_install() - give the kernel the keys of both directions
 * @fd: after ktls_prepare()
 * @tls: after the handshake; of no more use afterwards
 *
 * Return: NULL, or why not.
 */
const char *ktls_install(int fd, gnutls_session_t tls)
{
	const char *problem;

	problem = install(fd, tls, false);
	return problem ? problem : install(fd, tls, true);
}
