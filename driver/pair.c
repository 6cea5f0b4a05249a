// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs: made, looked up, moved from state to state, removed. The states, the
 * locks and the phases of removal are told in pair.h.
 */
#include "pair.h"

#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/netlink.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "chardev.h"
#include "event.h"
#include "extack.h"
#include "flow.h"
#include "host.h"
#include "member.h"
#include "name.h"
#include "peer.h"
#include "stream.h"

/* Changes of health that come together are reported together, in ms. */
#define REPORT_DELAY_MS	10

static const struct rhashtable_params by_name_params = {
	.key_len		= NDVAL_NAME_SIZE,
	.key_offset		= offsetof(struct ndval_pair, name),
	.head_offset		= offsetof(struct ndval_pair, by_name),
	.automatic_shrinking	= true,
};

static const struct rhashtable_params by_group_params = {
	.key_len		= sizeof(struct ndval_group_key),
	.key_offset		= offsetof(struct ndval_pair, key),
	.head_offset		= offsetof(struct ndval_pair, by_group),
	.automatic_shrinking	= true,
};

static struct rhashtable by_name;
static struct rhashtable by_group;
static DEFINE_XARRAY_ALLOC(minors);
static u32 next_minor;
static atomic_t pairs_live;

/**
 * ndval_pair_init() - Make the tables.
 *
 * Return: 0 or -ENOMEM.
 */
int ndval_pair_init(void)
{
	int err;

	err = rhashtable_init(&by_name, &by_name_params);
	if (err)
		return err;
	err = rhashtable_init(&by_group, &by_group_params);
	if (err)
		rhashtable_destroy(&by_name);
	return err;
}

/**
 * ndval_pair_exit() - Remove all pairs, and the tables.
 *
 * No file is open, no link attached, no netlink handler runs.
 */
void ndval_pair_exit(void)
{
	struct ndval_pair *pair;
	u32 minor = 0;

	while ((pair = ndval_pair_next(&minor))) {
		ndval_pair_del(pair, 0);
		ndval_pair_put(pair);
		minor++;
	}
	flush_workqueue(ndval_wq);
	WARN_ONCE(atomic_read(&pairs_live), "ndval: %d pairs leaked\n",
		  atomic_read(&pairs_live));
	rhashtable_destroy(&by_group);
	rhashtable_destroy(&by_name);
	xa_destroy(&minors);
}

/**
 * ndval_pair_get() - Take a reference.
 * @pair: the pair
 */
void ndval_pair_get(struct ndval_pair *pair)
{
	get_device(&pair->dev);
}

/**
 * ndval_pair_put() - Drop a reference.
 * @pair: the pair
 *
 * Context: process, may sleep.
 */
void ndval_pair_put(struct ndval_pair *pair)
{
	put_device(&pair->dev);
}

static bool try_get(struct ndval_pair *pair)
{
	return pair && kobject_get_unless_zero(&pair->dev.kobj);
}

/**
 * ndval_pair_find() - Look a pair up by its local name.
 * @name: the name
 *
 * Return: the pair with a reference, or NULL.
 */
struct ndval_pair *ndval_pair_find(const char *name)
{
	char key[NDVAL_NAME_SIZE] = {};
	struct ndval_pair *pair;

	if (strscpy(key, name, sizeof(key)) < 0)
		return NULL;
	rcu_read_lock();
	pair = rhashtable_lookup(&by_name, key, by_name_params);
	if (!try_get(pair))
		pair = NULL;
	rcu_read_unlock();
	return pair;
}

/**
 * ndval_pair_find_group() - Look a pair up for a message of a link.
 * @member: the member that the link is attached as
 * @group: the group name
 *
 * Return: the pair with a reference, or NULL.
 */
struct ndval_pair *ndval_pair_find_group(struct ndval_member *member, const char *group)
{
	struct ndval_group_key key = { .member = member };
	struct ndval_pair *pair;

