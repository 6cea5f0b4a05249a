// SPDX-License-Identifier: GPL-2.0-only
/*
 * TCP connections with kTLS; tls.h tells how tests use them.
 *
 * vm: helper=yes
 */
#include "tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#ifndef SOL_TLS
#define SOL_TLS	282
#endif
#ifndef TCP_ULP
#define TCP_ULP	31
#endif

const char * const cipher_names[CIPHERS] = {
	"CHACHA20-POLY1305", "AES-128-GCM", "AES-256-GCM",
};

/* A TCP connection over loopback. */
bool tcp_pair(int *ends)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	socklen_t len = sizeof(to);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	bool made;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	made = !bind(listener, (void *)&to, sizeof(to)) && !listen(listener, 1) &&
	       !getsockname(listener, (void *)&to, &len) &&
	       !connect(ends[0], (void *)&to, sizeof(to));
	ends[1] = made ? accept(listener, NULL, NULL) : -1;
	close(listener);
	return ends[1] >= 0;
}

/* Lets a connection have TLS; returns 0 or an errno. */
int tls_ulp(int fd)
{
	return setsockopt(fd, IPPROTO_TCP, TCP_ULP, "tls", sizeof("tls") - 1) ? errno : 0;
}

/* A key for one direction, TLS_TX or TLS_RX; returns 0 or an errno. */
int tls_key(int fd, int way, unsigned short version, enum cipher cipher, int secret)
{
	union {
		struct tls_crypto_info				info;
		struct tls12_crypto_info_chacha20_poly1305	chacha20;
		struct tls12_crypto_info_aes_gcm_128		aes128;
		struct tls12_crypto_info_aes_gcm_256		aes256;
	} key;
	static const struct {
		unsigned short	type;
		socklen_t	size;
	} kinds[CIPHERS] = {
		[CHACHA20] = { TLS_CIPHER_CHACHA20_POLY1305, sizeof(key.chacha20) },
		[AES128] = { TLS_CIPHER_AES_GCM_128, sizeof(key.aes128) },
		[AES256] = { TLS_CIPHER_AES_GCM_256, sizeof(key.aes256) },
	};

	memset(&key, secret, sizeof(key));
	key.info.version = version;
	key.info.cipher_type = kinds[cipher].type;
	/* Numbers of records begin at 0. */
	memset((char *)&key + kinds[cipher].size - 8, 0, 8);
	return setsockopt(fd, SOL_TLS, way, &key, kinds[cipher].size) ? errno : 0;
}

/* Keys for both directions of one end. */
bool tls_end(int fd, enum cipher cipher, int sends, int receives)
{
	return !tls_ulp(fd) && !tls_key(fd, TLS_TX, TLS_1_3_VERSION, cipher, sends) &&
	       !tls_key(fd, TLS_RX, TLS_1_3_VERSION, cipher, receives);
}

/* Keys for both ends; two secrets are used, from @secret on. */
bool tls_keys(const int *ends, enum cipher cipher, int secret)
{
	return tls_end(ends[0], cipher, secret, secret + 1) &&
	       tls_end(ends[1], cipher, secret + 1, secret);
}

bool tls_pair(int *ends, enum cipher cipher, int secret)
{
	return tcp_pair(ends) && tls_keys(ends, cipher, secret);
}

union control {
	struct cmsghdr	head;
	char		room[CMSG_SPACE(1)];
};

/* Sends one record of any type. */
bool tls_send(int fd, unsigned char type, const void *data, size_t len)
{
	struct iovec vec = { .iov_base = (void *)data, .iov_len = len };
	union control control = {
		.head = {
			.cmsg_level	= SOL_TLS,
			.cmsg_type	= TLS_SET_RECORD_TYPE,
			.cmsg_len	= CMSG_LEN(1),
		},
	};
	struct msghdr msg = {
		.msg_iov	= &vec,
		.msg_iovlen	= 1,
		.msg_control	= &control,
		.msg_controllen	= sizeof(control),
	};

	*CMSG_DATA(&control.head) = type;
	return sendmsg(fd, &msg, MSG_NOSIGNAL) == (ssize_t)len;
}

/* Receives bytes of one type. */
ssize_t tls_receive(int fd, unsigned char *type, void *data, size_t size)
{
	struct iovec vec = { .iov_base = data, .iov_len = size };
	union control control = { 0 };
	struct msghdr msg = {
		.msg_iov	= &vec,
		.msg_iovlen	= 1,
		.msg_control	= &control,
		.msg_controllen	= sizeof(control),
	};
	ssize_t got = recvmsg(fd, &msg, 0);

	*type = 0;
	if (got >= 0 && control.head.cmsg_level == SOL_TLS)
		*type = *CMSG_DATA(&control.head);
	return got;
}

/* Taps */

static bool write_all(int fd, const unsigned char *data, size_t len)
{
	while (len) {
		ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		data += sent;
		len -= sent;
	}
	return true;
}

