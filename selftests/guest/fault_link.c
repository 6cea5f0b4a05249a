// SPDX-License-Identifier: GPL-2.0-only
/*
 * Every message of a link, received and sent while one allocation after the
 * other of the link's thread fails: it is processed, or refused, or the link
 * ends; and once there is memory, all is as it would have been.
 *
 * vm: flavours=debug sources=fault.c,peer.c,../../tools/lib/nl.c libs=-lmnl
 * vm: timeout=900
 */
#include "kselftest_harness.h"

#include "common.h"
#include "fault.h"
#include "journal.h"
#include "peer.h"

#define LENGTH	(3 * CHUNK + 100)

struct trial {
	struct host host;
	struct fake fake;
	unsigned int injected;
	unsigned int downs;
};

FIXTURE(link)
{
	struct trial trial;
};

FIXTURE_SETUP(link)
{
	memset(&self->trial, 0, sizeof(*&self->trial));
	self->trial.fake.peer.fd = -1;
	ASSERT_TRUE(host_open(&self->trial.host));
	ASSERT_EQ(0, host_call(&self->trial.host, NDVAL_CMD_MEMBER_NEW, NDVAL_A_MEMBER_NAME, "m1"));
}

FIXTURE_TEARDOWN(link)
{
	peer_close(&self->trial.fake.peer);
	host_pair_del(&self->trial.host, "web1");
	EXPECT_TRUE(host_member_del(&self->trial.host, "m1"));
	host_close(&self->trial.host);
}

/* A new pair, and a peer that has come so far; the kernel is what we are not. */
static bool begin(struct trial *self, bool lead, enum stage stage)
{
	host_pair_del(&self->host, "web1");
	if (host_pair(&self->host, "web1", "web", "m1", "m2"))
		return false;
	if (lead)
		side_primary(&self->fake.side, "web");
	else
		side_secondary(&self->fake.side, "web");
	if (!lead && host_promote(&self->host, "web1"))
		return false;
	return fake_come_to(&self->host, &self->fake, stage);
}

/* The link has ended: another one, and everything is said again. */
static bool come_again(struct trial *self, enum stage stage)
{
	char reason[REASON_SIZE];

	self->downs++;
	if (!host_link_down(&self->host, self->fake.peer.link, reason))
		return false;
	peer_close(&self->fake.peer);
	return !strcmp(reason, "could not receive: error 12") &&
	       fake_come_to(&self->host, &self->fake, stage);
}

/* A kind of message. */
struct kind {
	int		cmd;
	bool		lead;		/* are we the primary? */
	enum stage	stage;		/* before it */
	enum stage	after;		/* if it is not processed, go to there */
	/* What it must have brought about; NULL if nothing is to be seen. */
	bool		(*is_done)(struct trial *self);
	/* What is done before it; may be NULL. */
	bool		(*prepare)(struct trial *self);
	/* Makes it, if it is not the usual one. */
	void		(*make)(struct fake *fake);
};

/* Sends it; returns whether the link lives on. */
static bool say(struct trial *self, const struct kind *kind)
{
	struct fake *fake = &self->fake;

	if (kind->make)
		kind->make(fake);
	else
		fake_make(fake, kind->cmd);
	if (!peer_send(&fake->peer, &fake->wire))
		return false;
	return kind->cmd != NDVAL_WIRE_CMD_BYE && peer_is_served(&fake->peer);
}

static void every_failure(struct __test_metadata *_metadata, struct trial *self,
			  const struct kind *kind)
{
	struct fault fault = { .fd = -1 };
	unsigned int downs = 0;
	char task[16];

	do {
		unsigned int nth = fault.nth, injected = fault.injected;
		bool reached = fault.reached, lives;

		ASSERT_TRUE(begin(self, kind->lead, kind->stage));
		ASSERT_TRUE(!kind->prepare || kind->prepare(self));
		snprintf(task, sizeof(task), "%d", fault_thread("rx", self->fake.peer.link));
		ASSERT_TRUE(fault_open(&fault, task));
		fault.nth = nth;
		fault.injected = injected;
		fault.reached = reached;
		if (!fault_next(&fault))
			break;
		fault_arm(&fault);
		lives = say(self, kind);
		fault_disarm(&fault);
		fault_close(&fault);
		downs += !lives;
		if (!lives && kind->cmd != NDVAL_WIRE_CMD_BYE) {
			ASSERT_TRUE(fault.reached) {
				TH_LOG("number %u: the link ended", fault.nth);
			}
			ASSERT_TRUE(come_again(self, kind->after));
		}
		ASSERT_TRUE(!kind->is_done || kind->is_done(self)) {
			TH_LOG("number %u: not done", fault.nth);
		}
		ASSERT_TRUE(kind->cmd == NDVAL_WIRE_CMD_BYE ||
			    peer_is_served(&self->fake.peer));
		peer_close(&self->fake.peer);
		/* After BYE the thread ends, and can't be asked. */
	} while (fault.reached && (kind->cmd != NDVAL_WIRE_CMD_BYE || fault.nth < 5));
	TH_LOG("message %d: %u injections, %u links ended", kind->cmd, fault.injected, downs);
	self->injected = fault.injected;
}