	strscpy(key.group, group, sizeof(key.group));
	rcu_read_lock();
	pair = rhashtable_lookup(&by_group, &key, by_group_params);
	if (!try_get(pair))
		pair = NULL;
	rcu_read_unlock();
	return pair;
}

/**
 * ndval_pair_find_minor() - Look a pair up by the minor number of its node.
 * @minor: the number
 *
 * Return: the pair with a reference, or NULL.
 */
struct ndval_pair *ndval_pair_find_minor(unsigned int minor)
{
	struct ndval_pair *pair;

	rcu_read_lock();
	pair = xa_load(&minors, minor);
	if (!try_get(pair))
		pair = NULL;
	rcu_read_unlock();
	return pair;
}

/**
 * ndval_pair_next() - The first pair at or after a minor number, to list all.
 * @minor: where to start; set to the pair's minor
 *
 * Return: the pair with a reference, or NULL.
 */
struct ndval_pair *ndval_pair_next(u32 *minor)
{
	unsigned long index = *minor;
	struct ndval_pair *pair;

	rcu_read_lock();
	xa_for_each_start(&minors, index, pair, index) {
		if (try_get(pair)) {
			*minor = index;
			break;
		}
	}
	rcu_read_unlock();
	return pair;
}

static void report_work(struct work_struct *work);
static void remove_work(struct work_struct *work);

/**
 * ndval_pair_free() - The last reference to a pair is gone.
 * @pair: the pair
 *
 * Context: process, sleeps.
 */
void ndval_pair_free(struct ndval_pair *pair)
{
	WARN_ON_ONCE(ndval_mem_used(&pair->mem));
	rhashtable_destroy(&pair->streams);
	ndval_member_put(pair->key.member);
	mutex_destroy(&pair->lock);
	kfree_rcu(pair, rcu);
	atomic_dec(&pairs_live);
}

/* An object that nobody knows yet; dropped by ndval_pair_put(). */
static struct ndval_pair *pair_create(const struct ndval_pair_args *args)
{
	struct ndval_pair *pair = kzalloc(sizeof(*pair), GFP_KERNEL);
	int err;

	if (!pair)
		return ERR_PTR(-ENOMEM);
	err = rhashtable_init(&pair->streams, &ndval_stream_params);
	if (err) {
		kfree(pair);
		return ERR_PTR(err);
	}
	atomic_inc(&pairs_live);
	strscpy(pair->name, args->name, sizeof(pair->name));
	strscpy(pair->key.group, args->group ?: args->name, sizeof(pair->key.group));
	ndval_member_get(args->member);
	pair->key.member = args->member;
	pair->uid = args->uid;
	pair->gid = args->gid;
	pair->mode = args->mode;
	pair->id = ndval_random_id();
	pair->health = U32_MAX;
	mutex_init(&pair->lock);
	INIT_LIST_HEAD(&pair->peers);
	INIT_LIST_HEAD(&pair->stream_list);
	INIT_DELAYED_WORK(&pair->report, report_work);
	INIT_WORK(&pair->remove, remove_work);
	ndval_settings_init(&pair->set);
	ndval_chardev_prepare(pair);
	return pair;
}

static void begin_incarnation(struct ndval_pair *pair)
{
	pair->incarnation = ndval_random_id();
	pair->epoch = 1;
	pair->epoch_id = ndval_random_id();
	WRITE_ONCE(pair->role, NDVAL_ROLE_PRIMARY);
}

static int check_args(const struct ndval_pair_args *args,
		      struct netlink_ext_ack *extack)
{
	const char *why = ndval_name_check(args->name);

	if (!why && args->group)
		why = ndval_name_check(args->group);
	if (why) {
		ndval_extack(extack, why);
		return -EINVAL;
	}
	if (args->mode & ~0777) {
		NL_SET_ERR_MSG(extack, "mode is 0 to 0777");
		return -EINVAL;
	}
	return 0;
}

