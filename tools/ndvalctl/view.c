// SPDX-License-Identifier: GPL-2.0-only
/*
 * Everything at one time, with little asked of the kernel: each kind of object
 * once, whatever the number of pairs.
 */
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ndvalctl.h"
#include "nl.h"

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct pair *)a)->name, ((const struct pair *)b)->name);
}

static int compare_peers(const void *a, const void *b)
{
	const struct peer *peer_a = a, *peer_b = b;

	return strcmp(peer_a->pair, peer_b->pair) ?: strcmp(peer_a->name, peer_b->name);
}

static int compare_streams(const void *a, const void *b)
{
	const struct stream *stream_a = a, *stream_b = b;

	return strcmp(stream_a->pair, stream_b->pair) ?: strcmp(stream_a->name, stream_b->name);
}

static int compare_instances(const void *a, const void *b)
{
	const struct instance *one = a, *other = b;

	return strcmp(one->pair, other->pair) ?: strcmp(one->stream, other->stream) ?:
	       (int)one->instance - (int)other->instance;
}

static void sort(void *items, size_t count, size_t size,
		 int (*compare)(const void *a, const void *b))
{
	if (count)
		qsort(items, count, size, compare);
}

static void get_one_pair(struct nl *nl, const char *name, struct status *status)
{
	status->pairs = calloc(1, sizeof(*status->pairs));
	if (!status->pairs)
		die("out of memory");
	if (get_pair(nl, name, status->pairs))
		die_kernel(nl);
	status->pair_count = 1;
}

/* What only the administrator may see. Return: 0 or a negative errno. */
static int get_hidden(struct nl *nl, const char *name, struct status *status)
{
	return get_peers(nl, name, &status->peers, &status->peer_count) ?:
	       get_links(nl, &status->links, &status->link_count);
}

/**
 * get_status() - ask the kernel for everything
 * @nl: from open_kernel()
 * @name: only this pair and what belongs to it; NULL for all
 * @status: result, for put_status()
 *
 * Ends the program if the kernel refuses.
 */
void get_status(struct nl *nl, const char *name, struct status *status)
{
	int err;

	memset(status, 0, sizeof(*status));
	if (name)
		get_one_pair(nl, name, status);
	else if (get_pairs(nl, &status->pairs, &status->pair_count))
		die_kernel(nl);
	if (get_members(nl, &status->members, &status->member_count) ||
	    get_streams(nl, name, &status->streams, &status->stream_count) ||
	    get_instances(nl, name, &status->instances, &status->instance_count))
		die_kernel(nl);
	err = get_hidden(nl, name, status);
	if (err && err != -EPERM)
		die_kernel(nl);
	status->hidden = err;

	sort(status->pairs, status->pair_count, sizeof(*status->pairs), compare_pairs);
	sort(status->peers, status->peer_count, sizeof(*status->peers), compare_peers);
	sort(status->streams, status->stream_count, sizeof(*status->streams), compare_streams);
	sort(status->instances, status->instance_count, sizeof(*status->instances),
	     compare_instances);
}

void put_status(struct status *status)
{
	free(status->pairs);
	free(status->peers);
	free(status->streams);
	free(status->instances);
	free(status->members);
	free(status->links);
}

/* The first item of a pair, in a sorted list of items that begin with its name. */
static size_t find_first(const char *items, size_t count, size_t size, const char *pair)
{
	size_t low = 0;

	while (low < count) {
		size_t middle = low + (count - low) / 2;

		if (strcmp(items + middle * size, pair) < 0)
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

/* What belongs to a pair. @count: of all items, set to how many are the pair's. */
static const void *find_items(const void *items, size_t size, const char *pair, size_t *count)
{
	size_t first = find_first(items, *count, size, pair);
	const char *found = (const char *)items + first * size;
	size_t same = 0;

	while (first + same < *count && !strcmp(found + same * size, pair))
		same++;
	*count = same;
	return found;
}

/* What there is of one pair. @view lives no longer than @status. */
void get_view(const struct status *status, const struct pair *pair, struct view *view)
{
	memset(view, 0, sizeof(*view));
	view->pair = pair;
	view->peers_hidden = status->hidden;
	view->peer_count = status->peer_count;
	view->peers = find_items(status->peers, sizeof(*view->peers), pair->name,
				 &view->peer_count);
	view->stream_count = status->stream_count;
	view->streams = find_items(status->streams, sizeof(*view->streams), pair->name,
				   &view->stream_count);
	view->instance_count = status->instance_count;
	view->instances = find_items(status->instances, sizeof(*view->instances), pair->name,
				     &view->instance_count);
}