static bool is_up(struct trial *self)
{
	return host_link_lives(&self->host, self->fake.peer.link);
}

TEST_F_TIMEOUT(link, hello, 300)
{
	const struct kind kind = {
		.cmd = NDVAL_WIRE_CMD_HELLO,
		.lead = true,
		.stage = SILENT,
		.after = GREETED,
		.is_done = is_up,
	};

	every_failure(_metadata, &self->trial, &kind);
	EXPECT_LT(0, self->trial.injected);
}

/* The kernel follows us. */
static bool follows(struct trial *self)
{
	return wait_until(host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH_ID) ==
			  self->fake.side.epoch_id, 20);
}

TEST_F_TIMEOUT(link, pair, 300)
{
	const struct kind kind = {
		.cmd = NDVAL_WIRE_CMD_PAIR,
		.lead = true,
		.stage = GREETED,
		.after = JOINED,
		.is_done = follows,
	};

	every_failure(_metadata, &self->trial, &kind);
	EXPECT_LT(0, self->trial.injected);
}

/*
 * We get what we ask the kernel's primary for. If it refuses because it has no
 * memory, we ask again, as a secondary does whose reader comes again.
 */
static bool is_fetched(struct trial *self)
{
	const struct fetch fetch = { .stream = "default", .want = 64 * KIB, .demand = 1,
				     .need = CHUNK, .again = true };
	struct fake *fake = &self->fake;
	bool fetched = false;
	size_t len;
	int got;

	if (!say_fetch(&fake->peer, &fake->side, &fetch) || !say_end(&fake->peer, &fake->side))
		return false;
	while (!fetched) {
		got = peer_receive(&fake->peer, &fake->said, PATIENCE_MS);
		if (got <= 0)
			return false;
		if (got == NDVAL_WIRE_CMD_STREAM_DEL &&
		    (said_u32(&fake->said, NDVAL_WIRE_A_ERROR) != ENOMEM ||
		     !say_fetch(&fake->peer, &fake->side, &fetch)))
			return false;
		/* What was sent before we asked again may still come first. */
		fetched = got == NDVAL_WIRE_CMD_VALUES && said_value(&fake->said, &len) &&
			  len && !said_value_offset(&fake->said);
	}
	return host_stream_get(&self->host, "web1", "default", NDVAL_A_STREAM_HEAD) >= len;
}

TEST_F_TIMEOUT(link, fetch, 300)
{
	const struct kind kind = {
		.cmd = NDVAL_WIRE_CMD_FETCH,
		.lead = false,
		.stage = JOINED,
		.after = JOINED,
		.is_done = is_fetched,
	};

	every_failure(_metadata, &self->trial, &kind);
	EXPECT_LT(0, self->trial.injected);
}

/* A fetch of a stream that the kernel's primary does not have any more. */
static const struct fetch fetch_of_gone = {
	.stream = "gone", .id = FAKE_STREAM_ID, .have = CHUNK, .want = 2 * CHUNK,
};

static void make_fetch_of_gone(struct fake *fake)
{
	wire_fetch(&fake->wire, &fake->side, &fetch_of_gone);
}

/* We are told so, if not before the link ended, then when we ask again. */
static bool is_refused(struct trial *self)
{
	struct fake *fake = &self->fake;
	int got;

	if (!say_fetch(&fake->peer, &fake->side, &fetch_of_gone) ||
	    !say_end(&fake->peer, &fake->side))
		return false;
	do
		got = peer_receive(&fake->peer, &fake->said, PATIENCE_MS);
	while (got > 0 && got != NDVAL_WIRE_CMD_STREAM_DEL);
	return got == NDVAL_WIRE_CMD_STREAM_DEL &&
	       said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID) == FAKE_STREAM_ID &&
	       !said_u32(&fake->said, NDVAL_WIRE_A_ERROR);
}

TEST_F_TIMEOUT(link, fetch_of_what_is_gone, 300)
{
	const struct kind kind = {
		.cmd = NDVAL_WIRE_CMD_FETCH,
		.lead = false,
		.stage = JOINED,
		.after = JOINED,
		.is_done = is_refused,
		.make = make_fetch_of_gone,
	};

	every_failure(_metadata, &self->trial, &kind);
	EXPECT_LT(0, self->trial.injected);
}

/* Sends what the kernel does not store yet of [0, LENGTH). */
static bool push_from(struct fake *fake, __u64 offset)
{
	const struct values values = {
		.stream = "default", .id = FAKE_STREAM_ID, .offset = offset,
		.len = LENGTH - offset,
	};

	return say_values(&fake->peer, &fake->side, &values);
}

/*
 * What could not be stored is asked for again, or refused, or the link ends;
 * nothing is sent again that was not asked for. True once all is stored.
 */
