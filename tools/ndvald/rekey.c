// SPDX-License-Identifier: GPL-2.0-only
/*
 * A link keeps its keys for life: kTLS of these kernels can't change them. So
 * an encrypted link is replaced by a fresh one at a certain age or number of
 * messages, and when the files with keys have changed. The kernel reads the
 * old one to its end, hence nothing is lost, and nobody waits.
 *
 * A link that was there before ndvald was started may have been made with
 * other keys than those in the files now: it is replaced at once, if it is to
 * be encrypted. One that is to be in clear has no keys, and stays. One that is in
 * clear and should not be is replaced too, but has not long for it: end_clear().
 *
 * Of two hosts the one whose name sorts first is first, so that not both make
 * a link at the same time; the other does it a tenth later, if it must.
 */
#include "rekey.h"
#include "loop.h"

#include <sys/random.h>

#define NONE_GOOD	UINT32_MAX

/**
 * rekey_init() - no link is known
 * @rekey: with after, messages and second set
 * @encrypted: whether links are to be
 */
void rekey_init(struct rekey *rekey, bool encrypted)
{
	rekey->encrypted = encrypted;
	rekey->good_from = encrypted ? NONE_GOOD : 0;
	rekey->at = LOOP_NEVER;
	rekey->link = 0;
	rekey->previous = 0;
}

/**
 * rekey_renew() - the link there is has to go, for the keys are others now
 * @rekey: of the peer; rekey_linked() comes next
 * @encrypted: whether links are to be
 */
void rekey_renew(struct rekey *rekey, bool encrypted)
{
	rekey_init(rekey, encrypted);
	rekey->good_from = NONE_GOOD;
}

/**
 * rekey_made() - a link was made with the keys of now
 * @rekey: of the peer
 * @id: number of the link
 */
void rekey_made(struct rekey *rekey, uint32_t id)
{
	if (id < rekey->good_from)
		rekey->good_from = id;
}

static int64_t due(const struct rekey *rekey, uint32_t id, int64_t since)
{
	int64_t delay = (int64_t)rekey->after * 1000;
	uint16_t random = 0;

	if (id < rekey->good_from)
		return since;
	if (!rekey->encrypted)
		return LOOP_NEVER;
	if (rekey->second)
		delay += delay / 10;
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	/* Up to 5 % earlier, so that not all links of a host are due at once. */
	return since + delay - delay / 20 * random / UINT16_MAX;
}

/**
 * rekey_linked() - decide when the link is to be replaced
 * @rekey: of the peer
 * @id: number of the link
 * @since: loop_now() when it was made
 *
 * Where the fresh one of two links did not stay, the one before is what it was.
 */
void rekey_linked(struct rekey *rekey, uint32_t id, int64_t since)
{
	uint32_t previous = rekey->previous;
	int64_t previous_at = rekey->previous_at;

	if (id != rekey->link) {
		rekey->previous = rekey->link;
		rekey->previous_at = rekey->at;
	}
	rekey->link = id;
	rekey->at = id == previous ? previous_at : due(rekey, id, since);
}

/**
 * rekey_counted() - the link may have carried enough
 * @rekey: of the peer
 * @messages: that it has carried
 */
void rekey_counted(struct rekey *rekey, uint64_t messages)
{
	if (rekey->encrypted && messages >= rekey->messages && rekey->at > loop_now())
		rekey->at = loop_now();
}
