// SPDX-License-Identifier: GPL-2.0-only
/*
 * TLS 1.3 with GnuTLS, without ever waiting: every call returns -EAGAIN where
 * it would.
 *
 * Either side proves who it is. With a shared key, whoever connects says
 * "ndvald 1 FROM TO" as the identity of the key, which is part of what the key
 * authenticates: the other side looks up FROM's key, and a host that gets its
 * own words back is not TO. With certificates each shows one that the other's
 * CA has signed; the greeting then says which name of it is meant, and
 * session_proves() whether it is one.
 *
 * Always with a fresh Diffie-Hellman, so that keys that are stolen later open
 * nothing that was recorded before. No tickets, no early data, no lower
 * version. Groups are named, since GnuTLS would choose FFDHE8192 from longer
 * lists, which takes seconds.
 */
#include "session.h"
#include "config.h"
#include "ktls.h"
#include "log.h"

#include <errno.h>
#include <gnutls/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:" \
	"-CIPHER-ALL:+CHACHA20-POLY1305:+AES-256-GCM:+AES-128-GCM:" \
	"-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:%NO_TICKETS"
#define PRIORITY_PSK	BASE ":-KX-ALL:+ECDHE-PSK"
#define PRIORITY_X509	BASE ":%PROFILE_MEDIUM"
#define PRIORITY_BOTH	BASE ":%PROFILE_MEDIUM:+ECDHE-PSK"

#define IDENTITY_FORMAT	"ndvald 1 %s %s"
#define IDENTITY_MAX	(sizeof(IDENTITY_FORMAT) + 2 * NDVAL_NAME_MAX)

struct session {
	gnutls_session_t tls;
	bool server;
	enum security security;		/* how the other side proved itself; after the handshake */
	struct keys *keys;		/* in use by @tls */
	gnutls_psk_client_credentials_t client_psk;
	gnutls_psk_server_credentials_t server_psk;
	session_find *find;
	char from[NDVAL_NAME_MAX + 1];	/* of the identity */
	char to[NDVAL_NAME_MAX + 1];
	char reason[SESSION_REASON_MAX];
	char problem[KEYS_PROBLEM_MAX];
};

#define say(session, ...) \
	snprintf((session)->problem, sizeof((session)->problem), __VA_ARGS__)

/* Return: whether the identity is one of ours; fills in who it names. */
static bool parse_identity(struct session *session, const gnutls_datum_t *identity)
{
	char text[IDENTITY_MAX], again[IDENTITY_MAX];
	char from[NDVAL_NAME_MAX + 1], to[NDVAL_NAME_MAX + 1];

	if (identity->size >= sizeof(text) || memchr(identity->data, '\0', identity->size))
		return false;
	memcpy(text, identity->data, identity->size);
	text[identity->size] = '\0';
	if (sscanf(text, "ndvald 1 %63s %63s", from, to) != 2)
		return false;
	snprintf(again, sizeof(again), IDENTITY_FORMAT, from, to);
	if (strcmp(text, again) || config_check_name(from) || config_check_name(to))
		return false;
	strcpy(session->from, from);
	strcpy(session->to, to);
	return true;
}

/* In place of GnuTLS's own, which writes the secrets to a file that SSLKEYLOGFILE names. */
static int log_no_keys(gnutls_session_t tls, const char *label, const gnutls_datum_t *secret)
{
	(void)tls;
	(void)label;
	(void)secret;
	return 0;
}

static struct session *create(int fd, unsigned int end, const char *priority)
{
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->server = end == GNUTLS_SERVER;
	if (gnutls_init(&session->tls, end | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL |
			GNUTLS_NO_TICKETS)) {
		free(session);
		return NULL;
	}
	gnutls_session_set_ptr(session->tls, session);
	gnutls_session_set_keylog_function(session->tls, log_no_keys);
	gnutls_transport_set_int(session->tls, fd);
	gnutls_handshake_set_timeout(session->tls, GNUTLS_INDEFINITE_TIMEOUT);
	if (gnutls_priority_set_direct(session->tls, priority, NULL)) {
		session_free(session);
		return NULL;
	}
	return session;
}

