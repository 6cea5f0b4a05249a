// SPDX-License-Identifier: GPL-2.0-only
/*
 * Files with keys are read once, when the configuration is. They must be
 * root's; what is secret in them must be readable by its owner only, and is
 * overwritten when nobody needs it any more.
 */
#include "keys.h"
#include "log.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FILE_MAX	(256 * 1024)
#define EXPIRES_SOON	(14 * 24 * 3600)

#define say(problem, ...)	snprintf(problem, KEYS_PROBLEM_MAX, __VA_ARGS__)

struct text {
	size_t length;
	unsigned char *bytes;		/* with a NUL behind them */
};

static void drop(struct text *text)
{
	if (text->bytes)
		explicit_bzero(text->bytes, text->length);
	free(text->bytes);
	text->bytes = NULL;
}

/* Whoever owns a file may change it, and let others. */
static bool check_owner(const char *path, const struct stat *st, char *problem)
{
	if (!st->st_uid || st->st_uid == geteuid())
		return true;
	say(problem, "%s belongs to user %u: make it root's with 'chown root %s'", path,
	    st->st_uid, path);
	return false;
}

/*
 * Only its owner may read a secret. Others may be public, but who may write a
 * certificate of a CA decides who is trusted.
 */
static bool check_mode(const char *path, const struct stat *st, bool secret, char *problem)
{
	if (secret && st->st_mode & 077)
		say(problem,
		    "%s may be used by others than its owner (mode %04o): if nobody has read it use 'chmod 600 %s', else make a new one",
		    path, st->st_mode & 07777, path);
	else if (st->st_mode & 022)
		say(problem,
		    "%s may be changed by others than its owner (mode %04o): 'chmod go-w %s'",
		    path, st->st_mode & 07777, path);
	else
		return true;
	return false;
}

static bool read_all(int fd, const char *path, size_t size, struct text *text, char *problem)
{
	ssize_t got;

	text->length = 0;
	text->bytes = malloc(size + 1);
	if (!text->bytes) {
		say(problem, "%s: %s", path, strerror(ENOMEM));
		return false;
	}
	while (text->length < size) {
		got = read(fd, text->bytes + text->length, size - text->length);
		if (got < 0) {
			say(problem, "%s: %s", path, strerror(errno));
			drop(text);
			return false;
		}
		if (!got)
			break;
		text->length += got;
	}
	text->bytes[text->length] = '\0';
	return true;
}

static bool read_file(const char *path, bool secret, struct text *text, char *problem)
{
	struct stat st;
	bool good;
	int fd;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st) < 0) {
		say(problem, "%s: %s%s", path, strerror(errno),
		    errno == EACCES ? ": make it root's, which ndvald reads files as" : "");
		good = false;
	} else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		say(problem, "%s is not a file with keys", path);
		good = false;
	} else {
		good = check_owner(path, &st, problem) &&
		       check_mode(path, &st, secret, problem) &&
		       read_all(fd, path, st.st_size, text, problem);
	}
	if (fd >= 0)
		close(fd);
	return good;
}

static struct keys *create(enum security security, char *problem)
{
	struct keys *keys = calloc(1, sizeof(*keys));

	/* With GNUTLS_DEBUG_LEVEL in the environment it tells keys of sessions. */
	gnutls_global_set_log_level(0);
	if (!keys) {
		say(problem, "%s", strerror(ENOMEM));
		return NULL;
	}
	keys->refs = 1;
	keys->security = security;
	return keys;
}

static int digit(unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = isxdigit(c) ? strchr(digits, tolower(c)) : NULL;

	return found ? found - digits : -1;
}

/* Lines that begin with # are comments; one is the key. */
static bool parse_psk(const char *text, unsigned char *psk)
{
	bool found = false;
	int high, low;
	size_t i;

	for (; *text; text += strcspn(text, "\n"), text += *text == '\n') {
		if (*text == '#' || *text == '\n')
			continue;
		if (found || strcspn(text, "\n") != 2 * KEYS_PSK_SIZE)
			return false;
		for (i = 0; i < KEYS_PSK_SIZE; i++) {
			high = digit(text[2 * i]);
			low = digit(text[2 * i + 1]);
			if (high < 0 || low < 0)
				return false;
			psk[i] = high << 4 | low;
		}
		found = true;
	}
	return found;
}

