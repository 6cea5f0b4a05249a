// SPDX-License-Identifier: GPL-2.0-only
/*
 * Both sides of a TLS session in one process, over a socketpair: who gets
 * through, who does not, and what it is told. Prints TAP. The kernel's part,
 * kTLS, is left to guests, but for what it is given: this program has a
 * setsockopt() of its own. Argument: a directory with certificates, made by
 * certificates.sh.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <linux/tls.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "channel.h"
#include "config.h"
#include "keys.h"
#include "log.h"
#include "session.h"

#define TURNS	200
#define LONGEST	"a-name-of-63-bytes-which-is-as-long-as-the-name-of-a-host-may-b"

static const char *directory;
static int tests;
static bool failed;

/* The keys that the side that accepts has for "a", and what it says of others. */
static struct keys *known;

static bool find(const char *from, const char *to, const struct keys **keys, char *reason)
{
	*keys = known;
	if ((!strcmp(from, "a") && !strcmp(to, "b")) || !strcmp(from, LONGEST))
		return true;
	snprintf(reason, SESSION_REASON_MAX, "%s is not known", from);
	return false;
}

/* What the kernel would get for TLS_TX and TLS_RX. */
static union given {
	struct tls_crypto_info info;
	struct tls12_crypto_info_chacha20_poly1305 chacha;
	struct tls12_crypto_info_aes_gcm_128 aes128;
	struct tls12_crypto_info_aes_gcm_256 aes256;
} given[2];

static socklen_t size_of(const struct tls_crypto_info *info)
{
	switch (info->cipher_type) {
	case TLS_CIPHER_CHACHA20_POLY1305:
		return sizeof(given[0].chacha);
	case TLS_CIPHER_AES_GCM_128:
		return sizeof(given[0].aes128);
	case TLS_CIPHER_AES_GCM_256:
		return sizeof(given[0].aes256);
	}
	return 0;
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t size)
{
	if (level != SOL_TLS)
		return syscall(SYS_setsockopt, fd, level, name, value, size);
	if ((name != TLS_TX && name != TLS_RX) || size != size_of(value)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(&given[name == TLS_RX], value, size);
	return 0;
}

struct ends {
	int fd[2];
	struct session *session[2];
	int result[2];
	/* Hostile network: this byte of what the side that connects sends is changed. */
	long flip;
	long sent;
	int wire[2];		/* between the two, when bytes are changed */
};

static void ok(bool good, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	printf("%sok %d ", good ? "" : "not ", ++tests);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	failed |= !good;
}

static void pair(int *fds)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds)) {
		perror("socketpair");
		exit(EXIT_FAILURE);
	}
}

/* fd[0] - wire[0] .. wire[1] - fd[1] */
static void open_ends(struct ends *ends, long flip)
{
	int left[2], right[2];

	memset(ends, 0, sizeof(*ends));
	ends->flip = flip;
	pair(left);
	pair(right);
	ends->fd[0] = left[0];
	ends->wire[0] = left[1];
	ends->wire[1] = right[0];
	ends->fd[1] = right[1];
}

static void close_ends(struct ends *ends)
{
	int i;

	for (i = 0; i < 2; i++) {
		session_free(ends->session[i]);
		close(ends->fd[i]);
		close(ends->wire[i]);
	}
}

static void carry(struct ends *ends)
{
	char buffer[65536];
	ssize_t size;
	int i;

	for (i = 0; i < 2; i++) {
		size = recv(ends->wire[i], buffer, sizeof(buffer), 0);
		if (size <= 0)
			continue;
		if (!i) {
			if (ends->flip >= ends->sent && ends->flip < ends->sent + size)
				buffer[ends->flip - ends->sent] ^= 0x10;
			ends->sent += size;
		}
		send(ends->wire[!i], buffer, size, MSG_NOSIGNAL);
	}
}