static int use_x509(struct session *session, struct keys *keys)
{
	session->keys = keys_get(keys);
	gnutls_session_set_verify_cert(session->tls, NULL, 0);
	return gnutls_credentials_set(session->tls, GNUTLS_CRD_CERTIFICATE, keys->x509);
}

/*
 * Return: 0 with a copy of the shared key, which GnuTLS overwrites when it has
 * done with it; not so what credentials hold.
 */
static int give_psk(const struct keys *keys, gnutls_datum_t *key)
{
	key->data = gnutls_malloc(sizeof(keys->psk));
	if (!key->data)
		return -1;
	memcpy(key->data, keys->psk, sizeof(keys->psk));
	key->size = sizeof(keys->psk);
	return 0;
}

static int find_psk(gnutls_session_t tls, const gnutls_datum_t *identity, gnutls_datum_t *key)
{
	struct session *session = gnutls_session_get_ptr(tls);
	const struct keys *keys;

	if (!parse_identity(session, identity)) {
		snprintf(session->reason, sizeof(session->reason),
			 "it does not say who it is as ndvald does");
		return -1;
	}
	if (!session->find(session->from, session->to, &keys, session->reason))
		return -1;
	return give_psk(keys, key);
}

static int own_psk(gnutls_session_t tls, gnutls_datum_t *identity, gnutls_datum_t *key)
{
	struct session *session = gnutls_session_get_ptr(tls);

	identity->data = gnutls_malloc(IDENTITY_MAX);
	if (!identity->data)
		return -1;
	identity->size = snprintf((char *)identity->data, IDENTITY_MAX, IDENTITY_FORMAT,
				  session->from, session->to);
	if (!give_psk(session->keys, key))
		return 0;
	gnutls_free(identity->data);
	return -1;
}

static int use_psk(struct session *session, struct keys *keys, const char *from, const char *to)
{
	int err;

	snprintf(session->from, sizeof(session->from), "%s", from);
	snprintf(session->to, sizeof(session->to), "%s", to);
	session->keys = keys_get(keys);
	err = gnutls_psk_allocate_client_credentials(&session->client_psk);
	if (err)
		return err;
	gnutls_psk_set_client_credentials_function2(session->client_psk, own_psk);
	return gnutls_credentials_set(session->tls, GNUTLS_CRD_PSK, session->client_psk);
}

/**
 * session_connect() - TLS on the side that connects
 * @fd: connected, non-blocking; stays the caller's
 * @keys: what to prove with who we are
 * @from: name of this host
 * @to: name of the peer
 *
 * Return: the session, for session_free(), or NULL if there is no memory.
 */
struct session *session_connect(int fd, struct keys *keys, const char *from, const char *to)
{
	bool psk = keys->security == SECURITY_PSK;
	struct session *session;
	int err;

	session = create(fd, GNUTLS_CLIENT, psk ? PRIORITY_PSK : PRIORITY_X509);
	if (!session)
		return NULL;
	err = psk ? use_psk(session, keys, from, to) : use_x509(session, keys);
	if (err) {
		session_free(session);
		return NULL;
	}
	return session;
}

/**
 * session_accept() - TLS on the side that accepts
 * @fd: connected, non-blocking; stays the caller's
 * @x509: certificate of this host, or NULL
 * @find: tells the shared keys; NULL, there are none
 *
 * Return: the session, for session_free(), or NULL if there is no memory.
 */
struct session *session_accept(int fd, struct keys *x509, session_find *find)
{
	struct session *session;
	int err = 0;