static bool stores(struct trial *self, unsigned int *again)
{
	struct fake *fake = &self->fake;
	__u64 have = 0;

	while (have < LENGTH) {
		int got = peer_receive(&fake->peer, &fake->said, PATIENCE_MS);

		if (got < 0)
			return false;
		if (!got) {
			if (!come_again(self, JOINED) || !push_from(fake, have))
				return false;
			continue;
		}
		if (got == NDVAL_WIRE_CMD_STREAM_DEL &&
		    (said_u32(&fake->said, NDVAL_WIRE_A_ERROR) != ENOMEM ||
		     !push_from(fake, have)))
			return false;
		if (got != NDVAL_WIRE_CMD_FETCH || fake->said.tb[NDVAL_WIRE_A_END])
			continue;
		have = said_u64(&fake->said, NDVAL_WIRE_A_HAVE);
		if (!fake->said.tb[NDVAL_WIRE_A_AGAIN])
			continue;
		++*again;
		if (!push_from(fake, have))
			return false;
	}
	return true;
}

/* Our bytes, once each. */
static bool delivers(void)
{
	static unsigned char got[LENGTH], want[LENGTH];
	int fd = node_open("web1", 0);
	bool right;

	right = get_all(fd, got, LENGTH, 1000) && position(fd) == LENGTH;
	close(fd);
	pattern_fill(want, 0, LENGTH);
	return right && !memcmp(got, want, LENGTH);
}

TEST_F_TIMEOUT(link, values, 300)
{
	struct trial *trial = &self->trial;
	unsigned int again = 0, nth, injected = 0;
	struct fault fault = { .reached = true };
	char task[16];

	for (nth = 1; fault.reached; nth++) {
		ASSERT_TRUE(begin(trial, true, JOINED));
		snprintf(task, sizeof(task), "%d", fault_thread("rx", trial->fake.peer.link));
		ASSERT_TRUE(fault_open(&fault, task));
		fault.nth = nth;
		fault_arm(&fault);
		ASSERT_TRUE(push_from(&trial->fake, 0));
		ASSERT_TRUE(stores(trial, &again)) TH_LOG("number %u: not stored", nth);
		injected += fault_disarm(&fault);
		fault_close(&fault);
		ASSERT_TRUE(delivers()) TH_LOG("number %u: not what we sent", nth);
		peer_close(&trial->fake.peer);
	}
	TH_LOG("%u injections, %u times asked again, %u links ended", injected, again,
	       trial->downs);
	EXPECT_LT(4, injected);
	EXPECT_LE(1, again);
}

/* The journal */

/* Two records that take more than one chunk, in what a peer may send unasked. */
#define VALUE_LENGTH	4000
#define RECORDS_LENGTH	(2 * RECORD_SIZE(VALUE_LENGTH))

static void make_value(struct record *record, __u64 place)
{
	*record = (struct record){
		.kind = NDVAL_VALUE_KIND_AGREED, .length = VALUE_LENGTH, .place = place,
	};
	pattern_fill(record->value, place, VALUE_LENGTH);
}

/* Is the next value that a copy here gets the one that belongs to a place? */
static bool agrees_on_place(int fd, __u64 place)
{
	static unsigned char got[NDVAL_AGREED_MAX];
	struct record record;

	make_value(&record, place);
	return agree(fd, "another", 7, got, sizeof(got)) == VALUE_LENGTH &&
	       !memcmp(got, record.value, VALUE_LENGTH);
}

/* Sends both, or the second one. */
static bool push_records(struct fake *fake, __u64 from)
{
	static unsigned char bytes[RECORDS_LENGTH + sizeof(struct record)];
	const struct values values = {
		.stream = "default", .id = FAKE_JOURNAL_ID, .journal = true, .offset = from,
		.len = RECORDS_LENGTH - from, .data = bytes + from,
	};
	__u64 at;

	for (at = 0; at < RECORDS_LENGTH; at += RECORD_SIZE(VALUE_LENGTH)) {
		struct record record;

		make_value(&record, at);
		memcpy(bytes + at, &record, RECORD_SIZE(VALUE_LENGTH));
	}
	return say_values(&fake->peer, &fake->side, &values);
}

/* As stores(): what could not be stored is asked for again, all of it. */
static bool stores_records(struct trial *self, unsigned int *again)
{
	struct fake *fake = &self->fake;
	__u64 have = 0;

	while (have < RECORDS_LENGTH) {
		int got = peer_receive(&fake->peer, &fake->said, PATIENCE_MS);

		if (got < 0)
			return false;
		if (!got) {
			if (!come_again(self, JOINED) || !push_records(fake, have))
				return false;
			continue;
		}
		if (got == NDVAL_WIRE_CMD_STREAM_DEL &&
		    (said_u32(&fake->said, NDVAL_WIRE_A_ERROR) != ENOMEM ||
		     !push_records(fake, have)))
			return false;
		if (got != NDVAL_WIRE_CMD_FETCH || !fake->said.tb[NDVAL_WIRE_A_JOURNAL])
			continue;
		have = said_u64(&fake->said, NDVAL_WIRE_A_HAVE);
		/* Whole records, and in an error none. */
		if (have && have != RECORDS_LENGTH)
			return false;
		if (!fake->said.tb[NDVAL_WIRE_A_AGAIN])
			continue;
		++*again;
		if (!push_records(fake, have))
			return false;
	}
	return true;
}