/*
 * The private key is that of the certificate, so its file need not go in; and
 * what GnuTLS hashes it leaves in memory.
 */
static int take_print(struct keys *keys, const struct text *ca, const struct text *certificate)
{
	gnutls_hash_hd_t hash;
	int err;

	err = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);
	if (err)
		return err;
	err = gnutls_hash(hash, &ca->length, sizeof(ca->length));
	if (!err)
		err = gnutls_hash(hash, ca->bytes, ca->length);
	if (!err)
		err = gnutls_hash(hash, certificate->bytes, certificate->length);
	gnutls_hash_deinit(hash, keys->print);
	return err;
}

/**
 * keys_load_psk() - read a key that two hosts share
 * @path: file made by 'ndvalctl key gen'
 * @problem: KEYS_PROBLEM_MAX bytes; what is wrong with it, and what to do
 *
 * Return: the keys, for keys_put(), or NULL.
 */
struct keys *keys_load_psk(const char *path, char *problem)
{
	struct keys *keys = create(SECURITY_PSK, problem);
	struct text text = { };
	bool good;

	if (!keys)
		return NULL;
	good = read_file(path, true, &text, problem);
	if (good && !parse_psk((char *)text.bytes, keys->psk)) {
		say(problem,
		    "%s is no key of ndval: make one with 'ndvalctl key gen FILE', and copy it to the peer",
		    path);
		good = false;
	}
	drop(&text);
	if (good)
		return keys;
	keys_put(keys);
	return NULL;
}

static void add_name(char *names, size_t size, const char *name, size_t length)
{
	size_t used = strlen(names);
	char text[256], clean[256];

	snprintf(text, sizeof(text), "%.*s", (int)(length < 64 ? length : 64), name);
	snprintf(names + used, size - used, "%s%s", used ? ", " : "",
		 log_escape(clean, sizeof(clean), text));
}

static bool is_name(const char *found, size_t length, const char *name)
{
	return length == strlen(name) && !memcmp(found, name, length);
}

/*
 * The common name counts only where there are no names of the newer kind, such as are
 * too long for a host too.
 */
static bool certifies(gnutls_x509_crt_t crt, const char *name, char *names, size_t size)
{
	char found[256];
	bool any = false;
	size_t length;
	unsigned int i;
	int type;

	names[0] = '\0';
	for (i = 0; ; i++) {
		length = sizeof(found);
		type = gnutls_x509_crt_get_subject_alt_name(crt, i, found, &length, NULL);
		if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER)
			return false;
		any |= type < 0 || type == GNUTLS_SAN_DNSNAME;
		if (type != GNUTLS_SAN_DNSNAME)
			continue;
		if (is_name(found, length, name))
			return true;
		add_name(names, size, found, length);
	}
	length = sizeof(found);
	if (any || gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, found,
						 &length))
		return false;
	add_name(names, size, found, length);
	return is_name(found, length, name);
}

/**
 * keys_certify() - is a certificate one for this name?
 * @der: the certificate
 * @name: of a host; must be in it exactly so, there are no wildcards
 * @names: set to the names that it is for, to show
 * @size: of @names
 *
 * Return: whether it is.
 */
bool keys_certify(const gnutls_datum_t *der, const char *name, char *names, size_t size)
{
	gnutls_x509_crt_t crt;
	bool good = false;

	snprintf(names, size, "nobody");
	if (gnutls_x509_crt_init(&crt))
		return false;
	if (!gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER))
		good = certifies(crt, name, names, size);
	gnutls_x509_crt_deinit(crt);
	return good;
}