/* Until both are done, or failed, or nothing moves any more. */
static void shake(struct ends *ends)
{
	int turn, i;

	ends->result[0] = -EAGAIN;
	ends->result[1] = -EAGAIN;
	for (turn = 0; turn < TURNS; turn++) {
		for (i = 0; i < 2; i++) {
			if (ends->session[i] && ends->result[i] == -EAGAIN)
				ends->result[i] = session_handshake(ends->session[i]);
			carry(ends);
		}
	}
}

static void begin(struct ends *ends, struct keys *client, struct keys *server_x509, bool psk,
		  const char *from, const char *to, long flip)
{
	open_ends(ends, flip);
	ends->session[0] = session_connect(ends->fd[0], client, from, to);
	ends->session[1] = session_accept(ends->fd[1], server_x509, psk ? find : NULL);
	if (!ends->session[0] || !ends->session[1]) {
		puts("Bail out! no session");
		exit(EXIT_FAILURE);
	}
	shake(ends);
}

/* What one side is to encrypt next the other can decrypt: key, nonce and number. */
static bool hand_over(struct ends *ends)
{
	union given client[2];

	memset(given, 0, sizeof(given));
	if (session_to_kernel(ends->session[0], ends->fd[0]))
		return false;
	memcpy(client, given, sizeof(client));
	if (session_to_kernel(ends->session[1], ends->fd[1]))
		return false;
	return !memcmp(&client[0], &given[1], sizeof(given[1])) &&
	       !memcmp(&client[1], &given[0], sizeof(given[0])) &&
	       memcmp(client[0].chacha.key, client[1].chacha.key, sizeof(client[0].chacha.key)) &&
	       client[0].info.cipher_type == TLS_CIPHER_CHACHA20_POLY1305 &&
	       client[0].info.version == TLS_1_3_VERSION &&
	       client[0].chacha.rec_seq[7] == 1 && client[1].chacha.rec_seq[7] == 1;
}

/* A line from the side that connects, and one back. */
static bool talk(struct ends *ends)
{
	struct channel client = { .fd = ends->fd[0], .session = ends->session[0] };
	struct channel server = { .fd = ends->fd[1], .session = ends->session[1] };

	if (!channel_send_line(&client, "ndvald 1 a b\n"))
		return false;
	carry(ends);
	if (channel_read_line(&server) != 1 || strcmp(server.line, "ndvald 1 a b") ||
	    !channel_send_line(&server, "ok\n"))
		return false;
	carry(ends);
	/* What the kernel of the other side sends at once stays for the kernel. */
	send(ends->fd[1], "next", 4, 0);
	carry(ends);
	if (channel_read_line(&client) != 1 || strcmp(client.line, "ok"))
		return false;
	return recv(ends->fd[0], client.line, sizeof(client.line), 0) == 4;
}

static void good(const char *what, struct keys *client, struct keys *server_x509, bool psk,
		 enum security security)
{
	struct ends ends;

	begin(&ends, client, server_x509, psk, "a", "b", -1);
	ok(!ends.result[0] && !ends.result[1], "%s: handshake # %s / %s", what,
	   session_problem(ends.session[0]), session_problem(ends.session[1]));
	ok(session_security(ends.session[0]) == security &&
	   session_security(ends.session[1]) == security, "%s: proved as is configured", what);
	ok(session_proves(ends.session[0], "b", "a") && session_proves(ends.session[1], "a", "b"),
	   "%s: names", what);
	ok(!session_proves(ends.session[1], "c", "b"), "%s: not another name", what);
	ok(talk(&ends), "%s: lines, and no byte more", what);
	ok(hand_over(&ends), "%s: the kernels get what fits together", what);
	close_ends(&ends);
}

/* Does a word stand in what the sides @side, or any (2), say? */
static bool says(const struct ends *ends, int side, const char *word)
{
	return side == 2 ? says(ends, 0, word) || says(ends, 1, word) :
			   !!strstr(session_problem(ends->session[side]), word);
}

