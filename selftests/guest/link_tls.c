// SPDX-License-Identifier: GPL-2.0-only
/*
 * Links over TLS: values flow as over any other, whoever listens sees none, what is
 * no data ends the link with a reason, and what was changed on the way is not
 * delivered. Keys are fixed, as if the two had shaken hands.
 *
 * vm: sources=peer.c,tls.c,../../tools/lib/nl.c libs="-lmnl -lpthread -lnettle" timeout=180
 * vm: modules=tls,chacha20poly1305,gcm
 */
#include <linux/genetlink.h>
#include <nettle/chacha-poly1305.h>
#include <sys/socket.h>

#include "kselftest_harness.h"
#include "common.h"
#include "peer.h"
#include "tls.h"

/* Bytes that copies read at a time, of which a chunk's border is a part. */
#define PIECE	(20 * KIB)

static const char damaged[] =
	"a TLS record was changed, repeated or left out, or has another key";
static const char no_record[] = "what came is no record of TLS 1.3";
static const char cut_off[] = "the connection was cut off: TLS did not come to its end";
static const char closed[] = "the peer has closed the connection";

FIXTURE(tls)
{
	struct host host;
	struct fake fake;
	struct tap *tap;
	int copy[2];		/* of the application, at each of two kernel members */
};

FIXTURE_SETUP(tls)
{
	memset(self, 0, sizeof(*self));
	self->fake.peer.fd = -1;
	self->copy[0] = -1;
	self->copy[1] = -1;
	self->tap = calloc(1, sizeof(*self->tap));
	ASSERT_NE(NULL, self->tap);
	ASSERT_TRUE(host_open(&self->host));
	ASSERT_EQ(0, host_call(&self->host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
	ASSERT_EQ(0, host_pair(&self->host, "web1", "web", "m1", "m2"));
	side_primary(&self->fake.side, "web");
}

/* The members' links are gone, or their members could not go. */
FIXTURE_TEARDOWN(tls)
{
	peer_close(&self->fake.peer);
	tap_close(self->tap);
	free(self->tap);
	close(self->copy[0]);
	close(self->copy[1]);
	host_pair_del(&self->host, "web1");
	host_pair_del(&self->host, "web2");
	run("ndvalctl link detach --member m1 --peer m2");
	run("ndvalctl link detach --member m2 --peer m1");
	host_call(&self->host, NDVAL_CMD_MEMBER_DEL, NDVAL_A_MEMBER_NAME, "m2");
	EXPECT_TRUE(host_member_del(&self->host, "m1"));
	EXPECT_FALSE(self->host.gap);
	host_close(&self->host);
}

/* Two kernel members */

/* Joins m1 and m2 by what has been connected; their ends are closed here. */
static bool join(struct host *host, int *ends, __u32 *links)
{
	bool joined = !host_attach(host, "m1", "m2", ends[0], &links[0]) &&
		      !host_attach(host, "m2", "m1", ends[1], &links[1]);

	close(ends[0]);
	close(ends[1]);
	ends[0] = -1;
	ends[1] = -1;
	return joined;
}

/* m2, whose pair follows that of m1. */
static bool second_member(struct host *host)
{
	return !host_call(host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m2") &&
	       !host_pair(host, "web2", "web", "m2", "m1") &&
	       !host_promote(host, "web1");
}

static bool are_in_sync(struct host *host)
{
	return host_peer_is(host, "web1", "m2", NDVAL_PEER_STATE_IN_SYNC) &&
	       host_peer_is(host, "web2", "m1", NDVAL_PEER_STATE_IN_SYNC);
}

/* Both copies read on, and get the same; the last of it is left in @bytes. */
static bool read_the_same(int *copy, unsigned char *bytes)
{
	static unsigned char other[PIECE];

	if (copy[0] < 0) {
		copy[0] = node_open("web1", 0);
		copy[1] = node_open("web2", 0);
	}
	return get_all(copy[0], bytes, PIECE, PIECE) && get_all(copy[1], other, PIECE, PIECE) &&
	       !memcmp(bytes, other, PIECE);
}

static int take_text(const struct nlmsghdr *nlh, void *data)
{
	char *text = data;
	const __u16 type = *text;
	const struct nlattr *attr;

	strcpy(text, "-");
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == type)
			snprintf(text, REASON_SIZE, "%s", mnl_attr_get_str(attr));
	return MNL_CB_OK;
}

/* Is this said of the link, and of the peer at its other end? */
static bool is_protected_by(struct host *host, __u32 link, const char *pair, const char *peer,
			    const char *word)
{
	char of_link[REASON_SIZE] = { NDVAL_A_LINK_SECURITY };
	char of_peer[REASON_SIZE] = { NDVAL_A_PEER_SECURITY };

	nl_request(host->nl, NDVAL_CMD_LINK_GET, 0);
	nl_put_u32(host->nl, NDVAL_A_LINK_ID, link);
	if (nl_call(host->nl, take_text, of_link))
		strcpy(of_link, "-");
	nl_request(host->nl, NDVAL_CMD_PEER_GET, 0);
	nl_put_str(host->nl, NDVAL_A_PEER_PAIR, pair);
	nl_put_str(host->nl, NDVAL_A_PEER_NAME, peer);
	if (nl_call(host->nl, take_text, of_peer))
		return false;
	if (!strcmp(of_link, word) && !strcmp(of_peer, word))
		return true;
	printf("# %s: %s, %s\n", word, of_link, of_peer);
	return false;
}

TEST_F(tls, values_flow_and_are_equal)
{
	static unsigned char bytes[PIECE];
	char reason[REASON_SIZE];
	enum cipher cipher;
	__u32 links[2];
	int ends[2];
	int i;

	ASSERT_TRUE(second_member(&self->host));
	for (cipher = 0; cipher < CIPHERS; cipher++) {
		ASSERT_TRUE(tls_pair(ends, cipher, 1)) TH_LOG("%s", cipher_names[cipher]);
		ASSERT_TRUE(join(&self->host, ends, links));
		ASSERT_TRUE(are_in_sync(&self->host)) TH_LOG("%s", cipher_names[cipher]);
		for (i = 0; i < 20; i++)
			ASSERT_TRUE(read_the_same(self->copy, bytes));
		EXPECT_TRUE(is_protected_by(&self->host, links[0], "web1", "m2", "tls"));
		EXPECT_TRUE(is_protected_by(&self->host, links[1], "web2", "m1", "tls"));
		ASSERT_EQ(0, run("ndvalctl link detach --member m1 --peer m2"));
		ASSERT_TRUE(host_link_down(&self->host, links[1], reason));
		EXPECT_STREQ("the peer says: detached", reason);
		EXPECT_TRUE(is_protected_by(&self->host, links[1], "web2", "m1", "-"));
	}
}

/* The same test of both, so that it is known to find what it looks for. */
TEST_F(tls, whoever_listens_sees_values_only_on_a_plain_link)
{
	static unsigned char bytes[PIECE];
	struct tap *tap = self->tap;
	char reason[REASON_SIZE];
	__u32 links[2];
	int encrypted;

	ASSERT_TRUE(second_member(&self->host));
	for (encrypted = 0; encrypted < 2; encrypted++) {
		ASSERT_TRUE(tap_open(tap, !encrypted));
		if (encrypted)
			ASSERT_TRUE(tls_keys(tap->ends, CHACHA20, 1));
		ASSERT_TRUE(join(&self->host, tap->ends, links));
		ASSERT_TRUE(are_in_sync(&self->host));
		ASSERT_TRUE(read_the_same(self->copy, bytes));
		ASSERT_TRUE(read_the_same(self->copy, bytes));
		EXPECT_TRUE(is_protected_by(&self->host, links[0], "web1", "m2",
					    encrypted ? "tls" : "plain"));
		EXPECT_LT(PIECE, tap->kept);
		EXPECT_EQ(!encrypted, tap_shows(tap, bytes, 16));
		EXPECT_EQ(!encrypted, tap_shows(tap, bytes + PIECE - 16, 16));
		EXPECT_EQ(!encrypted, tap_shows(tap, "default", 7));
		EXPECT_EQ(!encrypted, tap_shows(tap, "m2", 3));
		tap_close(tap);
		ASSERT_TRUE(host_link_down(&self->host, links[0], reason));
		/* The sender may find out first, which does not know how it ended. */
		if (!encrypted || strcmp(cut_off, reason))
			EXPECT_STREQ(closed, reason);
	}
}

/* Somebody in the middle */

/* Attaches a connection with a tap, by which values flow. */
static bool tapped(struct host *host, struct tap *tap, enum cipher cipher, int *copy,
		   __u32 *links)
{
	static unsigned char bytes[PIECE];

	return tap_open(tap, false) && tls_keys(tap->ends, cipher, 1) &&
	       join(host, tap->ends, links) && are_in_sync(host) && read_the_same(copy, bytes);
}

/*
 * Records that are harmed: the link ends on that side, nothing of it is given to
 * anybody, and the copies go on with equal values over the next link.
 */
TEST_F(tls, what_was_changed_on_the_way_ends_the_link)
{
	static const struct {
		const char	*what;
		enum harm	harm;
		int		at;
		const char	*reason;
	} harms[] = {
		{ "version", FLIP, 1, no_record },
		{ "length", FLIP, 3, NULL },
		{ "first byte", FLIP, 5, damaged },
		{ "second byte", FLIP, 6, damaged },
		{ "some byte", FLIP, 21, damaged },
		{ "last byte before the tag", FLIP, -17, damaged },
		{ "the tag", FLIP, -1, damaged },
		{ "left out", DROP, 0, damaged },
		{ "repeated", REPEAT, 0, damaged },
		{ "in another order", SWAP, 0, damaged },
		{ "cut in its head", CUT, 3, cut_off },
		{ "cut in the middle", CUT, 20, cut_off },
		{ "cut after it", CUT, 0, cut_off },
		{ "plain text", JUNK, 0, NULL },
	};
	static unsigned char bytes[PIECE], others[PIECE];
	char reason[REASON_SIZE];
	__u32 links[2];
	size_t i;

	ASSERT_TRUE(second_member(&self->host));
	for (i = 0; i < ARRAY_LEN(harms); i++) {
		ASSERT_TRUE(tapped(&self->host, self->tap, i % CIPHERS, self->copy, links))
			TH_LOG("%s", harms[i].what);
		tap_harm(self->tap, harms[i].harm, harms[i].at);
		/* This one goes on alone, once the link is down. */
		ASSERT_TRUE(get_all(self->copy[0], bytes, PIECE, PIECE));
		ASSERT_TRUE(host_link_down(&self->host, links[1], reason))
			TH_LOG("%s", harms[i].what);
		EXPECT_TRUE(wait_until(tap_harmed(self->tap), 10));
		if (harms[i].reason)
			EXPECT_STREQ(harms[i].reason, reason) TH_LOG("%s", harms[i].what);
		EXPECT_NE(0, *reason);
		tap_close(self->tap);
		/* What one had read alone the other gets as well, and no other bytes. */
		ASSERT_TRUE(tls_pair(self->tap->ends, CHACHA20, 50));
		ASSERT_TRUE(join(&self->host, self->tap->ends, links));
		ASSERT_TRUE(are_in_sync(&self->host));
		ASSERT_TRUE(get_all(self->copy[1], others, PIECE, PIECE));
		EXPECT_EQ(0, memcmp(bytes, others, PIECE)) TH_LOG("%s", harms[i].what);
		ASSERT_TRUE(read_the_same(self->copy, bytes)) TH_LOG("%s", harms[i].what);
	}
}

/* The type that all can see says nothing in TLS 1.3: the one that counts is inside. */
TEST_F(tls, the_outer_type_of_a_record_does_not_count)
{
	static unsigned char bytes[PIECE];
	__u32 links[2];

	ASSERT_TRUE(second_member(&self->host));
	ASSERT_TRUE(tapped(&self->host, self->tap, CHACHA20, self->copy, links));
	tap_harm(self->tap, FLIP, 0);
	EXPECT_TRUE(read_the_same(self->copy, bytes));
	EXPECT_TRUE(wait_until(tap_harmed(self->tap), 10));
	EXPECT_TRUE(read_the_same(self->copy, bytes));
	EXPECT_TRUE(host_link_lives(&self->host, links[1]));
}

/* Two that do not have the same key, and one that has it in one direction only. */
TEST_F(tls, another_key_opens_nothing)
{
	char reason[REASON_SIZE];
	enum cipher cipher;
	__u32 links[2];
	int ends[2];

	ASSERT_TRUE(second_member(&self->host));
	for (cipher = 0; cipher < CIPHERS; cipher++) {
		ASSERT_TRUE(tcp_pair(ends));
		ASSERT_TRUE(tls_end(ends[0], cipher, 1, 2));
		ASSERT_TRUE(tls_end(ends[1], cipher, 2, 3));
		ASSERT_TRUE(join(&self->host, ends, links));
		ASSERT_TRUE(host_link_down(&self->host, links[1], reason));
		EXPECT_STREQ(damaged, reason);
		EXPECT_EQ(NDVAL_PEER_STATE_DISCONNECTED,
			  host_peer_state(&self->host, "web2", "m1", NULL));
	}
}

/* All that was said in one session, said again in the next. */
TEST_F(tls, a_former_session_says_nothing)
{
	struct tap *tap = self->tap;
	char reason[REASON_SIZE];
	__u32 links[2];
	int ends[2];

	ASSERT_TRUE(second_member(&self->host));
	ASSERT_TRUE(tapped(&self->host, tap, CHACHA20, self->copy, links));
	tap_close(tap);
	ASSERT_TRUE(host_link_down(&self->host, links[1], reason));
	ASSERT_TRUE(tcp_pair(ends));
	ASSERT_TRUE(tls_end(ends[1], CHACHA20, 4, 3));
	ASSERT_EQ(0, host_attach(&self->host, "m2", "m1", ends[1], &links[1]));
	close(ends[1]);
	ASSERT_LT(PIECE, tap->kept);
	send(ends[0], tap->bytes, tap->kept, MSG_NOSIGNAL);
	ASSERT_TRUE(host_link_down(&self->host, links[1], reason));
	EXPECT_STREQ(damaged, reason);
	close(ends[0]);
}

/* A peer that is not a kernel */

static bool fake_over_tls(struct host *host, struct fake *fake, enum stage stage)
{
	int ends[2];

	return tls_pair(ends, CHACHA20, 7) &&
	       peer_attach(host, &fake->peer, "m1", "m2", ends[0], ends[1]) &&
	       (stage == SILENT ||
		(peer_greet(&fake->peer) &&
		 (stage == GREETED || (fake_lead(fake) && peer_is_served(&fake->peer)))));
}

struct foreign {
	const char	*what;
	unsigned char	type;
	const char	*data;
	size_t		len;
	const char	*reason;
};

static const struct foreign foreign[] = {
	{ "close_notify", RECORD_ALERT, "\1\0", 2, closed },
	{ "close_notify, fatal", RECORD_ALERT, "\2\0", 2, closed },
	{ "bad_record_mac", RECORD_ALERT, "\2\24", 2,
	  "the peer reports a TLS error: alert 20 (bad_record_mac)" },
	{ "user_canceled", RECORD_ALERT, "\1\132", 2,
	  "the peer reports a TLS error: alert 90 (user_canceled)" },
	{ "an alert of one byte", RECORD_ALERT, "\1", 1,
	  "the peer reports a TLS error: alert 255 (see RFC 8446)" },
	{ "KeyUpdate", RECORD_HANDSHAKE, "\30\0\0\1\1", 5,
	  "the peer wants to change its TLS key: a link is replaced by a new one instead" },
	{ "NewSessionTicket", RECORD_HANDSHAKE, "\4\0\5\0", 1400,
	  "the peer has sent a TLS session ticket: switch tickets off there" },
	{ "ClientHello", RECORD_HANDSHAKE, "\1\0\0\0", 4,
	  "a TLS handshake message of type 1, which a link has not" },
	{ "ChangeCipherSpec", RECORD_CCS, "\1", 1,
	  "a TLS record of type 20, which a link has not" },
	{ "a type that nobody knows", 99, "x", 1,
	  "a TLS record of type 99, which a link has not" },
};

/* Says it, and checks what comes of it. */
static bool ends_with(struct host *host, struct fake *fake, const struct foreign *foreign,
		      const char *wanted)
{
	static char data[16384];
	char reason[REASON_SIZE];

	memset(data, 0, sizeof(data));
	memcpy(data, foreign->data, foreign->len < 4 ? foreign->len : 4);
	if (!tls_send(fake->peer.fd, foreign->type, data, foreign->len) ||
	    !host_link_down(host, fake->peer.link, reason))
		return false;
	peer_close(&fake->peer);
	if (!strcmp(reason, wanted))
		return true;
	printf("# %s: %s\n", foreign->what, reason);
	return false;
}

TEST_F(tls, what_is_no_data_ends_the_link_and_says_why)
{
	struct fake *fake = &self->fake;
	enum stage stage;
	size_t i;

	for (i = 0; i < ARRAY_LEN(foreign); i++) {
		for (stage = SILENT; stage <= JOINED; stage++) {
			ASSERT_TRUE(fake_over_tls(&self->host, fake, stage));
			EXPECT_TRUE(ends_with(&self->host, fake, &foreign[i], foreign[i].reason))
				TH_LOG("%s", foreign[i].what);
		}
	}
	ASSERT_TRUE(fake_over_tls(&self->host, fake, JOINED));
}

/* Wherever it comes, the message that it cuts in two is none. */
TEST_F(tls, what_is_no_data_in_the_middle_of_a_message)
{
	static const size_t places[] = { 1, 15, 16, 17, 19, 20, 100 };
	struct fake *fake = &self->fake;
	size_t i, at;

	for (i = 0; i < ARRAY_LEN(foreign) + ARRAY_LEN(places); i++) {
		const struct foreign *what = &foreign[i < ARRAY_LEN(foreign) ? i : 0];
		bool closes = what->reason == closed;

		at = places[i % ARRAY_LEN(places)];
		ASSERT_TRUE(fake_over_tls(&self->host, fake, JOINED));
		fake_make(fake, NDVAL_WIRE_CMD_VALUES);
		ASSERT_LT(at, fake->wire.nlh->nlmsg_len);
		ASSERT_TRUE(peer_write(&fake->peer, fake->wire.buf, at));
		EXPECT_TRUE(ends_with(&self->host, fake, what, closes ?
			"the peer has ended the connection in the middle of a message" :
			what->reason))
			TH_LOG("%s after %zu bytes", what->what, at);
	}
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
}

/* One byte is all the room that is left, and the alert has two. */
TEST_F(tls, an_alert_for_which_there_is_little_room)
{
	struct fake *fake = &self->fake;
	size_t len;

	ASSERT_TRUE(fake_over_tls(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	len = fake->wire.nlh->nlmsg_len;
	ASSERT_TRUE(peer_write(&fake->peer, fake->wire.buf, len - 1));
	EXPECT_TRUE(ends_with(&self->host, fake, &foreign[2], foreign[2].reason));
	EXPECT_EQ(0, host_pair_get(&self->host, "web1", NDVAL_A_PAIR_STREAMS));
}

/* What is here already behind half an alert is none of it. */
TEST_F(tls, half_an_alert_and_then_data)
{
	char reason[REASON_SIZE];
	int ends[2];

	ASSERT_TRUE(tls_pair(ends, CHACHA20, 7));
	ASSERT_TRUE(tls_send(ends[1], RECORD_ALERT, "\1", 1));
	ASSERT_TRUE(tls_send(ends[1], RECORD_DATA, "", 1));
	ASSERT_TRUE(peer_attach(&self->host, &self->fake.peer, "m1", "m2", ends[0], ends[1]));
	ASSERT_TRUE(host_link_down(&self->host, self->fake.peer.link, reason));
	EXPECT_STREQ("the peer reports a TLS error: alert 255 (see RFC 8446)", reason);
}

TEST_F(tls, what_came_before_is_kept)
{
	struct fake *fake = &self->fake;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_LEN(foreign); i++) {
		ASSERT_TRUE(fake_over_tls(&self->host, fake, JOINED));
		ASSERT_TRUE(fake_push(fake, 1000 * i, 1000));
		EXPECT_TRUE(ends_with(&self->host, fake, &foreign[i], foreign[i].reason));
		EXPECT_EQ(1000 * (i + 1), host_stream_get(&self->host, "web1", "default",
							  NDVAL_A_STREAM_HEAD));
	}
	fd = node_open("web1", O_NONBLOCK);
	EXPECT_TRUE(reads_pattern(fd, 0, 1000 * ARRAY_LEN(foreign)));
	close(fd);
}

/* Records need not be messages: a message in many, and many in one. */
TEST_F(tls, records_of_any_size_carry_messages)
{
	struct fake *fake = &self->fake;
	static char many[1000];
	size_t i, len;

	ASSERT_TRUE(fake_over_tls(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	len = fake->wire.nlh->nlmsg_len;
	for (i = 0; i < len; i++)
		ASSERT_TRUE(tls_send(fake->peer.fd, RECORD_DATA, fake->wire.buf + i, 1));
	fake_make(fake, NDVAL_WIRE_CMD_PING);
	len = fake->wire.nlh->nlmsg_len;
	for (i = 0; i + len <= sizeof(many); i += len)
		memcpy(many + i, fake->wire.buf, len);
	ASSERT_TRUE(tls_send(fake->peer.fd, RECORD_DATA, many, i));
	EXPECT_TRUE(peer_is_served(&fake->peer));
	EXPECT_EQ(100, host_stream_get(&self->host, "web1", "default", NDVAL_A_STREAM_HEAD));
}

/* The time-out of kTLS is for each record, however small it is. */
TEST_F(tls, records_that_dribble_without_end_are_no_message)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];
	double begin;
	size_t i;

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 300));
	ASSERT_TRUE(fake_over_tls(&self->host, fake, JOINED));
	fake_make(fake, NDVAL_WIRE_CMD_VALUES);
	begin = seconds();
	for (i = 0; i < fake->wire.nlh->nlmsg_len - 1; i++) {
		if (!tls_send(fake->peer.fd, RECORD_DATA, fake->wire.buf + i, 1))
			break;
		usleep(100000);
	}
	EXPECT_LT(seconds(), begin + 10);
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_STREQ("the peer took longer than 3000 ms for one message", reason);
}

/* Sends a record with nothing in it, which the kernel's TLS never makes. */
static bool send_empty(int fd, int secret, unsigned int number)
{
	unsigned char record[5 + 1 + 16] = { RECORD_DATA, 3, 3, 0, 1 + 16 };
	unsigned char key[CHACHA_POLY1305_KEY_SIZE], nonce[CHACHA_POLY1305_NONCE_SIZE];
	const unsigned char type = RECORD_DATA;
	struct chacha_poly1305_ctx cipher;
	unsigned int i;

	memset(key, secret, sizeof(key));
	memset(nonce, secret, sizeof(nonce));
	for (i = 0; i < 4; i++)
		nonce[sizeof(nonce) - 1 - i] ^= number >> 8 * i;
	chacha_poly1305_set_key(&cipher, key);
	chacha_poly1305_set_nonce(&cipher, nonce);
	chacha_poly1305_update(&cipher, 5, record);
	chacha_poly1305_encrypt(&cipher, 1, record + 5, &type);
	chacha_poly1305_digest(&cipher, 16, record + 6);
	return send(fd, record, sizeof(record), MSG_NOSIGNAL) == sizeof(record);
}

/* The kernel's TLS waits on behind each of them, and does not tell. */
TEST_F(tls, records_without_a_byte_are_silence)
{
	char reason[REASON_SIZE];
	unsigned int number;
	int ends[2];

	ASSERT_EQ(0, host_set(&self->host, "web1", NDVAL_A_PAIR_PEER_TIMEOUT_MS, 300));
	ASSERT_TRUE(tcp_pair(ends));
	ASSERT_TRUE(tls_end(ends[0], CHACHA20, 7, 8));
	ASSERT_TRUE(peer_attach(&self->host, &self->fake.peer, "m1", "m2", ends[0], ends[1]));
	for (number = 0; number < 100; number++) {
		if (!send_empty(ends[1], 8, number))
			break;
		usleep(100000);
	}
	EXPECT_GT(100, number);
	EXPECT_LT(25, number);
	ASSERT_TRUE(host_link_down(&self->host, self->fake.peer.link, reason));
	EXPECT_STREQ("the peer took longer than 3000 ms for one message", reason);
}

/* Who hangs up without that word may be somebody else. */
TEST_F(tls, an_end_without_close_notify_is_told_as_cut_off)
{
	struct fake *fake = &self->fake;
	char reason[REASON_SIZE];

	ASSERT_TRUE(fake_over_tls(&self->host, fake, JOINED));
	shutdown(fake->peer.fd, SHUT_WR);
	ASSERT_TRUE(host_link_down(&self->host, fake->peer.link, reason));
	EXPECT_STREQ(cut_off, reason);
}

/* The kernel's own last words: BYE, close_notify, the end. */
TEST_F(tls, the_last_record_of_a_link_is_close_notify)
{
	struct fake *fake = &self->fake;
	unsigned char alert[16];
	unsigned char type;
	ssize_t got;

	ASSERT_TRUE(fake_over_tls(&self->host, fake, JOINED));
	nl_request(self->host.nl, NDVAL_CMD_LINK_DETACH, 0);
	nl_put_u32(self->host.nl, NDVAL_A_LINK_ID, fake->peer.link);
	ASSERT_EQ(0, nl_call(self->host.nl, NULL, NULL));
	ASSERT_TRUE(peer_expect(&fake->peer, NDVAL_WIRE_CMD_BYE, &fake->said));
	EXPECT_STREQ("detached", said_text(&fake->said, NDVAL_WIRE_A_REASON));
	EXPECT_EQ(0, fake->peer.filled);
	got = tls_receive(fake->peer.fd, &type, alert, sizeof(alert));
	ASSERT_EQ(2, got);
	EXPECT_EQ(RECORD_ALERT, type);
	EXPECT_EQ(1, alert[0]);
	EXPECT_EQ(0, alert[1]);
	EXPECT_EQ(0, tls_receive(fake->peer.fd, &type, alert, sizeof(alert)));
}

TEST_HARNESS_MAIN
