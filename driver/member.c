// SPDX-License-Identifier: GPL-2.0-only
/*
 * Members: the identities under which this kernel takes part in pairs, and
 * the other members as seen from each (remotes).
 */
#include "member.h"

#include <linux/limits.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "extack.h"
#include "link.h"
#include "name.h"

/* Protects what struct ndval_member says; innermost of the mutexes. */
static DEFINE_MUTEX(members_lock);
static LIST_HEAD(members);
static struct ndval_member *host_member;

/**
 * ndval_random_id() - Draw a random identity.
 *
 * Return: never 0.
 */
u64 ndval_random_id(void)
{
	u64 id;

	do {
		id = get_random_u64();
	} while (!id);
	return id;
}

static struct ndval_member *member_create(const char *name, bool host)
{
	struct ndval_member *member = kzalloc(sizeof(*member), GFP_KERNEL);

	if (!member)
		return NULL;
	refcount_set(&member->ref, 1);
	strscpy(member->name, name, sizeof(member->name));
	member->id = ndval_random_id();
	member->host = host;
	INIT_LIST_HEAD(&member->remotes);
	return member;
}

/**
 * ndval_member_init() - Make the host's own member.
 * @host_name: its name, or empty if somebody names it later
 *
 * Return: 0, -EINVAL for a bad name, -ENOMEM.
 */
int ndval_member_init(const char *host_name)
{
	const char *why = *host_name ? ndval_name_check(host_name) : NULL;

	if (why) {
		pr_err("parameter host: %s\n", why);
		return -EINVAL;
	}
	host_member = member_create(host_name, true);
	if (!host_member)
		return -ENOMEM;
	list_add(&host_member->list, &members);
	return 0;
}

/**
 * ndval_member_exit() - Free all members; pairs and links are gone.
 */
void ndval_member_exit(void)
{
	struct ndval_member *member, *next;

	list_for_each_entry_safe(member, next, &members, list) {
		list_del_init(&member->list);
		ndval_member_put(member);
	}
}

static struct ndval_member *find_locked(const char *name)
{
	struct ndval_member *member;

	lockdep_assert_held(&members_lock);
	list_for_each_entry(member, &members, list)
		if (!strcmp(member->name, name))
			return member;
	return NULL;
}

static int name_host(const char *name, struct netlink_ext_ack *extack)
{
	if (!strcmp(host_member->name, name))
		return 0;
	if (find_locked(name)) {
		NL_SET_ERR_MSG(extack, "another member has this name");
		return -EEXIST;
	}
	if (host_member->links || !list_empty(&host_member->remotes)) {
		NL_SET_ERR_MSG(extack,
			       "the host's member has peers or links under its present name: remove them first");
		return -EBUSY;
	}
	strscpy(host_member->name, name, sizeof(host_member->name));
	return 0;
}

/**
 * ndval_member_new() - Make a member, or name the host's own.
 * @name: the name
 * @host: name the host's own; no change if that is its name
 * @extack: gets the reason of a refusal
 *
 * Return: 0, -EINVAL, -EEXIST, -EBUSY, -ENOMEM.
 */
int ndval_member_new(const char *name, bool host, struct netlink_ext_ack *extack)
{
	const char *why = ndval_name_check(name);
	struct ndval_member *member;
	int err = 0;

	if (why) {
		ndval_extack(extack, why);
		return -EINVAL;
	}
	mutex_lock(&members_lock);
	if (host) {
		err = name_host(name, extack);
	} else if (find_locked(name)) {
		NL_SET_ERR_MSG(extack, "a member has this name");
		err = -EEXIST;
	} else {
		member = member_create(name, false);
		if (member)
			list_add_tail(&member->list, &members);
		else
			err = -ENOMEM;
	}
	mutex_unlock(&members_lock);
	return err;
}

/**
 * ndval_member_del() - Remove a member.
 * @name: its name
 * @extack: gets the reason of a refusal
 *
 * Return: 0, -ENOENT, -EPERM for the host's own, -EBUSY.
 */
int ndval_member_del(const char *name, struct netlink_ext_ack *extack)
{
	struct ndval_member *member;
	int err = 0;

	mutex_lock(&members_lock);
	member = find_locked(name);
	if (!member || !*name) {
		NL_SET_ERR_MSG(extack, "no such member");
		err = -ENOENT;
	} else if (member->host) {
		NL_SET_ERR_MSG(extack, "the host's own member goes with the module");
		err = -EPERM;
	} else if (member->pairs || member->links) {
		NL_SET_ERR_MSG(extack,
			       "the member has pairs or links: remove them first");
		err = -EBUSY;
	} else {
		member->gone = true;
		list_del_init(&member->list);
	}
	mutex_unlock(&members_lock);
	if (!err)
		ndval_member_put(member);
	return err;
}

/**
 * ndval_member_find() - Look a member up.
 * @name: its name; NULL for the host's own
 *
 * Return: the member with a reference, or NULL.
 */
struct ndval_member *ndval_member_find(const char *name)
{
	struct ndval_member *member;

	mutex_lock(&members_lock);
	member = name ? find_locked(name) : host_member;
	if (member)
		ndval_member_get(member);
	mutex_unlock(&members_lock);
	return member;
}

/**
 * ndval_member_at() - The n-th member, to list them all.
 * @n: from 0
 *
 * Return: the member with a reference, or NULL.
 */
struct ndval_member *ndval_member_at(unsigned int n)
{
	struct ndval_member *member, *found = NULL;