/* The side that accepts is never done; both say why. */
static void bad(const char *what, struct ends *ends, const char *client_says,
		const char *server_says)
{
	bool proved = ends->result[0] == 0 && ends->result[1] == 0 &&
		      session_proves(ends->session[0], "b", "a") &&
		      session_proves(ends->session[1], "a", "b");

	/* Of who connects TLS 1.3 is done first: what it reads next tells it. */
	if (!ends->result[0] && ends->result[1]) {
		char line[100];

		ends->result[0] = session_receive(ends->session[0], line, sizeof(line));
	}
	ok(!proved, "%s: refused # %d %d", what, ends->result[0], ends->result[1]);
	ok(says(ends, 0, client_says) && says(ends, 1, server_says), "%s: said why # '%s' / '%s'",
	   what, session_problem(ends->session[0]), session_problem(ends->session[1]));
	close_ends(ends);
}

static struct keys *psk(const char *name)
{
	char path[512], problem[KEYS_PROBLEM_MAX];
	struct keys *keys;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	keys = keys_load_psk(path, problem);
	if (!keys) {
		printf("Bail out! %s\n", problem);
		exit(EXIT_FAILURE);
	}
	return keys;
}

static struct keys *x509(const char *ca, const char *name, const char *host)
{
	char paths[3][512], problem[KEYS_PROBLEM_MAX];
	struct keys *keys;

	snprintf(paths[0], sizeof(paths[0]), "%s/%s.crt", directory, ca);
	snprintf(paths[1], sizeof(paths[1]), "%s/%s.crt", directory, name);
	snprintf(paths[2], sizeof(paths[2]), "%s/%s.key", directory, name);
	keys = keys_load_x509(&(struct key_paths){ paths[0], paths[1], paths[2] }, host, problem);
	if (!keys) {
		printf("Bail out! %s\n", problem);
		exit(EXIT_FAILURE);
	}
	return keys;
}

static void test_psk(struct keys *one, struct keys *other, struct keys *cert)
{
	struct ends ends;

	known = one;
	good("psk", one, NULL, true, SECURITY_PSK);
	good("psk, to a host with a certificate too", one, cert, true, SECURITY_PSK);

	begin(&ends, one, NULL, true, LONGEST, LONGEST, -1);
	ok(!ends.result[0] && !ends.result[1] &&
	   session_proves(ends.session[1], LONGEST, LONGEST), "psk: the longest names # %s / %s",
	   session_problem(ends.session[0]), session_problem(ends.session[1]));
	close_ends(&ends);
	begin(&ends, other, NULL, true, "a", "b", -1);
	bad("another key", &ends, "is the key the same", "is the key the same");
	begin(&ends, one, NULL, true, "z", "b", -1);
	bad("unknown name", &ends, "no key for this host", "z is not known");
	begin(&ends, one, NULL, true, "a", "c", -1);
	bad("meant for another", &ends, "no key for this host", "not known");
	begin(&ends, one, cert, false, "a", "b", -1);
	bad("psk to a host with only certificates", &ends, "same 'security'", "same 'security'");
}

/* Another program than ndvald connects: GnuTLS as it is told to be. */
struct other {
	gnutls_session_t tls;
	gnutls_psk_client_credentials_t psk;
	gnutls_certificate_credentials_t x509;
	int result;
};