/* Enters the tables, by which name and group are taken. */
static int enter(struct ndval_pair *pair, struct netlink_ext_ack *extack)
{
	int err;

	err = rhashtable_lookup_insert_fast(&by_name, &pair->by_name, by_name_params);
	if (err) {
		if (err == -EEXIST)
			NL_SET_ERR_MSG(extack,
				       "a pair has this name, or is being removed");
		return err;
	}
	err = rhashtable_lookup_insert_fast(&by_group, &pair->by_group, by_group_params);
	if (err == -EEXIST)
		NL_SET_ERR_MSG(extack, "the member has a pair of this group");
	if (err)
		goto err_name;
	err = xa_alloc_cyclic(&minors, &pair->minor, pair,
			      XA_LIMIT(0, NDVAL_MINORS - 1), &next_minor, GFP_KERNEL);
	if (err < 0) {
		if (err == -EBUSY)
			NL_SET_ERR_MSG(extack, "there are 65536 pairs");
		goto err_group;
	}
	return 0;

err_group:
	rhashtable_remove_fast(&by_group, &pair->by_group, by_group_params);
err_name:
	rhashtable_remove_fast(&by_name, &pair->by_name, by_name_params);
	return err;
}

static void leave(struct ndval_pair *pair)
{
	xa_erase(&minors, pair->minor);
	rhashtable_remove_fast(&by_group, &pair->by_group, by_group_params);
	rhashtable_remove_fast(&by_name, &pair->by_name, by_name_params);
}

/* Phases 1 to 3 of removal. */
static void kill_pair(struct ndval_pair *pair)
{
	struct ndval_stream *stream, *next_stream;
	struct ndval_peer *peer, *next_peer;

	lockdep_assert_held(&pair->lock);
	WRITE_ONCE(pair->dead, true);
	list_for_each_entry_safe(stream, next_stream, &pair->stream_list, list)
		ndval_stream_remove(stream);
	list_for_each_entry_safe(peer, next_peer, &pair->peers, list)
		ndval_peer_remove(peer);
}

static int start_pair(struct ndval_pair *pair, const struct ndval_pair_args *args,
		      struct netlink_ext_ack *extack)
{
	unsigned int i;
	int err;

	lockdep_assert_held(&pair->lock);
	begin_incarnation(pair);
	err = ndval_pair_set(pair, &args->change, extack);
	for (i = 0; i < args->npeers && !err; i++)
		err = ndval_peer_add(pair, args->peers[i], extack);
	return err;
}

/**
 * ndval_pair_new() - Make a pair and its node.
 * @args: what from
 * @extack: gets the reason of a refusal
 *
 * Without peers it starts as a primary, with peers as a secondary that knows
 * nothing.
 *
 * Context: process, sleeps.
 * Return: the pair with a reference, or ERR_PTR: -EINVAL, -EEXIST, -EBUSY,
 * -ENOENT, -ENOSPC, -ENOMEM.
 */
struct ndval_pair *ndval_pair_new(const struct ndval_pair_args *args,
				  struct netlink_ext_ack *extack)
{
	struct ndval_pair *pair;
	int err;

	err = check_args(args, extack);
	if (err)
		return ERR_PTR(err);
	pair = pair_create(args);
	if (IS_ERR(pair))
		return pair;
	err = ndval_member_use(args->member, 1, 0);
	if (err)
		goto err_put;
	mutex_lock(&pair->lock);
	/* Before anybody can find it: ndval_pair_del() sees it is not ready. */
	err = enter(pair, extack);
	if (!err) {
		err = start_pair(pair, args, extack);
		if (err) {
			kill_pair(pair);
			leave(pair);
		}
	}
	mutex_unlock(&pair->lock);
	if (err)
		goto err_use;
	err = ndval_chardev_add(pair);
	mutex_lock(&pair->lock);
	if (err) {
		NL_SET_ERR_MSG(extack, "the device could not be made");
		kill_pair(pair);
		leave(pair);
	} else {
		WRITE_ONCE(pair->ready, true);
		ndval_pair_get(pair);
		ndval_event_pair(NDVAL_EVENT_KIND_PAIR_NEW, pair);
	}
	mutex_unlock(&pair->lock);
	if (err)
		goto err_use;
	ndval_pair_report(pair);
	return pair;

err_use:
	ndval_member_use(args->member, -1, 0);
err_put:
	ndval_pair_put(pair);
	return ERR_PTR(err);
}