TEST_F_TIMEOUT(link, records, 300)
{
	struct trial *trial = &self->trial;
	unsigned int again = 0, nth, injected = 0;
	struct fault fault = { .reached = true };
	char task[16];
	int fd;

	for (nth = 1; fault.reached; nth++) {
		ASSERT_TRUE(begin(trial, true, JOINED));
		snprintf(task, sizeof(task), "%d", fault_thread("rx", trial->fake.peer.link));
		ASSERT_TRUE(fault_open(&fault, task));
		fault.nth = nth;
		fault_arm(&fault);
		ASSERT_TRUE(push_records(&trial->fake, 0));
		ASSERT_TRUE(stores_records(trial, &again)) TH_LOG("number %u: not stored", nth);
		injected += fault_disarm(&fault);
		fault_close(&fault);
		fd = node_open("web1", 0);
		ASSERT_TRUE(agrees_on_place(fd, 0) &&
			    agrees_on_place(fd, RECORD_SIZE(VALUE_LENGTH))) {
			TH_LOG("number %u: not what we sent", nth);
		}
		close(fd);
		peer_close(&trial->fake.peer);
	}
	TH_LOG("%u injections, %u times asked again, %u links ended", injected, again,
	       trial->downs);
	EXPECT_LT(6, injected);
	EXPECT_LE(1, again);
}

static bool fetch_journal(struct fake *fake, __u64 id, __u64 have)
{
	const struct fetch fetch = {
		.stream = "default", .id = id, .have = have, .want = have + 4000,
		.journal = true,
	};

	return say_fetch(&fake->peer, &fake->side, &fetch) &&
	       say_end(&fake->peer, &fake->side);
}

static bool propose(struct fake *fake)
{
	struct record record;

	make_value(&record, 0);
	return say_propose(&fake->peer, &fake->side, "default", 0, &record);
}

/*
 * What was proposed comes back, recorded. If it could not be, the primary asks for it
 * again; nothing else is said again but on a new link, as a secondary does.
 */
static bool is_recorded(struct trial *self, unsigned int *again)
{
	struct fake *fake = &self->fake;
	struct record record;
	const void *data;
	size_t len;

	make_value(&record, 0);
	for (;;) {
		int got = peer_receive(&fake->peer, &fake->said, PATIENCE_MS);

		if (got < 0)
			return false;
		if (!got && (!come_again(self, JOINED) || !fetch_journal(fake, 0, 0) ||
			     !propose(fake)))
			return false;
		if (got == NDVAL_WIRE_CMD_STREAM_DEL &&
		    (said_u32(&fake->said, NDVAL_WIRE_A_ERROR) != ENOMEM ||
		     !fake->said.tb[NDVAL_WIRE_A_JOURNAL] || !fetch_journal(fake, 0, 0) ||
		     !propose(fake)))
			return false;
		if (got != NDVAL_WIRE_CMD_VALUES || !fake->said.tb[NDVAL_WIRE_A_JOURNAL])
			continue;
		data = said_value(&fake->said, &len);
		if (data && len)
			return len == RECORD_SIZE(VALUE_LENGTH) &&
			       !memcmp((const char *)data + RECORD_HEAD, record.value,
				       VALUE_LENGTH);
		if (!fake->said.tb[NDVAL_WIRE_A_AGAIN])
			continue;
		++*again;
		if (!propose(fake))
			return false;
	}
}

/* A copy here gets it too, once we have said that we store it. */
static bool is_shared(struct trial *self)
{
	struct fake *fake = &self->fake;
	int fd = node_open("web1", 0);
	bool shared;

	shared = fetch_journal(fake, said_u64(&fake->said, NDVAL_WIRE_A_STREAM_ID),
			       RECORD_SIZE(VALUE_LENGTH)) &&
		 agrees_on_place(fd, 0) &&
		 host_pair_get(&self->host, "web1", NDVAL_A_PAIR_RECORDED) ==
		 RECORD_SIZE(VALUE_LENGTH);
	close(fd);
	return shared;
}

#define TRIES	3

/* With the journal there already, or made by the FETCH that comes before. */
static void every_proposal(struct __test_metadata *_metadata, struct trial *trial, bool there)
{
	unsigned int again = 0, nth = 1, injected = 0, unreached = 0;
	struct fault fault;
	char task[16];

	/* How many there are depends on the sender, too: a number is not given up at once. */
	while (unreached < TRIES) {
		ASSERT_TRUE(begin(trial, false, JOINED));
		ASSERT_TRUE(!there || (fetch_journal(&trial->fake, 0, 0) &&
				       peer_is_served(&trial->fake.peer)));
		snprintf(task, sizeof(task), "%d", fault_thread("rx", trial->fake.peer.link));
		ASSERT_TRUE(fault_open(&fault, task));
		fault.nth = nth;
		fault_arm(&fault);
		ASSERT_TRUE(there || fetch_journal(&trial->fake, 0, 0));
		ASSERT_TRUE(propose(&trial->fake));
		ASSERT_TRUE(is_recorded(trial, &again)) TH_LOG("number %u: not recorded", nth);
		if (fault_disarm(&fault)) {
			injected++;
			unreached = 0;
		} else {
			unreached++;
		}
		fault_close(&fault);
		ASSERT_TRUE(is_shared(trial)) TH_LOG("number %u: not as it was proposed", nth);
		peer_close(&trial->fake.peer);
		nth += !unreached;
	}
	TH_LOG("%u injections, %u times asked again, %u links ended", injected, again,
	       trial->downs);
	EXPECT_LT(2, injected);
	/* How often depends on what the sender has made already. */
	EXPECT_LE(1, again);
}