static void other_begin(struct ends *ends, struct other *other, const char *priority,
			const struct keys *key, struct keys *x509, bool psk)
{
	gnutls_datum_t secret = { };
	int turn, err;

	memset(other, 0, sizeof(*other));
	open_ends(ends, -1);
	ends->session[1] = session_accept(ends->fd[1], x509, psk ? find : NULL);
	err = gnutls_init(&other->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) ?:
	      gnutls_priority_set_direct(other->tls, priority, NULL);
	if (!err && key && key->security == SECURITY_X509)
		err = gnutls_credentials_set(other->tls, GNUTLS_CRD_CERTIFICATE, key->x509);
	if (!err && key && key->security == SECURITY_PSK) {
		secret.data = (void *)key->psk;
		secret.size = sizeof(key->psk);
		err = gnutls_psk_allocate_client_credentials(&other->psk) ?:
		      gnutls_psk_set_client_credentials(other->psk, "ndvald 1 a b", &secret,
							GNUTLS_PSK_KEY_RAW) ?:
		      gnutls_credentials_set(other->tls, GNUTLS_CRD_PSK, other->psk);
	}
	/* GnuTLS wants some even to offer a shared key without Diffie-Hellman. */
	if (!err && (!key || key->security == SECURITY_PSK))
		err = gnutls_certificate_allocate_credentials(&other->x509) ?:
		      gnutls_credentials_set(other->tls, GNUTLS_CRD_CERTIFICATE, other->x509);
	if (err || !ends->session[1]) {
		puts("Bail out! no session");
		exit(EXIT_FAILURE);
	}
	gnutls_transport_set_int(other->tls, ends->fd[0]);
	other->result = GNUTLS_E_AGAIN;
	ends->result[1] = -EAGAIN;
	for (turn = 0; turn < TURNS; turn++) {
		if (other->result == GNUTLS_E_AGAIN)
			other->result = gnutls_handshake(other->tls);
		carry(ends);
		if (ends->result[1] == -EAGAIN)
			ends->result[1] = session_handshake(ends->session[1]);
		carry(ends);
	}
}

static void other_end(struct ends *ends, struct other *other)
{
	gnutls_deinit(other->tls);
	if (other->psk)
		gnutls_psk_free_client_credentials(other->psk);
	if (other->x509)
		gnutls_certificate_free_credentials(other->x509);
	close_ends(ends);
}

/* TLS 1.3 by the book, but for a certificate. */
static void test_no_certificate(struct keys *b, bool psk)
{
	struct other other;
	struct ends ends;

	other_begin(&ends, &other, "NORMAL", NULL, b, psk);
	ok(ends.result[1] == -EPROTO && says(&ends, 1, "shows no certificate"),
	   "no certificate: refused # %s", session_problem(ends.session[1]));
	ok(!session_proves(ends.session[1], "a", "b"), "no certificate: no name");
	other_end(&ends, &other);
}

/* Is what the kernel would get that which the other side encrypts with, and decrypts? */
static bool fits(gnutls_session_t tls, unsigned int cipher)
{
	gnutls_datum_t key, iv;
	unsigned char sequence[8];
	const unsigned char *text;
	bool good = true;
	int i;

	for (i = 0; i < 2; i++) {
		if (gnutls_record_get_state(tls, !i, NULL, &iv, &key, sequence))
			return false;
		/* IV and key lie behind one another, the IV's first part behind the key. */
		text = cipher == TLS_CIPHER_AES_GCM_256 ? given[i].aes256.iv :
							  given[i].aes128.iv;
		good &= given[i].info.cipher_type == cipher &&
			given[i].info.version == TLS_1_3_VERSION &&
			!memcmp(text, iv.data + 4, 8) && !memcmp(text + 8, key.data, key.size) &&
			!memcmp(text + 8 + key.size, iv.data, 4) &&
			!memcmp(text + 12 + key.size, sequence, 8);
	}
	return good;
}

