// SPDX-License-Identifier: GPL-2.0-only
/*
 * Digests: has another copy of the application been given the same? Copies get
 * the same bytes whatever they do; one that left the common path is known by
 * the pieces in which it takes them.
 *
 * A piece ends at a chunk's border, or where a read got all that it asked for.
 * A read that was cut short elsewhere leaves its piece open, and the next read
 * goes on with it: interrupted and resumed counts the same as not interrupted.
 * Where a piece ends is a stop. The digest of a stop covers the pieces from
 * the beginning of its segment, and begins anew at the first stop in another
 * 64 KiB: so a copy that came late, or was repositioned, knows its digest from
 * the next segment on, and till then compares nothing.
 *
 * A copy knows the ends of its segments, and where it stood when it told
 * others; the last 16. What others tell of a place that it has passed is
 * compared if it knows that place. What they tell of a place ahead is pending:
 * when the copy gets there its own digest must be the same, and no piece may
 * go past it.
 *
 * Memory and arithmetic only; the caller holds the lock that protects it.
 */
#include "digest.h"

#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mem.h"
#include "ring.h"

static_assert(sizeof(struct ndval_stop) == 16);
/* There is one for each copy in each stream: it is to fit where it is allocated. */
static_assert(sizeof(struct ndval_digest) <= 512);

/**
 * ndval_digest_create() - Make the digest of a copy; ndval_digest_start() begins it.
 * @mem: account that it is charged to
 * @gfp: how to allocate
 *
 * Return: the digest, or ERR_PTR: -ENOMEM, -EAGAIN if @gfp does not let it sleep.
 */
struct ndval_digest *ndval_digest_create(struct ndval_mem *mem, gfp_t gfp)
{
	struct ndval_digest *digest;

	if (ndval_mem_charge(mem, sizeof(*digest)))
		return ERR_PTR(-ENOMEM);
	digest = kzalloc(sizeof(*digest), gfp);
	if (!digest) {
		ndval_mem_uncharge(mem, sizeof(*digest));
		return ERR_PTR(ndval_mem_error(gfp));
	}
	digest->mem = mem;
	return digest;
}

/**
 * ndval_digest_destroy() - The opposite of ndval_digest_create().
 * @digest: the digest; may be NULL
 */
void ndval_digest_destroy(struct ndval_digest *digest)
{
	struct ndval_mem *mem;

	if (!digest)
		return;
	mem = digest->mem;
	ndval_others_destroy(digest->others, mem);
	kfree(digest);
	ndval_mem_uncharge(mem, sizeof(*digest));
}

/* One word into a siphash, which has no function for a part of it. */
static void absorb(u64 state[4], u64 word)
{
	state[3] ^= word;
	SIPHASH_PERMUTATION(state[0], state[1], state[2], state[3]);
	SIPHASH_PERMUTATION(state[0], state[1], state[2], state[3]);
	state[0] ^= word;
}

/* The last pieces, as many as are the same, are a word together. */
static void absorb_last(u64 state[4], const struct ndval_sum *sum)
{
	if (sum->times)
		absorb(state, (u64)sum->kind << 48 | (u64)sum->times << 16 | sum->length);
}

static noinline void add_other(struct ndval_sum *sum, u32 kind, u32 length)
{
	absorb_last(sum->state, sum);
	sum->kind = kind;
	sum->length = length;
	sum->times = 1;
}

static void add_piece(struct ndval_sum *sum, u32 kind, u32 length)
{
	if (sum->length == length && sum->kind == kind)
		sum->times++;
	else
		add_other(sum, kind, length);
}

static u64 final(const struct ndval_sum *sum)
{
	u64 state[4];
	int i;

	memcpy(state, sum->state, sizeof(state));
	absorb_last(state, sum);
	state[2] ^= 0xff;
	for (i = 0; i < 4; i++)
		SIPHASH_PERMUTATION(state[0], state[1], state[2], state[3]);
	return state[0] ^ state[1] ^ state[2] ^ state[3];
}

/* The digest is no secret, and keeps nobody out: the key tells lives of a pair apart. */
static void begin(struct ndval_digest *digest, u64 key)
{
	digest->sum = (struct ndval_sum) { .state = {
		SIPHASH_CONST_0 ^ key, SIPHASH_CONST_1 ^ ~key,
		SIPHASH_CONST_2 ^ key, SIPHASH_CONST_3 ^ ~key,
	} };
	absorb(digest->sum.state, digest->segment);
	digest->begun = true;
}