	session = create(fd, GNUTLS_SERVER,
			 !x509 ? PRIORITY_PSK : find ? PRIORITY_BOTH : PRIORITY_X509);
	if (!session)
		return NULL;
	session->find = find;
	if (x509) {
		err = use_x509(session, x509);
		gnutls_certificate_server_set_request(session->tls, GNUTLS_CERT_REQUIRE);
		/* No list of CAs: a wrong certificate is to be shown, and refused by name. */
		gnutls_certificate_send_x509_rdn_sequence(session->tls, 1);
	}
	if (find && !err) {
		err = gnutls_psk_allocate_server_credentials(&session->server_psk);
		if (!err) {
			gnutls_psk_set_server_credentials_function2(session->server_psk, find_psk);
			err = gnutls_credentials_set(session->tls, GNUTLS_CRD_PSK,
						     session->server_psk);
		}
	}
	if (err) {
		session_free(session);
		return NULL;
	}
	return session;
}

/**
 * session_free() - forget the keys; says nothing to the other side
 * @session: or NULL
 */
void session_free(struct session *session)
{
	if (!session)
		return;
	gnutls_deinit(session->tls);
	if (session->client_psk)
		gnutls_psk_free_client_credentials(session->client_psk);
	if (session->server_psk)
		gnutls_psk_free_server_credentials(session->server_psk);
	keys_put(session->keys);
	free(session);
}

/* What the other side's alert most likely means here. */
static const char *alert_hint(gnutls_alert_description_t alert)
{
	switch ((int)alert) {
	case GNUTLS_A_ACCESS_DENIED:
		return "no peer configured there has this host's address, or no keys are";
	case GNUTLS_A_UNKNOWN_PSK_IDENTITY:
	case GNUTLS_A_INTERNAL_ERROR:
		return "it has no key for this host, or is another host: its log says more";
	case GNUTLS_A_ILLEGAL_PARAMETER:
	case GNUTLS_A_DECRYPT_ERROR:
	case GNUTLS_A_BAD_RECORD_MAC:
		return "is the key the same on both hosts?";
	case GNUTLS_A_CERTIFICATE_EXPIRED:
	case GNUTLS_A_BAD_CERTIFICATE:
	case GNUTLS_A_UNSUPPORTED_CERTIFICATE:
	case GNUTLS_A_CERTIFICATE_UNKNOWN:
	case GNUTLS_A_CERTIFICATE_REVOKED:
	case GNUTLS_A_UNKNOWN_CA:
		return "it does not accept this host's certificate: its log says why";
	case GNUTLS_A_CERTIFICATE_REQUIRED:
	case GNUTLS_A_HANDSHAKE_FAILURE:
	case GNUTLS_A_INSUFFICIENT_SECURITY:
	case GNUTLS_A_MISSING_EXTENSION:
		return "do both hosts have the same 'security', and keys for it?";
	case GNUTLS_A_PROTOCOL_VERSION:
		return "only TLS 1.3 is spoken";
	}
	return "its log says more";
}

static void describe_certificate(struct session *session)
{
	unsigned int status = gnutls_session_get_verify_cert_status(session->tls);
	gnutls_datum_t text = { };
	size_t length;

	if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0)) {
		say(session, "its certificate is not accepted");
		return;
	}
	length = strlen((char *)text.data);
	while (length && text.data[length - 1] == ' ')
		length--;
	say(session, "its certificate is not accepted: %.*s", (int)length, (char *)text.data);
	gnutls_free(text.data);
}

/* GnuTLS itself only says that the certificate is bad. */
static gnutls_alert_description_t certificate_alert(const struct session *session)
{
	unsigned int status = gnutls_session_get_verify_cert_status(session->tls);

	if (status & GNUTLS_CERT_EXPIRED)
		return GNUTLS_A_CERTIFICATE_EXPIRED;
	if (status & GNUTLS_CERT_SIGNER_NOT_FOUND)
		return GNUTLS_A_UNKNOWN_CA;
	return GNUTLS_A_BAD_CERTIFICATE;
}