TEST_F_TIMEOUT(link, propose, 300)
{
	every_proposal(_metadata, &self->trial, true);
}

TEST_F_TIMEOUT(link, fetch_of_a_journal, 300)
{
	every_proposal(_metadata, &self->trial, false);
}

/* The kernel has the stream that is to be deleted. */
static bool has_stream(struct trial *self)
{
	return push_from(&self->fake, 0) && peer_is_served(&self->fake.peer) &&
	       host_stream_get(&self->host, "web1", "default", NDVAL_A_STREAM_HEAD) == LENGTH;
}

static bool has_no_stream(struct trial *self)
{
	return host_stream_get(&self->host, "web1", "default", NDVAL_A_STREAM_HEAD) == ~0ULL;
}

TEST_F_TIMEOUT(link, stream_del, 300)
{
	const struct kind kind = {
		.cmd = NDVAL_WIRE_CMD_STREAM_DEL,
		.lead = true,
		.stage = JOINED,
		.after = JOINED,
		.is_done = has_no_stream,
		.prepare = has_stream,
	};

	every_failure(_metadata, &self->trial, &kind);
	EXPECT_LT(0, self->trial.injected);
}

/* Our epoch is newer than that of the kernel, which stores something. */
static bool has_older_stream(struct trial *self)
{
	if (!has_stream(self))
		return false;
	side_promote(&self->fake.side, 0xbbbb0002ULL);
	return say_pair(&self->fake.peer, &self->fake.side) &&
	       peer_is_served(&self->fake.peer);
}

static void make_sync_end(struct fake *fake)
{
	wire_sync(&fake->wire, &fake->side, NULL, 0, NULL);
}

static bool adopts(struct trial *self)
{
	const __u64 starts[EPOCHS] = { 0, CHUNK };
	struct peer *peer = &self->fake.peer;

	/* A link that has ended took what was said on it along. */
	if (!follows(self) &&
	    (!say_pair(peer, &self->fake.side) ||
	     !say_sync(peer, &self->fake.side, "default", FAKE_STREAM_ID, starts) ||
	     !say_sync_end(peer, &self->fake.side)))
		return false;
	return follows(self);
}

TEST_F_TIMEOUT(link, sync, 300)
{
	const struct kind stream = {
		.cmd = NDVAL_WIRE_CMD_SYNC,
		.lead = true,
		.stage = JOINED,
		.after = GREETED,
		.is_done = is_up,
		.prepare = has_older_stream,
	};
	const struct kind end = {
		.cmd = NDVAL_WIRE_CMD_SYNC,
		.lead = true,
		.stage = JOINED,
		.after = GREETED,
		.is_done = adopts,
		.prepare = has_older_stream,
		.make = make_sync_end,
	};

	every_failure(_metadata, &self->trial, &stream);
	every_failure(_metadata, &self->trial, &end);
	EXPECT_LT(0, self->trial.injected);
}

static bool is_in_sync(struct trial *self)
{
	if (!has_stream(self))
		return false;
	self->fake.side.in_sync = true;
	return say_pair(&self->fake.peer, &self->fake.side) &&
	       peer_is_served(&self->fake.peer);
}

/* Nothing that HANDOVER asks for needs memory: it is primary at once. */
static bool takes_over(struct trial *self)
{
	return host_pair_get(&self->host, "web1", NDVAL_A_PAIR_ROLE) == NDVAL_ROLE_PRIMARY &&
	       host_pair_get(&self->host, "web1", NDVAL_A_PAIR_EPOCH) == 2;
}

TEST_F_TIMEOUT(link, handover, 300)
{
	const struct kind kind = {
		.cmd = NDVAL_WIRE_CMD_HANDOVER,
		.lead = true,
		.stage = JOINED,
		.after = GREETED,
		.is_done = takes_over,
		.prepare = is_in_sync,
	};

	every_failure(_metadata, &self->trial, &kind);
}

/* A copy here is on its way to a place that ours has passed. */
static bool has_copy(struct trial *self)
{
	static unsigned char got[CHUNK];
	bool done;
	int fd;

	if (!has_stream(self))
		return false;
	fd = node_open("web1", 0);
	done = get(fd, got, 50) == 50;
	close(fd);
	return done;
}

static const struct check far_stop = {
	.stream = "default", .id = FAKE_STREAM_ID, .run = 1, .n = 1,
	.stops = { { 100, 42 } }, .length = 100, .pid = 1, .comm = "fake",
};