/* Phases 4 and 5 of removal. */
static void remove_work(struct work_struct *work)
{
	struct ndval_pair *pair = container_of(work, struct ndval_pair, remove);
	const struct ndval_event event = {
		.kind	= NDVAL_EVENT_KIND_PAIR_DEL,
		.pair	= pair,
		.member	= pair->key.member->name,
	};

	if (cancel_delayed_work_sync(&pair->report))
		ndval_pair_put(pair);
	device_del(&pair->dev);
	leave(pair);
	ndval_member_use(pair->key.member, -1, 0);
	ndval_event(&event);
	ndval_event_op(pair->operation, 0);
	ndval_pair_put(pair);
}

/**
 * ndval_pair_del() - Remove a pair.
 * @pair: the pair; the caller has a reference
 * @operation: id to report the end by, 0 for none
 *
 * Readers get ENODEV at once; the node is removed by work.
 *
 * Context: process. Takes the pair's lock.
 * Return: 0; -ENODEV if it is being removed, -EBUSY if it is being made.
 */
int ndval_pair_del(struct ndval_pair *pair, u32 operation)
{
	int err = 0;

	mutex_lock(&pair->lock);
	if (pair->dead) {
		err = -ENODEV;
	} else if (!pair->ready) {
		err = -EBUSY;
	} else {
		pair->operation = operation;
		kill_pair(pair);
		queue_work(ndval_wq, &pair->remove);
	}
	mutex_unlock(&pair->lock);
	return err;
}

/**
 * ndval_pair_health() - Would a failover now lose or change a value?
 * @pair: the pair; the caller holds its lock
 *
 * Return: enum ndval_health.
 */
u32 ndval_pair_health(struct ndval_pair *pair)
{
	unsigned int behind = 0, in_sync = 0;
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	if (pair->bar == NDVAL_BAR_FENCED)
		return NDVAL_HEALTH_FENCED;
	if (pair->bar == NDVAL_BAR_DIVERGED)
		return NDVAL_HEALTH_DIVERGED;
	if (!pair->npeers)
		return NDVAL_HEALTH_STANDALONE;
	list_for_each_entry(peer, &pair->peers, list) {
		u32 state = ndval_peer_state(peer);

		/* A secondary is protected by what its primary says of it. */
		if (pair->role == NDVAL_ROLE_SECONDARY && peer != pair->followed)
			continue;
		if (state == NDVAL_PEER_STATE_BEHIND)
			behind++;
		if (state == NDVAL_PEER_STATE_IN_SYNC)
			in_sync++;
	}
	if (!behind && !in_sync)
		return NDVAL_HEALTH_ALONE;
	if (pair->role == NDVAL_ROLE_SECONDARY)
		return in_sync ? NDVAL_HEALTH_PROTECTED : NDVAL_HEALTH_AT_RISK;
	return in_sync == pair->npeers ? NDVAL_HEALTH_PROTECTED :
					 NDVAL_HEALTH_AT_RISK;
}

static u64 demand_missing(struct ndval_stream *stream)
{
	u64 furthest = ndval_stream_furthest(stream);

	return furthest > stream->ring.head ? furthest - stream->ring.head : 0;
}

/**
 * ndval_pair_sums() - Totals over the streams of a pair.
 * @pair: the pair; the caller holds its lock
 * @sums: filled in
 */