/* What is offered is taken only if it is as strong as it has to be. */
static void test_offers(struct keys *key, struct keys *a, struct keys *b)
{
#define TLS13 "NORMAL:-VERS-ALL:+VERS-TLS1.3"
#define PSK TLS13 ":-KX-ALL:+ECDHE-PSK"
	const struct {
		const char *what;
		const char *priority;
		struct keys *keys;
		unsigned int cipher;	/* that the kernel gets; 0, refused */
	} offers[] = {
		{ "psk, AES-128-GCM", PSK ":-CIPHER-ALL:+AES-128-GCM", key,
		  TLS_CIPHER_AES_GCM_128 },
		{ "psk, P-256", PSK ":-CIPHER-ALL:+AES-128-GCM:-GROUP-ALL:+GROUP-SECP256R1", key,
		  TLS_CIPHER_AES_GCM_128 },
		{ "x509, AES-256-GCM", TLS13 ":-CIPHER-ALL:+AES-256-GCM", a,
		  TLS_CIPHER_AES_GCM_256 },
		{ "psk, AES-128-CCM", PSK ":-CIPHER-ALL:+AES-128-CCM", key, 0 },
		{ "psk without Diffie-Hellman", TLS13 ":-KX-ALL:+PSK", key, 0 },
		{ "psk, FFDHE", TLS13 ":-KX-ALL:+DHE-PSK:-GROUP-ALL:+GROUP-FFDHE2048", key, 0 },
		{ "psk, P-384", PSK ":-GROUP-ALL:+GROUP-SECP384R1", key, 0 },
		{ "x509, P-521", TLS13 ":-GROUP-ALL:+GROUP-SECP521R1", a, 0 },
		{ "psk, TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK", key, 0 },
		{ "x509, TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", a, 0 },
		{ "x509, TLS 1.1", "NORMAL:-VERS-ALL:+VERS-TLS1.1", a, 0 },
	};
	struct other other;
	struct ends ends;
	bool good;
	size_t i;

	known = key;
	for (i = 0; i < sizeof(offers) / sizeof(offers[0]); i++) {
		other_begin(&ends, &other, offers[i].priority, offers[i].keys, b, true);
		memset(given, 0, sizeof(given));
		if (offers[i].cipher)
			good = !ends.result[1] && !session_to_kernel(ends.session[1], ends.fd[1]) &&
			       fits(other.tls, offers[i].cipher);
		else
			good = ends.result[1] == -EPROTO;
		ok(good, "%s: %s # %d '%s' %d", offers[i].what,
		   offers[i].cipher ? "taken" : "refused", ends.result[1],
		   session_problem(ends.session[1]), other.result);
		other_end(&ends, &other);
	}
}

static void test_x509(struct keys *a, struct keys *b, struct keys *key)
{
	struct keys *foreign = x509("ca", "foreign", "a");
	struct keys *forged = x509("ca", "forged", "a");
	struct keys *forged1 = x509("ca", "forged1", "a");
	struct keys *expired = x509("ca", "expired", "a");
	struct keys *elsewhere = x509("ca", "c", "c");
	struct keys *common = x509("ca", "cn", "a");
	struct ends ends;

	known = key;
	good("x509", a, b, false, SECURITY_X509);
	good("x509, to a host with a shared key too", a, b, true, SECURITY_X509);

	good("x509, only a common name", common, b, false, SECURITY_X509);

	begin(&ends, foreign, b, false, "a", "b", -1);
	bad("certificate of another CA", &ends, "not accept this host's", "issuer is unknown");
	begin(&ends, forged, b, false, "a", "b", -1);
	bad("certificate by another host", &ends, "not accept this host's", "not accepted");
	begin(&ends, forged1, b, false, "a", "b", -1);
	bad("by another host of version 1", &ends, "not accept this host's", "not accepted");
	begin(&ends, a, foreign, false, "a", "b", -1);
	bad("shown a certificate of another CA", &ends, "not accepted", "not accept");
	begin(&ends, expired, b, false, "a", "b", -1);
	bad("expired", &ends, "does not accept this host's certificate", "expired");
	begin(&ends, elsewhere, b, false, "a", "b", -1);
	ok(!session_proves(ends.session[1], "a", "b") && says(&ends, 1, "is for c, not for a"),
	   "wrong name, to who accepts # %s", session_problem(ends.session[1]));
	close_ends(&ends);
	begin(&ends, a, elsewhere, false, "a", "b", -1);
	ok(!session_proves(ends.session[0], "b", "a") && says(&ends, 0, "is for c, not for b"),
	   "wrong name, to who connects # %s", session_problem(ends.session[0]));
	close_ends(&ends);
	begin(&ends, a, NULL, true, "a", "b", -1);
	bad("x509 to a host with only shared keys", &ends, "same 'security'", "same 'security'");
	keys_put(foreign);
	keys_put(forged);
	keys_put(forged1);
	keys_put(expired);
	keys_put(elsewhere);
	keys_put(common);
}