static void make_check(struct fake *fake)
{
	wire_check(&fake->wire, &fake->side, &far_stop);
}

/* It may not go past our stop, once it was told of it again as all CHECKs do. */
static bool stops_at(struct trial *self)
{
	int fd = node_open("web1", 0);
	unsigned char got[100];
	ssize_t ret;

	make_check(&self->fake);
	if (!peer_send(&self->fake.peer, &self->fake.wire) || !peer_is_served(&self->fake.peer))
		return false;
	ret = get(fd, got, sizeof(got));
	close(fd);
	return ret == -ESTALE &&
	       host_pair_get(&self->host, "web1", NDVAL_A_PAIR_DIVERGENCES) >= 1;
}

/* What is heard of a copy is kept if there is memory; if not, it is when it is said again. */
TEST_F_TIMEOUT(link, check, 300)
{
	const struct kind kind = {
		.cmd = NDVAL_WIRE_CMD_CHECK,
		.lead = true,
		.stage = JOINED,
		.after = JOINED,
		.is_done = stops_at,
		.prepare = has_copy,
		.make = make_check,
	};

	every_failure(_metadata, &self->trial, &kind);
	EXPECT_LT(0, self->trial.injected);
}

/* The kernel is a secondary that does not see its primary, and we are another. */
static bool is_orphan(struct trial *self)
{
	if (!has_stream(self))
		return false;
	self->fake.side.role = NDVAL_ROLE_SECONDARY;
	return say_pair(&self->fake.peer, &self->fake.side) &&
	       peer_is_served(&self->fake.peer);
}

static const struct fetch question = {
	.stream = "default", .id = FAKE_STREAM_ID, .have = CHUNK, .want = LENGTH,
	.takeover = true,
};

static void make_question(struct fake *fake)
{
	wire_fetch(&fake->wire, &fake->side, &question);
}

static void make_question_end(struct fake *fake)
{
	const struct fetch end = { .takeover = true };

	wire_fetch(&fake->wire, &fake->side, &end);
}

/* The answer comes, if not to this question then to the next one. */
static bool is_answered(struct trial *self)
{
	const struct fetch end = { .takeover = true };
	struct fake *fake = &self->fake;

	return say_pair(&fake->peer, &fake->side) &&
	       say_fetch(&fake->peer, &fake->side, &question) &&
	       say_fetch(&fake->peer, &fake->side, &end) &&
	       peer_expect(&fake->peer, NDVAL_WIRE_CMD_TAKEOVER, &fake->said) &&
	       !said_u32(&fake->said, NDVAL_WIRE_A_ERROR);
}

TEST_F_TIMEOUT(link, takeover, 300)
{
	const struct kind fetch = {
		.cmd = NDVAL_WIRE_CMD_FETCH,
		.lead = true,
		.stage = JOINED,
		.after = GREETED,
		.is_done = is_answered,
		.prepare = is_orphan,
		.make = make_question,
	};
	const struct kind end = {
		.cmd = NDVAL_WIRE_CMD_FETCH,
		.lead = true,
		.stage = JOINED,
		.after = GREETED,
		.is_done = is_answered,
		.prepare = is_orphan,
		.make = make_question_end,
	};
	const struct kind answer = {
		.cmd = NDVAL_WIRE_CMD_TAKEOVER,
		.lead = true,
		.stage = JOINED,
		.after = JOINED,
		.is_done = is_up,
	};

	every_failure(_metadata, &self->trial, &fetch);
	every_failure(_metadata, &self->trial, &end);
	every_failure(_metadata, &self->trial, &answer);
}

/* We speak of a pair that is not there. */
static bool speak_of_another(struct trial *self)
{
	self->fake.side.pair = "nowhere";
	return true;
}

/* We are told so, at the latest when we speak of it again. */
static bool is_told(struct trial *self)
{
	struct fake *fake = &self->fake;

	if (!say_pair(&fake->peer, &fake->side))
		return false;
	do {
		if (!peer_expect(&fake->peer, NDVAL_WIRE_CMD_PAIR, &fake->said))
			return false;
	} while (!fake->said.tb[NDVAL_WIRE_A_GONE]);
	return !strcmp(said_text(&fake->said, NDVAL_WIRE_A_PAIR), "nowhere");
}

TEST_F_TIMEOUT(link, pair_that_is_not_there, 300)
{
	const struct kind kind = {
		.cmd = NDVAL_WIRE_CMD_PAIR,
		.lead = true,
		.stage = GREETED,
		.after = GREETED,
		.is_done = is_told,
		.prepare = speak_of_another,
	};

	every_failure(_metadata, &self->trial, &kind);
	EXPECT_LT(0, self->trial.injected);
	EXPECT_LT(0, self->trial.downs);
}