/* An alert fits into the buffer of the socket, or gets lost. */
static void send_alert(struct session *session, int err)
{
	if (session->reason[0])
		gnutls_alert_send(session->tls, GNUTLS_AL_FATAL, GNUTLS_A_UNKNOWN_PSK_IDENTITY);
	else if (err == GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR)
		gnutls_alert_send(session->tls, GNUTLS_AL_FATAL, certificate_alert(session));
	else
		gnutls_alert_send_appropriate(session->tls, err);
}

static void describe(struct session *session, int err)
{
	gnutls_alert_description_t alert;
	const char *name;

	switch (err) {
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
	case GNUTLS_E_WARNING_ALERT_RECEIVED:
		alert = gnutls_alert_get(session->tls);
		name = gnutls_alert_get_name(alert);
		say(session, "it ended the TLS handshake (%s): %s", name ?: "unknown alert",
		    alert_hint(alert));
		break;
	case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
	case GNUTLS_E_CERTIFICATE_ERROR:
		describe_certificate(session);
		break;
	case GNUTLS_E_NO_CERTIFICATE_FOUND:
	case GNUTLS_E_CERTIFICATE_REQUIRED:
		say(session, "it shows no certificate: do both hosts have the same 'security'?");
		break;
	case GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER:
	case GNUTLS_E_DECRYPTION_FAILED:
		say(session,
		    "it does not have the key of %s, or somebody changed what it sent: is the key the same on both hosts?",
		    session->server && session->from[0] ? session->from : "this link");
		break;
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
		say(session, "it does not speak TLS 1.3");
		break;
	case GNUTLS_E_PREMATURE_TERMINATION:
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_PUSH_ERROR:
		say(session, "the connection was closed in the TLS handshake");
		break;
	case GNUTLS_E_UNEXPECTED_PACKET:
	case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
	case GNUTLS_E_RECORD_OVERFLOW:
		say(session,
		    "it does not speak TLS: is this the right port, and does ndvald there encrypt?"
		    );
		break;
	case GNUTLS_E_NO_CIPHER_SUITES:
	case GNUTLS_E_NO_COMMON_KEY_SHARE:
	case GNUTLS_E_INSUFFICIENT_CREDENTIALS:
	case GNUTLS_E_UNWANTED_ALGORITHM:
		say(session,
		    "it found nothing that both hosts accept: do both speak TLS 1.3, with the same 'security', and keys for it? (%s)",
		    gnutls_strerror_name(err));
		break;
	default:
		say(session, "TLS handshake: %s", gnutls_strerror(err));
	}
}

/* After the handshake: what has it proved? Return: whether that is enough. */
static bool take_proof(struct session *session)
{
	gnutls_kx_algorithm_t kx = gnutls_kx_get(session->tls);

	if (gnutls_transport_is_ktls_enabled(session->tls))
		say(session,
		    "GnuTLS gave the keys to the kernel by itself: remove 'ktls = true' from /etc/gnutls/config"
		    );
	else if (gnutls_protocol_get_version(session->tls) != GNUTLS_TLS1_3)
		say(session, "it does not speak TLS 1.3");
	else if (kx == GNUTLS_KX_ECDHE_PSK)
		session->security = SECURITY_PSK;
	else if (gnutls_auth_get_type(session->tls) == GNUTLS_CRD_CERTIFICATE &&
		 gnutls_certificate_get_peers(session->tls, NULL))
		session->security = SECURITY_X509;
	else
		say(session, "it proved nothing in the TLS handshake");

	/* Who connects knows how it wants to be answered. */
	if (session->security && !session->server && session->security != session->keys->security) {
		say(session, "it proves itself in another way than 'security' says");
		session->security = SECURITY_UNSET;
	}
	return session->security;
}

/**
 * session_handshake() - go on with the handshake
 * @session: after session_connect() or session_accept()
 *
 * Return: 0, it is done; -EAGAIN, call again when the connection is ready for
 * session_wants_write(); or -EPROTO with session_problem() set, the other side
 * is told.
 */