/* Whatever byte is changed on the way: never done with both sides content. */
static void test_flips(const char *what, struct keys *client, struct keys *server, long step)
{
	long at, through = 0, tried = 0;
	struct ends ends;
	long size;

	begin(&ends, client, server, !server, "a", "b", -1);
	size = ends.sent;
	close_ends(&ends);
	for (at = 0; at < size; at += step, tried++) {
		begin(&ends, client, server, !server, "a", "b", at);
		through += !ends.result[0] && !ends.result[1];
		close_ends(&ends);
	}
	ok(!through && tried > 20, "%s: a byte changed at %ld places, %ld got through", what, tried,
	   through);
}

/* What was recorded of one session is said again to the same host. */
static void test_replay(struct keys *key)
{
	char recorded[65536];
	struct ends ends;
	ssize_t size = 0;
	int turn;

	known = key;
	open_ends(&ends, -1);
	ends.session[0] = session_connect(ends.fd[0], key, "a", "b");
	ends.session[1] = session_accept(ends.fd[1], NULL, find);
	ends.result[0] = -EAGAIN;
	ends.result[1] = -EAGAIN;
	for (turn = 0; turn < TURNS; turn++) {
		ssize_t more;

		if (ends.result[0] == -EAGAIN)
			ends.result[0] = session_handshake(ends.session[0]);
		more = recv(ends.wire[0], recorded + size, sizeof(recorded) - size, 0);
		if (more > 0) {
			send(ends.wire[1], recorded + size, more, 0);
			size += more;
		}
		if (ends.result[1] == -EAGAIN)
			ends.result[1] = session_handshake(ends.session[1]);
		carry(&ends);
	}
	ok(session_security(ends.session[1]) == SECURITY_PSK && size > 100,
	   "replay: %zd bytes recorded", size);
	close_ends(&ends);

	open_ends(&ends, -1);
	ends.session[1] = session_accept(ends.fd[1], NULL, find);
	send(ends.wire[1], recorded, size, 0);
	shake(&ends);
	ok(ends.result[1] == -EPROTO && session_security(ends.session[1]) == SECURITY_UNSET,
	   "replay: refused # %s", session_problem(ends.session[1]));
	close_ends(&ends);
}

/* What does not speak TLS, or not this one. */
static void test_junk(struct keys *cert)
{
	static const char * const junk[] = {
		"\x16\x03\x01", "no this is not TLS\n", "\x16\x03\x03\xff\xff",
		"\x15\x03\x03\x00\x02\x01\x00",
	};
	struct ends ends;
	size_t i;

	for (i = 0; i < 4; i++) {
		open_ends(&ends, -1);
		ends.session[1] = session_accept(ends.fd[1], cert, find);
		send(ends.wire[1], junk[i], i == 3 ? 7 : strlen(junk[i]), 0);
		shake(&ends);
		ok(i ? ends.result[1] == -EPROTO : ends.result[1] == -EAGAIN, "junk %zu # %s", i,
		   session_problem(ends.session[1]));
		close_ends(&ends);
	}
}

