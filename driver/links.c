// SPDX-License-Identifier: GPL-2.0-only
/*
 * All links there are, and which one is meant. They come and go in link.c.
 */
#include "links.h"

#include <linux/refcount.h>
#include <linux/string.h>

#include "link.h"
#include "member.h"

/* Protects the list; innermost but for events. */
DEFINE_MUTEX(ndval_links_lock);
LIST_HEAD(ndval_links);

/**
 * ndval_link_find() - Look a link up by its number.
 * @id: the number
 *
 * Return: the link with a reference, or NULL.
 */
struct ndval_link *ndval_link_find(u32 id)
{
	struct ndval_link *link = ndval_link_next(id);

	if (link && link->id != id) {
		ndval_link_put(link);
		link = NULL;
	}
	return link;
}

/**
 * ndval_link_next() - The first link with this number or a higher one.
 * @id: the number
 *
 * Return: the link with a reference, or NULL.
 */
struct ndval_link *ndval_link_next(u32 id)
{
	struct ndval_link *link, *found = NULL;

	mutex_lock(&ndval_links_lock);
	list_for_each_entry(link, &ndval_links, list)
		if (link->id >= id && (!found || link->id < found->id))
			found = link;
	if (found)
		refcount_inc(&found->ref);
	mutex_unlock(&ndval_links_lock);
	return found;
}

/**
 * ndval_link_find_peer() - The newest link of a member to a peer.
 * @member: name of the member
 * @peer: name of the peer
 *
 * Return: the link with a reference, or NULL.
 */
struct ndval_link *ndval_link_find_peer(const char *member, const char *peer)
{
	struct ndval_link *link, *found = NULL;

	mutex_lock(&ndval_links_lock);
	list_for_each_entry(link, &ndval_links, list)
		if (!strcmp(link->remote->name, peer) &&
		    !strcmp(link->remote->member->name, member))
			found = link;
	if (found)
		refcount_inc(&found->ref);
	mutex_unlock(&ndval_links_lock);
	return found;
}

/**
 * ndval_link_has_successor() - Is there another link to the same member that may be up soon?
 * @link: the link
 */
bool ndval_link_has_successor(const struct ndval_link *link)
{
	struct ndval_link *other;
	bool found = false;

	mutex_lock(&ndval_links_lock);
	list_for_each_entry(other, &ndval_links, list)
		found |= other != link && other->remote == link->remote &&
			 ndval_link_may_come_up(other);
	mutex_unlock(&ndval_links_lock);
	return found;
}