int session_handshake(struct session *session)
{
	int err;

	do
		err = gnutls_handshake(session->tls);
	while (err == GNUTLS_E_INTERRUPTED);

	if (err == GNUTLS_E_AGAIN)
		return -EAGAIN;
	if (!err)
		return take_proof(session) ? 0 : -EPROTO;
	if (session->reason[0])
		say(session, "%s", session->reason);
	else
		describe(session, err);
	send_alert(session, err);
	return -EPROTO;
}

/**
 * session_wants_write() - what does the handshake wait for?
 * @session: whose session_handshake() returned -EAGAIN
 *
 * Return: whether for room to send, else it waits for data.
 */
bool session_wants_write(const struct session *session)
{
	return gnutls_record_get_direction(session->tls);
}

/**
 * session_security() - how has the other side proved who it is?
 * @session: after the handshake
 *
 * Return: SECURITY_PSK or SECURITY_X509.
 */
enum security session_security(const struct session *session)
{
	return session->security;
}

/**
 * session_proves() - is the other side who it says it is?
 * @session: after the handshake
 * @name: of the other side
 * @host: of this host
 *
 * Return: whether so; session_problem() is set if not.
 */
bool session_proves(struct session *session, const char *name, const char *host)
{
	const gnutls_datum_t *chain;
	unsigned int count;
	char names[200] = "";

	if (session->security == SECURITY_PSK && !session->server)
		return true;		/* no other has the key under these two names */
	if (session->security == SECURITY_PSK) {
		if (!strcmp(session->from, name) && !strcmp(session->to, host))
			return true;
		say(session, "its key is that of %s, not of %s", session->from, name);
		return false;
	}
	chain = gnutls_certificate_get_peers(session->tls, &count);
	if (session->security == SECURITY_X509 && chain && count &&
	    keys_certify(&chain[0], name, names, sizeof(names)))
		return true;
	say(session, "its certificate is for %s, not for %s",
	    session->security == SECURITY_X509 && *names ? names : "nobody", name);
	return false;
}

/**
 * session_send() - send a line as one record
 * @session: after the handshake
 * @text: short: it fits into the buffer of a fresh socket as a whole
 *
 * Return: whether it was sent.
 */
bool session_send(struct session *session, const char *text)
{
	return gnutls_record_send(session->tls, text, strlen(text)) == (ssize_t)strlen(text);
}

/**
 * session_receive() - one record
 * @session: after the handshake
 * @buffer: for its contents
 * @size: of @buffer
 *
 * What comes behind it stays in the socket.
 *
 * Return: number of bytes, 0 at the end, -EAGAIN, or another negative errno.
 */
ssize_t session_receive(struct session *session, char *buffer, size_t size)
{
	ssize_t got;

	do
		got = gnutls_record_recv(session->tls, buffer, size);
	while (got == GNUTLS_E_INTERRUPTED);

	if (got == GNUTLS_E_AGAIN)
		return -EAGAIN;
	if (got == GNUTLS_E_PREMATURE_TERMINATION || got == GNUTLS_E_PULL_ERROR)
		return -ECONNRESET;
	if (got < 0) {
		describe(session, got);
		return -EBADMSG;
	}
	return gnutls_record_check_pending(session->tls) ? -EPROTO : got;
}

/**
 * session_to_kernel() - from here on the kernel encrypts
 * @session: after the greeting; only for session_free() afterwards
 * @fd: its connection, after ktls_prepare()
 *
 * Return: 0 or -EPROTO with session_problem() set.
 */
int session_to_kernel(struct session *session, int fd)
{
	const char *problem;

	problem = ktls_install(fd, session->tls);
	if (!problem) {
		log_debug("TLS 1.3 with %s and %s",
			  gnutls_cipher_get_name(gnutls_cipher_get(session->tls)),
			  gnutls_group_get_name(gnutls_group_get(session->tls)));
		return 0;
	}
	say(session, "%s", problem);
	return -EPROTO;
}

/**
 * session_problem() - why has the last call failed?
 * @session: whose
 *
 * Return: a sentence, in which nothing comes from the other side as it was.
 */
const char *session_problem(const struct session *session)
{
	return session->problem;
}