void ndval_pair_sums(struct ndval_pair *pair, struct ndval_pair_sums *sums)
{
	struct ndval_stream *stream;
	struct ndval_peer *peer;
	unsigned int i;

	lockdep_assert_held(&pair->lock);
	memset(sums, 0, sizeof(*sums));
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		sums->issued += stream->ring.head;
		sums->committed += ndval_stream_committed(stream);
		sums->retained += ndval_ring_span(&stream->ring);
		for (i = 0; i < NDVAL_INSTANCES; i++)
			sums->delivered += READ_ONCE(stream->cursors[i].delivered);
		if (pair->role == NDVAL_ROLE_SECONDARY)
			sums->lag += demand_missing(stream);
		spin_unlock(&stream->lock);
	}
	if (pair->role != NDVAL_ROLE_PRIMARY)
		return;
	list_for_each_entry(peer, &pair->peers, list) {
		u64 acknowledged;

		sums->lag = max(sums->lag, ndval_peer_lag(peer, &acknowledged));
	}
}

/**
 * ndval_pair_report() - Health, a peer or an instance may have changed: tell
 *	listeners, soon.
 * @pair: the pair
 *
 * Context: any that is not interrupt.
 */
void ndval_pair_report(struct ndval_pair *pair)
{
	if (READ_ONCE(pair->dead) || !READ_ONCE(pair->ready))
		return;
	if (queue_delayed_work(ndval_wq, &pair->report,
			       msecs_to_jiffies(REPORT_DELAY_MS)))
		ndval_pair_get(pair);
}

static void report_new(struct ndval_stream *stream)
{
	bool tell;

	spin_lock(&stream->lock);
	tell = !stream->announced;
	stream->announced = true;
	spin_unlock(&stream->lock);
	if (tell)
		ndval_event_stream(NDVAL_EVENT_KIND_STREAM_NEW, stream);
}

static void report_lost(struct ndval_stream *stream)
{
	unsigned int i;

	for (i = 0; i < NDVAL_INSTANCES; i++) {
		struct ndval_cursor *cursor = &stream->cursors[i];
		bool tell;
		u64 pos;

		spin_lock(&stream->lock);
		tell = cursor->lost && !cursor->lost_told;
		cursor->lost_told |= tell;
		pos = cursor->pos;
		spin_unlock(&stream->lock);
		if (!tell)
			continue;
		pr_warn_ratelimited("pair %s: instance %u lost at offset %llu of stream %s\n",
				    stream->pair->name, i, pos, stream->name);
		ndval_event_instance(NDVAL_EVENT_KIND_INSTANCE_LOST, stream, i, pos);
	}
}

static void report_peer(struct ndval_peer *peer)
{
	u32 state = ndval_peer_state(peer);
	bool in_sync = state == NDVAL_PEER_STATE_IN_SYNC;

	if (peer->pair->role == NDVAL_ROLE_PRIMARY && peer->told_in_sync != in_sync)
		ndval_peer_tell(peer);
	if (state == peer->state)
		return;
	peer->state = state;
	ndval_event_peer(peer, state);
}

static void report_work(struct work_struct *work)
{
	struct ndval_pair *pair = container_of(work, struct ndval_pair, report.work);
	struct ndval_stream *stream;
	struct ndval_peer *peer;
	u32 health;

	mutex_lock(&pair->lock);
	if (pair->dead)
		goto out;
	list_for_each_entry(stream, &pair->stream_list, list) {
		report_new(stream);
		report_lost(stream);
	}
	list_for_each_entry(peer, &pair->peers, list)
		report_peer(peer);
	health = ndval_pair_health(pair);
	if (health != pair->health) {
		pair->health = health;
		ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
	}
out:
	mutex_unlock(&pair->lock);
	ndval_pair_put(pair);
}

/**
 * ndval_pair_tell() - Send PAIR to all peers.
 * @pair: the pair; the caller holds its lock
 */
void ndval_pair_tell(struct ndval_pair *pair)
{
	struct ndval_peer *peer;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list)
		ndval_peer_tell(peer);
}

/**
 * ndval_pair_delivered() - Was anything delivered to an instance here?
 * @pair: the pair; the caller holds its lock
 *
 * Voids what readers are copying, so that the answer holds until the caller
 * has drawn its conclusion and let readers see it.
 */