TEST_F_TIMEOUT(link, ping_pong_and_bye, 300)
{
	const struct kind ping = {
		.cmd = NDVAL_WIRE_CMD_PING,
		.lead = true,
		.stage = JOINED,
		.after = JOINED,
		.is_done = is_up,
	};
	const struct kind pong = {
		.cmd = NDVAL_WIRE_CMD_PONG,
		.lead = true,
		.stage = JOINED,
		.after = JOINED,
		.is_done = is_up,
	};
	const struct kind bye = {
		.cmd = NDVAL_WIRE_CMD_BYE,
		.lead = true,
		.stage = JOINED,
		.after = JOINED,
	};

	every_failure(_metadata, &self->trial, &ping);
	every_failure(_metadata, &self->trial, &pong);
	every_failure(_metadata, &self->trial, &bye);
}

/* Two members of this kernel */

struct couple {
	struct host host;
	unsigned char got[2][LENGTH];
	unsigned int injected;
};

FIXTURE(two)
{
	struct couple couple;
};

FIXTURE_SETUP(two)
{
	memset(&self->couple, 0, sizeof(*&self->couple));
	ASSERT_TRUE(two_members("memory_max=16M max_streams=4096"));
	self->couple.host.nl = nl_open();
	ASSERT_NE(NULL, self->couple.host.nl);
}

FIXTURE_TEARDOWN(two)
{
	host_close(&self->couple.host);
	two_members_end();
}

/* The number of the link of a member that is up; 0 if none is. */
struct end {
	const char *member;
	__u32 link;
};

static int take_end(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_LINK_MAX + 1];
	struct end *end = data;

	nl_parse(nlh, tb, NDVAL_A_LINK_MAX);
	if (!strcmp(nl_str(tb[NDVAL_A_LINK_MEMBER]), end->member) &&
	    nl_u32(tb[NDVAL_A_LINK_STATE]) == NDVAL_LINK_STATE_UP)
		end->link = nl_u32(tb[NDVAL_A_LINK_ID]);
	return MNL_CB_OK;
}

static __u32 link_of(struct nl *nl, const char *member)
{
	struct end end = { .member = member };

	nl_request(nl, NDVAL_CMD_LINK_GET, NLM_F_DUMP);
	nl_call(nl, take_end, &end);
	return end.link;
}

/* As ndvald does: if the link has ended, there is another one. */
static bool is_joined(struct nl *nl)
{
	if (link_of(nl, "m1") && link_of(nl, "m2"))
		return true;
	run("ndvalctl link attach --member m1 --peer m2 --unix-pair m2");
	return false;
}

/* Bound in peace, for that may wait; read without. */
static int bound(const char *pair, const char *stream)
{
	int fd = instance_open(pair, stream, 0, 0);

	return fd >= 0 && fcntl(fd, F_SETFL, O_NONBLOCK) ? -1 : fd;
}

#define DRAWS	6

/* The next of what a copy draws: by turns a clock and a value. 0 or an errno. */
static long draw_next(int fd, unsigned int n, struct ndval_clock *clock)
{
	char out[32] = "";
	long len;

	if (n % 2)
		return clock_call(fd, CLOCK_BOOTTIME, clock);
	/* Both offer the same, since whoever comes first has it recorded. */
	snprintf(out, sizeof(out), "value %u", n);
	len = agree(fd, out, sizeof(out), out, sizeof(out));
	clock->value = n;
	return len == sizeof(out) && atoi(out + 6) == (int)n ? 0 : len < 0 ? len : -EPROTO;
}

/* Draws the same clocks and values of a stream on both, whatever has failed. */
static bool draws_the_same(struct couple *self, const char *stream)
{
	static const char * const pairs[] = { "web1", "web2" };
	struct ndval_clock got[2][DRAWS];
	unsigned int done[2] = { 0 }, i;
	double end = seconds() + 60, alone = seconds() + 2;
	int fds[2];
	long err;

	memset(got, 0, sizeof(got));
	for (i = 0; i < 2; i++)
		fds[i] = bound(pairs[i], stream);
	while ((done[0] < DRAWS || done[1] < DRAWS) && seconds() < end) {
		is_joined(self->host.nl);
		for (i = 0; i < 2; i++) {
			/* The secondary first, so that the primary makes it all for it. */
			unsigned int side = !i;

			if (done[side] == DRAWS || (!side && !done[1] && seconds() < alone))
				continue;
			err = draw_next(fds[side], done[side], &got[side][done[side]]);
			done[side] += !err;
			if (err == -ENOMEM || err == -EBADF) {
				/* Refused by the primary: a new bind asks again. */
				close(fds[side]);
				fds[side] = bound(pairs[side], stream);
			} else if (err && err != -EAGAIN) {
				printf("# %s: %s\n", stream, strerror(-err));
				end = 0;
			}
		}
		usleep(1000);
	}
	close(fds[0]);
	close(fds[1]);
	if (done[0] < DRAWS || done[1] < DRAWS)
		printf("# %s: %u and %u draws of %d\n", stream, done[0], done[1], DRAWS);
	for (i = 0; i < DRAWS && done[0] == DRAWS && done[1] == DRAWS; i++)
		if (got[0][i].value != got[1][i].value)
			return false;
	return i == DRAWS;
}

