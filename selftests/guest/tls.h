/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * tls: TCP connections with kTLS, for tests of encrypted links. The keys are fixed
 * and known to all: nobody has to shake hands. A tap is one connection that is cut
 * in two, with a thread between the halves that passes on records, or harms them.
 *
 *	tap_open(&tap);		tap.ends are those of the two halves
 *	tls_keys(tap.ends, CHACHA20, 1)
 *	tap_harm(&tap, FLIP, 5)	the next record from ends[0] to ends[1]
 */
#ifndef NDVAL_TEST_TLS_H
#define NDVAL_TEST_TLS_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <linux/tls.h>

#define TLS_RECORD_MAX	(5 + 16384 + 256)

/* Bytes of what went through a tap that are kept. */
#define TAP_KEPT	(1024 * 1024)

/* Types of records. */
enum tls_type {
	RECORD_CCS = 20,
	RECORD_ALERT = 21,
	RECORD_HANDSHAKE = 22,
	RECORD_DATA = 23,
};

enum cipher {
	CHACHA20,
	AES128,
	AES256,
	CIPHERS,
};

extern const char * const cipher_names[CIPHERS];

bool tcp_pair(int *ends);
int tls_ulp(int fd);
int tls_key(int fd, int way, unsigned short version, enum cipher cipher, int secret);
bool tls_end(int fd, enum cipher cipher, int sends, int receives);
bool tls_keys(const int *ends, enum cipher cipher, int secret);
bool tls_pair(int *ends, enum cipher cipher, int secret);
bool tls_send(int fd, unsigned char type, const void *data, size_t len);
ssize_t tls_receive(int fd, unsigned char *type, void *data, size_t size);

/* What is done to a record. */
enum harm {
	NONE,
	FLIP,		/* a bit of the byte at an offset; from its end, if negative */
	DROP,		/* it is left out */
	REPEAT,		/* it comes twice */
	SWAP,		/* the one after it comes first */
	CUT,		/* the first bytes come, and then the end */
	JUNK,		/* there is plain text in front of it */
};

/* One direction. */
struct way {
	int		from;
	int		to;
	size_t		filled;
	size_t		held;
	unsigned char	record[TLS_RECORD_MAX];
	unsigned char	late[TLS_RECORD_MAX];
};

struct tap {
	int		ends[2];	/* who uses the connection; -1 once they are given away */
	pthread_t	thread;
	int		quit[2];
	bool		plain;		/* there are no records: all is passed on as it comes */
	enum harm	harm;
	int		at;
	size_t		kept;		/* of ends[0] to ends[1] */
	unsigned char	bytes[TAP_KEPT];
	struct way	ways[2];
};

bool tap_open(struct tap *tap, bool plain);
void tap_harm(struct tap *tap, enum harm harm, int at);
bool tap_harmed(const struct tap *tap);
bool tap_shows(const struct tap *tap, const void *data, size_t len);
void tap_close(struct tap *tap);

#endif /* NDVAL_TEST_TLS_H */