bool ndval_pair_delivered(struct ndval_pair *pair)
{
	struct ndval_stream *stream;
	bool delivered = false;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_void(stream);
		spin_unlock(&stream->lock);
		delivered |= ndval_stream_delivered(stream) > 0;
	}
	return delivered;
}

static void reset_streams(struct ndval_pair *pair, bool forget)
{
	struct ndval_stream *stream;

	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_reset(stream, 0, forget);
		stream->id = 0;
		spin_unlock(&stream->lock);
	}
}

/**
 * ndval_pair_forget_epoch() - Become a secondary that knows nothing.
 * @pair: the pair; the caller holds its lock, and deals with its streams
 */
void ndval_pair_forget_epoch(struct ndval_pair *pair)
{
	lockdep_assert_held(&pair->lock);
	WRITE_ONCE(pair->role, NDVAL_ROLE_SECONDARY);
	pair->incarnation = 0;
	pair->epoch = 0;
	WRITE_ONCE(pair->epoch_id, 0);
	pair->followed = NULL;
}

/**
 * ndval_pair_wake() - Let all readers of a pair look at its state again.
 * @pair: the pair; the caller holds its lock
 */
void ndval_pair_wake(struct ndval_pair *pair)
{
	struct ndval_stream *stream;

	lockdep_assert_held(&pair->lock);
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_void(stream);
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
}

/**
 * ndval_pair_adopt() - Take over a primary's epoch; nothing was delivered here.
 * @pair: the pair, a secondary; the caller holds its lock
 * @incarnation: the primary's
 * @epoch: its number
 * @epoch_id: its identity
 *
 * The caller has barred readers (NDVAL_BAR_ADOPTING). The epoch changes first,
 * then every stream is emptied: what comes of another epoch after this is
 * refused, and before it is thrown away. Then readers are let in again.
 */
void ndval_pair_adopt(struct ndval_pair *pair, u64 incarnation, u64 epoch, u64 epoch_id)
{
	lockdep_assert_held(&pair->lock);
	ndval_pair_forget_epoch(pair);
	pair->incarnation = incarnation;
	pair->epoch = epoch;
	WRITE_ONCE(pair->epoch_id, epoch_id);
	reset_streams(pair, false);
	WRITE_ONCE(pair->bar, NDVAL_BAR_NONE);
	ndval_pair_wake(pair);
	ndval_pair_tell(pair);
	ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
}

/**
 * ndval_pair_diverge() - Values were delivered here that the pair has not.
 * @pair: the pair; the caller holds its lock
 * @peer: the primary whose epoch contradicts
 */
void ndval_pair_diverge(struct ndval_pair *pair, struct ndval_peer *peer)
{
	const struct ndval_event event = {
		.kind	= NDVAL_EVENT_KIND_DIVERGED,
		.pair	= pair,
		.member	= pair->key.member->name,
		.peer	= peer->remote->name,
		.reason	= "values were delivered here that the primary's pair does not have",
	};

	lockdep_assert_held(&pair->lock);
	WRITE_ONCE(pair->bar, NDVAL_BAR_DIVERGED);
	pair->followed = NULL;
	ndval_pair_wake(pair);
	pr_warn("pair %s: diverged from primary %s: resync, or remove one of the two\n",
		pair->name, peer->remote->name);
	ndval_event(&event);
	ndval_pair_tell(pair);
	ndval_pair_report(pair);
}

/**
 * ndval_pair_fence() - Deliver nothing more, and wipe all values.
 * @pair: the pair
 * @new_id: the object is another one now (the host was cloned)
 *
 * Context: process. Takes the pair's lock.
 */