static void know(struct ndval_digest *digest, u64 offset, u64 value)
{
	if (digest->nstops == NDVAL_STOPS) {
		digest->nstops--;
		memmove(digest->stops, digest->stops + 1,
			digest->nstops * sizeof(*digest->stops));
	}
	digest->stops[digest->nstops++] = (struct ndval_stop) { offset, value };
}

/**
 * ndval_others_create() - Make room for what a copy hears of others.
 * @mem: account that it is charged to
 * @gfp: how to allocate
 *
 * Most copies never have another ahead.
 *
 * Return: it, or NULL.
 */
struct ndval_others *ndval_others_create(struct ndval_mem *mem, gfp_t gfp)
{
	struct ndval_others *others;

	if (ndval_mem_charge(mem, sizeof(*others)))
		return NULL;
	others = kzalloc(sizeof(*others), gfp | __GFP_NOWARN);
	if (!others)
		ndval_mem_uncharge(mem, sizeof(*others));
	return others;
}

/**
 * ndval_others_destroy() - The opposite of ndval_others_create().
 * @others: what was made; may be NULL
 * @mem: as then
 */
void ndval_others_destroy(struct ndval_others *others, struct ndval_mem *mem)
{
	if (!others)
		return;
	kfree(others);
	ndval_mem_uncharge(mem, sizeof(*others));
}

/* What is not kept for want of memory is told again, when the other has moved. */
static bool has_others(struct ndval_digest *digest)
{
	if (!digest->others)
		digest->others = ndval_others_create(digest->mem, GFP_ATOMIC);
	return digest->others;
}

static void find_next(struct ndval_digest *digest)
{
	unsigned int i;

	digest->next = U64_MAX;
	for (i = 0; i < digest->npending; i++)
		digest->next = min(digest->next, digest->others->pending[i].stop.offset);
}

static void remove_pending(struct ndval_digest *digest, unsigned int i)
{
	digest->others->pending[i] = digest->others->pending[--digest->npending];
}

/* A stop that was passed is not pending any more. */
static void pass(struct ndval_digest *digest, u64 to)
{
	unsigned int i = 0;

	while (i < digest->npending) {
		if (digest->others->pending[i].stop.offset <= to)
			remove_pending(digest, i);
		else
			i++;
	}
	find_next(digest);
}

/**
 * ndval_digest_start() - A copy begins, or goes on elsewhere.
 * @digest: its digest
 * @pos: where it goes on
 *
 * What others told of places that lie beyond is still true.
 */
void ndval_digest_start(struct ndval_digest *digest, u64 pos)
{
	digest->segment = pos;
	digest->stop = pos;
	digest->told = pos;
	digest->open = 0;
	digest->run++;
	digest->divergences = 0;
	/* Every copy stops there: chunks have a border. */
	digest->known = !(pos % NDVAL_SEGMENT);
	digest->begun = false;
	digest->nstops = 0;
	memset(&digest->last, 0, sizeof(digest->last));
	memset(&digest->found, 0, sizeof(digest->found));
	if (digest->others)
		memset(&digest->others->heard, 0, sizeof(digest->others->heard));
	pass(digest, pos);
}

/**
 * ndval_digest_forget() - Compare nothing more until the next segment.
 * @digest: the digest
 *
 * What the copy told before does not count any more.
 */
void ndval_digest_forget(struct ndval_digest *digest)
{
	digest->run++;
	digest->known = false;
	digest->nstops = 0;
}

/**
 * ndval_digest_drop() - Nothing that was told is still true.
 * @digest: the digest
 */
void ndval_digest_drop(struct ndval_digest *digest)
{
	digest->npending = 0;
	digest->next = U64_MAX;
}

static void drop_copies(struct ndval_digest *digest, const struct ndval_copy *copy,
			bool whole_member)
{
	unsigned int i = 0;

	while (i < digest->npending) {
		const struct ndval_copy *who = &digest->others->pending[i].copy;

		if (who->id == copy->id &&
		    (whole_member ||
		     (who->instance == copy->instance && who->run != copy->run)))
			remove_pending(digest, i);
		else
			i++;
	}
	find_next(digest);
}

/**
 * ndval_digest_drop_copy() - What a copy told in former runs does not count any more.
 * @digest: the digest
 * @copy: the copy, as it is now
 */