/* How often memory that was allocated has these bytes, which are given inverted. */
__attribute__((no_sanitize("address")))
static int left_in_heap(const unsigned char *inverted, size_t size)
{
	unsigned long from = 0, to = 0;
	const unsigned char *at;
	char line[512];
	int found = 0;
	FILE *maps;
	size_t i;

	maps = fopen("/proc/self/maps", "re");
	while (maps && fgets(line, sizeof(line), maps)) {
		if (strstr(line, "[heap]") && sscanf(line, "%lx-%lx", &from, &to) == 2)
			break;
		to = 0;
	}
	if (maps)
		fclose(maps);
	for (at = (void *)from; (unsigned long)at + size <= to; at++) {
		for (i = 0; i < size && (at[i] ^ inverted[i]) == 0xff; i++)
			;
		found += i == size;
	}
	return found;
}

/* Not its first bytes: free() writes there. */
static void test_wiped(void)
{
	unsigned char inverted[KEYS_PSK_SIZE / 2];
	int before, after;
	size_t i;

	known = psk("wiped.psk");
	for (i = 0; i < sizeof(inverted); i++)
		inverted[i] = ~known->psk[sizeof(inverted) + i];
	good("psk to be wiped", known, NULL, true, SECURITY_PSK);
	before = left_in_heap(inverted, sizeof(inverted));
	keys_put(known);
	after = left_in_heap(inverted, sizeof(inverted));
	ok(before <= 1 && !after, "a key that nobody needs is in memory no more # %d %d", before,
	   after);
}

/* The keys of a session, which the kernel has now. */
static void test_wiped_session(struct keys *key)
{
	unsigned char inverted[2][16];
	struct ends ends;
	int after[2];
	size_t i;

	known = key;
	begin(&ends, key, NULL, true, "a", "b", -1);
	ok(talk(&ends) && hand_over(&ends), "a session to be wiped");
	for (i = 0; i < 2 * sizeof(inverted[0]); i++)
		inverted[i / 16][i % 16] = ~given[i / 16].chacha.key[16 + i % 16];
	memset(given, 0, sizeof(given));
	close_ends(&ends);
	for (i = 0; i < 2; i++)
		after[i] = left_in_heap(inverted[i], sizeof(inverted[i]));
	ok(!after[0] && !after[1], "keys of a session are in memory no more # %d %d", after[0],
	   after[1]);
}

static int keys_told;

/* What GnuTLS has been asked to tell, by GNUTLS_DEBUG_LEVEL: see Makefile. */
static void hear_log(int level, const char *line)
{
	(void)level;
	keys_told += !!strstr(line, "KEY [");
}

int main(int argc, char *argv[])
{
	struct keys *one, *other, *a, *b;

	if (argc != 2)
		return EXIT_FAILURE;
	directory = ".";
	if (chdir(argv[1]) || setenv("SSLKEYLOGFILE", "secrets", true))
		return EXIT_FAILURE;
	gnutls_global_set_log_function(hear_log);
	log_init(false);
	one = psk("one.psk");
	other = psk("other.psk");
	a = x509("ca", "a", "a");
	b = x509("ca", "b", "b");

	test_wiped();
	test_wiped_session(one);
	test_psk(one, other, b);
	test_x509(a, b, one);
	ok(access("secrets", F_OK), "secrets are not logged, whatever the environment says");
	test_no_certificate(b, false);
	test_no_certificate(b, true);
	test_offers(one, a, b);
	test_flips("psk", one, NULL, 3);
	test_flips("x509", a, b, 29);
	test_replay(one);
	test_junk(b);
	ok(keys_same(one, one) && !keys_same(one, other) && !keys_same(a, b) &&
	   !keys_same(one, NULL) && keys_same(NULL, NULL), "keys are told apart");
	ok(!keys_told && getenv("GNUTLS_DEBUG_LEVEL"), "keys of sessions are not logged # %d",
	   keys_told);
	keys_put(one);
	keys_put(other);
	keys_put(a);
	keys_put(b);
	printf("1..%d\n", tests);
	return failed;
}