void ndval_pair_fence(struct ndval_pair *pair, bool new_id)
{
	struct ndval_stream *stream;

	mutex_lock(&pair->lock);
	WRITE_ONCE(pair->bar, NDVAL_BAR_FENCED);
	pair->followed = NULL;
	if (new_id)
		pair->id = ndval_random_id();
	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		ndval_stream_void(stream);
		ndval_ring_reset(&stream->ring, stream->ring.head);
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
	ndval_pair_tell(pair);
	ndval_event_pair(NDVAL_EVENT_KIND_FENCED, pair);
	mutex_unlock(&pair->lock);
}

/* Streams that were only asked for are the primary's own now. */
static void name_streams(struct ndval_pair *pair)
{
	struct ndval_stream *stream;

	list_for_each_entry(stream, &pair->stream_list, list) {
		spin_lock(&stream->lock);
		if (!stream->id)
			stream->id = ndval_random_id();
		stream->epoch_id = pair->epoch_id;
		stream->error = 0;
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
}

/**
 * ndval_pair_promote_new() - Begin a pair's life, with this member as primary.
 * @pair: the pair
 * @extack: gets the reason of a refusal
 *
 * Context: process. Takes the pair's lock.
 * Return: 0; -EALREADY if it is primary; -EEXIST if it belongs to an
 * incarnation; -EBUSY if a connected peer is primary; -ESTALE, -ENODEV.
 */
int ndval_pair_promote_new(struct ndval_pair *pair, struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer;
	int err = 0;

	mutex_lock(&pair->lock);
	if (pair->dead) {
		err = -ENODEV;
	} else if (pair->bar != NDVAL_BAR_NONE) {
		NL_SET_ERR_MSG(extack, "the pair is diverged or fenced: resync it first");
		err = -ESTALE;
	} else if (pair->role == NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack, "this member is the primary");
		err = -EALREADY;
	} else if (pair->epoch_id) {
		NL_SET_ERR_MSG(extack,
			       "the pair has begun its life: a new one would lose it (resync first to throw this copy away)");
		err = -EEXIST;
	}
	list_for_each_entry(peer, &pair->peers, list) {
		if (!err && ndval_peer_connected(peer) &&
		    peer->heard.role == NDVAL_ROLE_PRIMARY) {
			NL_SET_ERR_MSG(extack, "a connected peer is primary of the pair");
			err = -EBUSY;
		}
	}
	if (!err) {
		begin_incarnation(pair);
		name_streams(pair);
		ndval_pair_tell(pair);
		ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
		ndval_pair_report(pair);
	}
	mutex_unlock(&pair->lock);
	return err;
}

/**
 * ndval_pair_resync() - Throw all values away, and obtain them anew.
 * @pair: the pair
 * @extack: gets the reason of a refusal
 *
 * With peers it becomes a secondary that knows nothing, without a primary of
 * a new incarnation. Instances are lost until they are repositioned.
 *
 * Context: process. Takes the pair's lock.
 * Return: 0; -EINVAL if there is nothing to resync from; -ENODEV.
 */
int ndval_pair_resync(struct ndval_pair *pair, struct netlink_ext_ack *extack)
{
	struct ndval_peer *peer;
	int err = 0;

	mutex_lock(&pair->lock);
	if (pair->dead) {
		err = -ENODEV;
		goto out;
	}
	if (!pair->npeers && pair->bar == NDVAL_BAR_NONE &&
	    pair->role == NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack, "the pair has no peer to obtain values from");
		err = -EINVAL;
		goto out;
	}
	ndval_pair_forget_epoch(pair);
	/* Another object from now on: what the old one acknowledged is void. */
	pair->id = ndval_random_id();
	reset_streams(pair, true);
	WRITE_ONCE(pair->bar, NDVAL_BAR_NONE);
	list_for_each_entry(peer, &pair->peers, list)
		ndval_peer_forget(peer);
	if (!pair->npeers) {
		begin_incarnation(pair);
		name_streams(pair);
	}
	ndval_pair_tell(pair);
	ndval_event_pair(NDVAL_EVENT_KIND_PAIR_CHANGE, pair);
	ndval_pair_report(pair);
out:
	mutex_unlock(&pair->lock);
	return err;
}