void ndval_digest_drop_copy(struct ndval_digest *digest, const struct ndval_copy *copy)
{
	if (digest->npending)
		drop_copies(digest, copy, false);
}

/**
 * ndval_digest_drop_member() - What the copies of a member told does not count any more.
 * @digest: the digest
 * @id: the member's pair object
 */
void ndval_digest_drop_member(struct ndval_digest *digest, u64 id)
{
	const struct ndval_copy copy = { .id = id };

	drop_copies(digest, &copy, true);
}

/* The reader that gets a piece. */
static __always_inline void sign(struct ndval_piece *piece, u32 kind, u32 length)
{
	piece->kind = kind;
	piece->length = length;
	piece->pid = current->tgid;
	/* Without the lock of get_task_comm(): a name that changes may be mixed up. */
	data_race(memcpy(piece->comm, current->comm, sizeof(piece->comm)));
	piece->comm[sizeof(piece->comm) - 1] = '\0';
}

static bool find(struct ndval_digest *digest, u64 offset, const char *reason,
		 const struct ndval_piece *own, const struct ndval_copy *other)
{
	digest->divergences++;
	/* One that was not told yet is the first, and counts. */
	if (digest->found.due)
		return false;
	digest->found = (struct ndval_finding) {
		.offset	= offset,
		.reason	= reason,
		.own	= *own,
		.other	= *other,
		.due	= true,
		.untold	= other->id,
	};
	return true;
}

/**
 * ndval_digest_find_kind() - This copy asks for another kind of value than was recorded.
 * @digest: the digest
 * @place: in the journal
 * @own: what it asks for
 * @other: the copy that it was recorded for
 */
void ndval_digest_find_kind(struct ndval_digest *digest, u64 place,
			    const struct ndval_piece *own, const struct ndval_copy *other)
{
	/* It may ask again and again. */
	if (digest->found.journal && digest->found.offset == place)
		return;
	if (find(digest, place, "it asks for another kind of value than the one recorded",
		 own, other))
		digest->found.journal = true;
}

/**
 * ndval_digest_hear_finding() - A peer found that one of its copies differs from this one.
 * @digest: the digest
 * @finding: how
 *
 * Without memory it is counted, and told of at the peer only.
 */
void ndval_digest_hear_finding(struct ndval_digest *digest,
			       const struct ndval_finding *finding)
{
	digest->divergences++;
	if (has_others(digest))
		digest->others->heard = *finding;
}

/**
 * ndval_digest_blame() - This copy differs from another, at a place that both passed.
 * @digest: the digest
 * @offset: the place
 * @other: the other copy
 */
void ndval_digest_blame(struct ndval_digest *digest, u64 offset,
			const struct ndval_copy *other)
{
	find(digest, offset, "it was read in other pieces up to here", &digest->last, other);
}

/*
 * A piece reaches a stop of another copy, or goes past it. Does it agree? The
 * least stop with which it does not is the finding.
 */
static bool agrees(struct ndval_digest *digest, u64 value, u64 to, bool ends,
		   const struct ndval_piece *piece)
{
	unsigned int i, worst = NDVAL_STOPS;

	for (i = 0; i < digest->npending; i++) {
		const struct ndval_stop *stop = &digest->others->pending[i].stop;

		if (stop->offset > to ||
		    (stop->offset == to && (!ends || stop->digest == value)))
			continue;
		if (worst == NDVAL_STOPS ||
		    stop->offset < digest->others->pending[worst].stop.offset)
			worst = i;
	}
	if (worst == NDVAL_STOPS)
		return true;
	find(digest, digest->others->pending[worst].stop.offset,
	     digest->others->pending[worst].stop.offset < to ?
	     "a piece goes past the place where the other stopped" :
	     "it was read in other pieces up to here",
	     piece, &digest->others->pending[worst].copy);
	return false;
}

/* The slow half of ndval_digest_add(): a pending stop is reached. */
static noinline_for_stack bool reach(struct ndval_digest *digest, u64 to, u32 kind,
				     u32 length, bool ends)
{
	struct ndval_sum sum = digest->sum;
	struct ndval_piece piece;

	if (digest->known) {
		add_piece(&sum, kind, length);
		sign(&piece, kind, length);
		if (!agrees(digest, final(&sum), to, ends, &piece))
			return false;
	}
	pass(digest, ends ? to : to - 1);
	return true;
}

static void end_segment(struct ndval_digest *digest)
{
	if (digest->known)
		know(digest, digest->stop, final(&digest->sum));
	digest->segment = digest->stop;
	digest->known = true;
	digest->begun = false;
}