/* Reads the same of a stream on both, whatever has failed. */
static bool reads_the_same(struct couple *self, const char *stream)
{
	static const char * const pairs[] = { "web1", "web2" };
	size_t done[2] = { 0 };
	double end = seconds() + 60;
	struct pollfd asked;
	int i, fds[2];

	/* The secondary is first, so that the primary makes the stream for it. */
	fds[1] = bound(pairs[1], stream);
	asked = (struct pollfd){ .fd = fds[1], .events = POLLIN };
	poll(&asked, 1, 2000);
	fds[0] = bound(pairs[0], stream);
	while ((done[0] < LENGTH || done[1] < LENGTH) && seconds() < end) {
		is_joined(self->host.nl);
		for (i = 1; i >= 0; i--) {
			struct pollfd p = { .fd = fds[i], .events = POLLIN };
			ssize_t ret;

			poll(&p, 1, 20);
			ret = get(fds[i], self->got[i] + done[i], LENGTH - done[i]);
			done[i] += ret > 0 ? ret : 0;
			if (ret == -ENOMEM && fds[i] >= 0) {
				/* Refused by the primary: a new bind asks again. */
				close(fds[i]);
				fds[i] = bound(pairs[i], stream);
			}
		}
	}
	if (done[0] < LENGTH || done[1] < LENGTH)
		printf("# %s: %zu and %zu bytes of %d\n", stream, done[0], done[1], LENGTH);
	for (i = 0; i < 2; i++)
		done[i] -= position(fds[i]) == (long long)LENGTH ? 0 : 1;
	close(fds[0]);
	close(fds[1]);
	return done[0] == LENGTH && done[1] == LENGTH &&
	       !memcmp(self->got[0], self->got[1], LENGTH);
}

/* A link that comes tells of all streams there are, and takes the longer for it. */
static bool is_deleted(struct couple *self, const char *stream)
{
	nl_request(self->host.nl, NDVAL_CMD_STREAM_DEL, 0);
	nl_put_str(self->host.nl, NDVAL_A_STREAM_PAIR, "web1");
	nl_put_str(self->host.nl, NDVAL_A_STREAM_NAME, stream);
	return !nl_call(self->host.nl, NULL, NULL) &&
	       wait_until(is_joined(self->host.nl) &&
			  host_stream_get(&self->host, "web2", stream,
					  NDVAL_A_STREAM_ID) == ~0ULL, 30);
}

static void every_failure_of(struct __test_metadata *_metadata, struct couple *self,
			     const char *member, const char *thread,
			     bool (*is_same)(struct couple *self, const char *stream))
{
	struct fault fault = { .fd = -1, .reached = true };
	unsigned int links = 0, nth, injected = 0;
	bool reached = true;

	for (nth = 1; reached; nth++) {
		char task[16], stream[32];
		__u32 link;

		ASSERT_TRUE(wait_until(is_joined(self->host.nl), 30));
		link = link_of(self->host.nl, member);
		snprintf(task, sizeof(task), "%d", fault_thread(thread, link));
		ASSERT_TRUE(fault_open(&fault, task));
		fault.nth = nth;
		fault_arm(&fault);
		snprintf(stream, sizeof(stream), "%s-%s-%u", member, thread, nth);
		ASSERT_TRUE(is_same(self, stream)) {
			TH_LOG("%s of %s, number %u: values are missing or differ", thread,
			       member, nth);
		}
		/* A thread that has ended had come so far. */
		reached = fault_disarm(&fault) || link_of(self->host.nl, member) != link;
		fault_close(&fault);
		links += link_of(self->host.nl, member) != link;
		injected += reached;
		ASSERT_TRUE(is_deleted(self, stream)) TH_LOG("%s", stream);
	}
	TH_LOG("%s of %s: %u injections, %u links ended", thread, member, injected, links);
	EXPECT_LT(0, injected);
}

TEST_F_TIMEOUT(two, the_primary_sends, 300)
{
	every_failure_of(_metadata, &self->couple, "m1", "tx", reads_the_same);
}

TEST_F_TIMEOUT(two, the_primary_sends_the_journal, 300)
{
	every_failure_of(_metadata, &self->couple, "m1", "tx", draws_the_same);
}

TEST_F_TIMEOUT(two, the_primary_receives, 300)
{
	every_failure_of(_metadata, &self->couple, "m1", "rx", reads_the_same);
}

TEST_F_TIMEOUT(two, the_primary_receives_the_journal, 300)
{
	every_failure_of(_metadata, &self->couple, "m1", "rx", draws_the_same);
}

TEST_F_TIMEOUT(two, the_secondary_sends, 300)
{
	every_failure_of(_metadata, &self->couple, "m2", "tx", reads_the_same);
}

TEST_F_TIMEOUT(two, the_secondary_sends_the_journal, 300)
{
	every_failure_of(_metadata, &self->couple, "m2", "tx", draws_the_same);
}

TEST_F_TIMEOUT(two, the_secondary_receives, 300)
{
	every_failure_of(_metadata, &self->couple, "m2", "rx", reads_the_same);
}

TEST_F_TIMEOUT(two, the_secondary_receives_the_journal, 300)
{
	every_failure_of(_metadata, &self->couple, "m2", "rx", draws_the_same);
}

TEST_HARNESS_MAIN
