// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pairs: made, looked up, removed. The states, the locks and the phases of
 * removal are told in pair.h; the moves from state to state are in epoch.c.
 */
#include "pair.h"

#include <linux/netlink.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "chardev.h"
#include "clock.h"
#include "check.h"
#include "event.h"
#include "extack.h"
#include "host.h"
#include "member.h"
#include "name.h"
#include "peer.h"
#include "stream.h"

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
	ndval_check_exit();
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

static void remove_work(struct work_struct *work);

/**
 * ndval_pair_free() - The last reference to a pair is gone.
 * @pair: the pair
 *
 * Context: process, sleeps.
 */
void ndval_pair_free(struct ndval_pair *pair)
{
	ndval_clocks_destroy(pair);
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
	INIT_DELAYED_WORK(&pair->report, ndval_pair_report_work);
	INIT_WORK(&pair->remove, remove_work);
	ndval_takeover_init(pair);
	ndval_settings_init(&pair->set);
	ndval_chardev_prepare(pair);
	return pair;
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
	struct ndval_peer *peer, *next_peer;
	struct ndval_stream *stream;

	lockdep_assert_held(&pair->lock);
	ndval_takeover_end(pair, -ENODEV, "the pair was removed");
	WRITE_ONCE(pair->dead, true);
	/* A stream takes its journal with it. */
	while ((stream = list_first_entry_or_null(&pair->stream_list, struct ndval_stream,
						  list)))
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
	ndval_pair_begin(pair);
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
		goto err_work;
	ndval_pair_report(pair);
	return pair;

err_work:
	cancel_delayed_work_sync(&pair->takeover.work);
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

	cancel_delayed_work_sync(&pair->takeover.work);
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