	mutex_lock(&members_lock);
	list_for_each_entry(member, &members, list) {
		if (n--)
			continue;
		ndval_member_get(member);
		found = member;
		break;
	}
	mutex_unlock(&members_lock);
	return found;
}

/**
 * ndval_member_get() - Take a reference.
 * @member: the member
 */
void ndval_member_get(struct ndval_member *member)
{
	refcount_inc(&member->ref);
}

/**
 * ndval_member_put() - Drop a reference.
 * @member: the member
 */
void ndval_member_put(struct ndval_member *member)
{
	if (refcount_dec_and_test(&member->ref)) {
		WARN_ON_ONCE(!list_empty(&member->remotes));
		kfree(member);
	}
}

/**
 * ndval_member_use() - Count pairs and links of a member.
 * @member: the member
 * @pairs: to add
 * @links: to add
 *
 * Return: 0, or -ENOENT if the member was removed.
 */
int ndval_member_use(struct ndval_member *member, int pairs, int links)
{
	int err = 0;

	mutex_lock(&members_lock);
	if (member->gone && (pairs > 0 || links > 0)) {
		err = -ENOENT;
	} else {
		member->pairs += pairs;
		member->links += links;
	}
	mutex_unlock(&members_lock);
	return err;
}

/**
 * ndval_member_new_ids() - The host is another one now: draw all ids anew.
 */
void ndval_member_new_ids(void)
{
	struct ndval_member *member;

	mutex_lock(&members_lock);
	list_for_each_entry(member, &members, list)
		WRITE_ONCE(member->id, ndval_random_id());
	mutex_unlock(&members_lock);
}

static struct ndval_remote *remote_create(struct ndval_member *member,
					  const char *name)
{
	struct ndval_remote *remote = kzalloc(sizeof(*remote), GFP_KERNEL);

	if (!remote)
		return NULL;
	refcount_set(&remote->ref, 1);
	ndval_member_get(member);
	remote->member = member;
	strscpy(remote->name, name, sizeof(remote->name));
	mutex_init(&remote->change);
	spin_lock_init(&remote->lock);
	INIT_LIST_HEAD(&remote->peers);
	INIT_LIST_HEAD(&remote->due);
	INIT_LIST_HEAD(&remote->lazy);
	list_add_tail(&remote->list, &member->remotes);
	return remote;
}

/**
 * ndval_remote_get() - Another member as seen from one of ours.
 * @member: ours
 * @name: the other's name, checked
 *
 * Return: the remote with a reference, made if it was not there; NULL without
 * memory.
 */
struct ndval_remote *ndval_remote_get(struct ndval_member *member, const char *name)
{
	struct ndval_remote *remote;

	mutex_lock(&members_lock);
	list_for_each_entry(remote, &member->remotes, list) {
		if (!strcmp(remote->name, name)) {
			refcount_inc(&remote->ref);
			goto out;
		}
	}
	remote = remote_create(member, name);
out:
	mutex_unlock(&members_lock);
	return remote;
}

/**
 * ndval_remote_hold() - Take another reference.
 * @remote: the remote
 */
void ndval_remote_hold(struct ndval_remote *remote)
{
	refcount_inc(&remote->ref);
}

/**
 * ndval_remote_put() - Drop a reference.
 * @remote: the remote
 */
void ndval_remote_put(struct ndval_remote *remote)
{
	struct ndval_member *member = remote->member;

	if (!refcount_dec_and_mutex_lock(&remote->ref, &members_lock))
		return;
	list_del(&remote->list);
	mutex_unlock(&members_lock);
	WARN_ON_ONCE(!list_empty(&remote->due) || !list_empty(&remote->lazy));
	kfree(remote);
	ndval_member_put(member);
}

/**
 * ndval_remote_mark() - Something is to be sent to a remote.
 * @remote: the remote
 * @due: what
 * @lazy: within a millisecond; at once else
 *
 * Without a link nothing is marked: a new link starts by telling everything.
 * What is marked already keeps its place.
 *
 * Context: any that is not interrupt. Takes the remote's lock.
 * Return: true if it was not marked before; then the list has the reference
 * that the caller has taken for it, and the sender may drop it at any moment.
 */
bool ndval_remote_mark(struct ndval_remote *remote, struct ndval_due *due, bool lazy)
{
	bool added = false;
	bool wake = false;

	spin_lock(&remote->lock);
	if (remote->link) {
		added = list_empty(&due->list);
		if (!lazy && (added || due->lazy)) {
			wake = list_empty(&remote->due);
			list_move_tail(&due->list, &remote->due);
			due->lazy = false;
		} else if (added) {
			wake = list_empty(&remote->lazy);
			list_add_tail(&due->list, &remote->lazy);
			due->lazy = true;
		}
		if (wake)
			ndval_link_wake(remote->link);
	}
	spin_unlock(&remote->lock);
	return added;
}

/**
 * ndval_remote_unmark() - Nothing is to be sent any more.
 * @remote: the remote
 * @due: what
 *
 * Context: any that is not interrupt. Takes the remote's lock.
 * Return: true if it was marked; then the list's reference is the caller's.
 */
bool ndval_remote_unmark(struct ndval_remote *remote, struct ndval_due *due)
{
	bool marked;

	spin_lock(&remote->lock);
	marked = !list_empty(&due->list);
	list_del_init(&due->list);
	spin_unlock(&remote->lock);
	return marked;
}