/**
 * ndval_digest_add() - Bytes are about to be delivered to the copy.
 * @digest: its digest
 * @key: incarnation of the pair
 * @kind: enum ndval_value_kind
 * @len: bytes, inside one chunk
 * @complete: with them the read has all that it asked for
 *
 * Return: false if the copy has diverged thereby from another: then nothing has
 * changed, but that @digest->found says from which.
 */
bool ndval_digest_add(struct ndval_digest *digest, u64 key, u32 kind, u32 len,
		      bool complete)
{
	u32 length = digest->open + len;
	u64 to = digest->stop + length;
	bool ends = complete || !(to % NDVAL_CHUNK);

	if (digest->known && !digest->begun)
		begin(digest, key);
	if (to >= digest->next && !reach(digest, to, kind, length, ends))
		return false;
	sign(&digest->last, kind, length);
	if (!ends) {
		digest->open = length;
		return true;
	}
	digest->open = 0;
	digest->stop = to;
	if (digest->known)
		add_piece(&digest->sum, kind, length);
	if (to / NDVAL_SEGMENT != digest->segment / NDVAL_SEGMENT)
		end_segment(digest);
	return true;
}

/* Is the last stop in the segment's sum, and not told of by its being known? */
static bool has_sum(const struct ndval_digest *digest)
{
	return digest->known && digest->begun && digest->stop > digest->segment;
}

/**
 * ndval_digest_tell() - What the copy tells others.
 * @digest: its digest
 * @told: filled in, but for who it is
 *
 * From now on it knows where it stands.
 */
void ndval_digest_tell(struct ndval_digest *digest, struct ndval_told *told)
{
	if (has_sum(digest) &&
	    (!digest->nstops || digest->stops[digest->nstops - 1].offset < digest->stop))
		know(digest, digest->stop, final(&digest->sum));
	digest->told = digest->stop;
	told->copy.run = digest->run;
	told->copy.piece = digest->last;
	told->n = digest->nstops;
	memcpy(told->stops, digest->stops, sizeof(told->stops));
}

static void await(struct ndval_digest *digest, const struct ndval_stop *stop,
		  const struct ndval_copy *copy)
{
	unsigned int i;

	for (i = 0; i < digest->npending; i++)
		if (digest->others->pending[i].stop.offset == stop->offset &&
		    digest->others->pending[i].stop.digest == stop->digest)
			return;
	if (digest->npending == NDVAL_STOPS || !has_others(digest))
		return;
	digest->others->pending[i].stop = *stop;
	digest->others->pending[i].copy = *copy;
	digest->npending++;
	digest->next = min(digest->next, stop->offset);
}

/* Does the copy know that its digest at this place, which it has passed, is another? */
static bool contradicts(const struct ndval_digest *digest, const struct ndval_stop *stop)
{
	unsigned int i;

	if (has_sum(digest) && digest->stop == stop->offset)
		return final(&digest->sum) != stop->digest;
	for (i = 0; i < digest->nstops; i++)
		if (digest->stops[i].offset == stop->offset)
			return digest->stops[i].digest != stop->digest;
	return false;
}

/**
 * ndval_digest_hear() - Another copy has told of itself.
 * @digest: digest of this copy
 * @end: nothing that is told of what lies beyond can be true
 * @told: what it told
 * @offset: set to the first place where the two are known to differ
 *
 * Return: true if there is such a place.
 */
bool ndval_digest_hear(struct ndval_digest *digest, u64 end,
		       const struct ndval_told *told, u64 *offset)
{
	u64 pos = digest->stop + digest->open;
	struct ndval_copy none = told->copy;
	bool differs = false;
	unsigned int i;

	ndval_digest_drop_copy(digest, &told->copy);
	for (i = 0; i < told->n; i++) {
		const struct ndval_stop *stop = &told->stops[i];

		if (stop->offset > end)
			continue;
		if (stop->offset > digest->stop) {
			/* In the middle of an open piece nothing is known yet. */
			if (stop->offset >= pos)
				await(digest, stop, &told->copy);
		} else if (contradicts(digest, stop) &&
			   (!differs || stop->offset < *offset)) {
			*offset = stop->offset;
			differs = true;
		}
	}
	/* Where it went after they had parted is nothing to be measured by. */
	none.run++;
	if (differs)
		ndval_digest_drop_copy(digest, &none);
	return differs;
}