/* What the others would say of this host's own certificate. */
static bool check_own(const struct keys *keys, const char *path, const char *host, char *problem)
{
	gnutls_x509_crt_t *list = NULL;
	unsigned int count = 0, i;
	time_t now = time(NULL);
	char names[200];
	bool good;
	int err;

	err = gnutls_certificate_get_x509_crt(keys->x509, 0, &list, &count);
	if (err || !count) {
		say(problem, "%s: %s", path, gnutls_strerror(err));
		return false;
	}
	good = certifies(list[0], host, names, sizeof(names));
	if (!good)
		say(problem,
		    "%s is a certificate for %s, not for %s: one for the name in [host] is needed",
		    path, *names ? names : "nobody", host);
	else if (gnutls_x509_crt_get_expiration_time(list[0]) <= now)
		log_warn("%s has expired: peers will refuse this host; renew it, then 'systemctl reload ndvald'",
			 path);
	else if (gnutls_x509_crt_get_activation_time(list[0]) > now)
		log_warn("%s is not valid yet: peers will refuse this host; is the clock right?",
			 path);
	else if (gnutls_x509_crt_get_expiration_time(list[0]) - now < EXPIRES_SOON)
		log_warn("%s expires within two weeks: renew it, then 'systemctl reload ndvald'",
			 path);
	for (i = 0; i < count; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
	return good;
}

static gnutls_datum_t datum(const struct text *text)
{
	return (gnutls_datum_t){ .data = text->bytes, .size = text->length };
}

/* @texts: of CA, certificate, key. */
static bool take_x509(struct keys *keys, const struct key_paths *paths, const struct text *texts,
		      char *problem)
{
	gnutls_datum_t ca = datum(&texts[0]), crt = datum(&texts[1]), key = datum(&texts[2]);
	int err;

	err = gnutls_certificate_allocate_credentials(&keys->x509);
	if (!err)
		err = take_print(keys, &texts[0], &texts[1]);
	if (err) {
		say(problem, "%s: %s", paths->certificate, gnutls_strerror(err));
		return false;
	}
	err = gnutls_certificate_set_x509_trust_mem(keys->x509, &ca, GNUTLS_X509_FMT_PEM);
	if (err <= 0) {
		say(problem, "%s has no certificate of a CA in PEM form: %s", paths->ca,
		    gnutls_strerror(err));
		return false;
	}
	err = gnutls_certificate_set_x509_key_mem(keys->x509, &crt, &key, GNUTLS_X509_FMT_PEM);
	if (err == GNUTLS_E_CERTIFICATE_KEY_MISMATCH)
		say(problem,
		    "%s is not the key of the certificate %s: use the two that were made together",
		    paths->key, paths->certificate);
	else if (err < 0)
		say(problem, "%s, %s: no certificate and key in PEM form without a password: %s",
		    paths->certificate, paths->key, gnutls_strerror(err));
	return err >= 0;
}

/**
 * keys_load_x509() - read this host's certificate, and who may make those of others
 * @paths: of CA, certificate and key, in PEM form
 * @host: name of this host
 * @problem: KEYS_PROBLEM_MAX bytes; what is wrong with it, and what to do
 *
 * Return: the keys, for keys_put(), or NULL.
 */
struct keys *keys_load_x509(const struct key_paths *paths, const char *host, char *problem)
{
	struct keys *keys = create(SECURITY_X509, problem);
	struct text texts[3] = { };
	bool good;
	size_t i;

	if (!keys)
		return NULL;
	good = read_file(paths->ca, false, &texts[0], problem) &&
	       read_file(paths->certificate, false, &texts[1], problem) &&
	       read_file(paths->key, true, &texts[2], problem) &&
	       take_x509(keys, paths, texts, problem) &&
	       check_own(keys, paths->certificate, host, problem);
	for (i = 0; i < 3; i++)
		drop(&texts[i]);
	if (good)
		return keys;
	keys_put(keys);
	return NULL;
}

/**
 * keys_get() - one more that holds the keys
 * @keys: or NULL
 *
 * Return: @keys
 */
struct keys *keys_get(struct keys *keys)
{
	if (keys)
		keys->refs++;
	return keys;
}

/**
 * keys_put() - the opposite of keys_get(); the last one takes them out of memory
 * @keys: or NULL
 */
void keys_put(struct keys *keys)
{
	if (!keys || --keys->refs)
		return;
	if (keys->x509)
		gnutls_certificate_free_credentials(keys->x509);
	explicit_bzero(keys, sizeof(*keys));
	free(keys);
}

/**
 * keys_same() - do two prove the same?
 * @a: one, NULL for none
 * @b: the other
 *
 * Return: whether a link made with the one need not be made again for the other.
 */
bool keys_same(const struct keys *a, const struct keys *b)
{
	if (!a || !b)
		return a == b;
	return a->security == b->security && !memcmp(a->psk, b->psk, sizeof(a->psk)) &&
	       !memcmp(a->print, b->print, sizeof(a->print));
}