/* Bytes of the record that has begun to come; 5 until its head is here. */
static size_t record_size(const struct way *way)
{
	size_t size = 5;

	if (way->filled >= 5)
		size += way->record[3] << 8 | way->record[4];
	return size < TLS_RECORD_MAX ? size : TLS_RECORD_MAX;
}

static bool pass(struct tap *tap, struct way *way, const unsigned char *data, size_t len)
{
	if (way == &tap->ways[0] && tap->kept + len <= TAP_KEPT) {
		memcpy(tap->bytes + tap->kept, data, len);
		__atomic_store_n(&tap->kept, tap->kept + len, __ATOMIC_RELEASE);
	}
	return write_all(way->to, data, len);
}

/* Passes a whole record on, as it is to be. */
static bool pass_record(struct tap *tap, struct way *way)
{
	enum harm harm = way == &tap->ways[0] ?
		__atomic_load_n(&tap->harm, __ATOMIC_ACQUIRE) : NONE;
	size_t len = way->filled;
	bool more = true;

	switch (harm) {
	case FLIP:
		way->record[tap->at < 0 ? len + tap->at : tap->at % len] ^= 0x10;
		break;
	case DROP:
		len = 0;
		break;
	case REPEAT:
		more = pass(tap, way, way->record, len);
		break;
	case SWAP:
		memcpy(way->late, way->record, len);
		way->held = len;
		len = 0;
		break;
	case CUT:
		len = tap->at;
		break;
	case JUNK:
		more = pass(tap, way, (const void *)"GET / HTTP/1.1\r\n\r\n", 18);
		break;
	case NONE:
		break;
	}
	more = more && pass(tap, way, way->record, len);
	if (harm == NONE && way->held) {
		more = more && pass(tap, way, way->late, way->held);
		way->held = 0;
	}
	way->filled = 0;
	if (harm != NONE)
		__atomic_store_n(&tap->harm, NONE, __ATOMIC_RELEASE);
	return more && harm != CUT;
}

/* Takes what has come; false if nothing more is to be passed on. */
static bool take(struct tap *tap, struct way *way)
{
	size_t size = tap->plain ? sizeof(way->record) : record_size(way);
	ssize_t got = recv(way->from, way->record + way->filled, size - way->filled, 0);

	if (got <= 0)
		return false;
	way->filled += got;
	if (tap->plain)
		return pass_record(tap, way);
	return way->filled < 5 || way->filled < record_size(way) || pass_record(tap, way);
}

static void *carry(void *data)
{
	struct tap *tap = data;
	struct pollfd fds[3] = {
		{ .fd = tap->ways[0].from, .events = POLLIN },
		{ .fd = tap->ways[1].from, .events = POLLIN },
		{ .fd = tap->quit[0], .events = POLLIN },
	};
	int i;

	while (poll(fds, 3, -1) >= 0 && !fds[2].revents) {
		for (i = 0; i < 2; i++) {
			if (!fds[i].revents || take(tap, &tap->ways[i]))
				continue;
			shutdown(tap->ways[i].to, SHUT_WR);
			fds[i].fd = -1;
		}
	}
	return NULL;
}

bool tap_open(struct tap *tap, bool plain)
{
	int left[2], right[2];

	if (!tcp_pair(left) || !tcp_pair(right) || pipe2(tap->quit, O_CLOEXEC))
		return false;
	tap->plain = plain;
	tap->harm = NONE;
	tap->kept = 0;
	tap->ends[0] = left[0];
	tap->ends[1] = right[0];
	tap->ways[0] = (struct way) { .from = left[1], .to = right[1] };
	tap->ways[1] = (struct way) { .from = right[1], .to = left[1] };
	return !pthread_create(&tap->thread, NULL, carry, tap);
}

/* Harms the next record from ends[0] to ends[1]. */
void tap_harm(struct tap *tap, enum harm harm, int at)
{
	tap->at = at;
	__atomic_store_n(&tap->harm, harm, __ATOMIC_RELEASE);
}

/* Was it done? */
bool tap_harmed(const struct tap *tap)
{
	return __atomic_load_n(&tap->harm, __ATOMIC_ACQUIRE) == NONE;
}

/* Did these bytes go from ends[0] to ends[1], for all to read? */
bool tap_shows(const struct tap *tap, const void *data, size_t len)
{
	return memmem(tap->bytes, __atomic_load_n(&tap->kept, __ATOMIC_ACQUIRE), data, len);
}

void tap_close(struct tap *tap)
{
	int i;

	if (!tap->thread)
		return;
	if (write(tap->quit[1], "", 1) == 1)
		pthread_join(tap->thread, NULL);
	tap->thread = 0;
	for (i = 0; i < 2; i++) {
		if (tap->ends[i] >= 0)
			close(tap->ends[i]);
		close(tap->ways[i].from);
		close(tap->quit[i]);
	}
}
