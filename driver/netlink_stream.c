// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of streams, instances and values.
 */
#include <linux/skbuff.h>
#include <net/genetlink.h>

#include "cursor.h"
#include "digest.h"
#include "event.h"
#include "extack.h"
#include "journal.h"
#include "name.h"
#include "netlink.h"
#include "pair.h"
#include "peer.h"
#include "stream.h"
#include "wire.h"

/* Streams and instances */

/* The stream of a pair that a command names, "default" if none. */
static struct ndval_stream *named_stream(struct genl_info *info,
					 struct ndval_pair *pair, int type)
{
	const char *name = ndval_nl_string(info, type) ?: NDVAL_DEFAULT;
	struct ndval_stream *stream = NULL;

	if (!ndval_name_check_stream(name))
		stream = ndval_stream_find(pair, name);
	if (stream)
		return stream;
	NL_SET_ERR_MSG(info->extack, "the pair has no such stream");
	return ERR_PTR(-ENOENT);
}

/* What is told of a stream's journal, once there is one. */
static int fill_journal(struct sk_buff *skb, struct ndval_stream *stream)
{
	struct ndval_stream *journal = ndval_stream_journal(stream);
	int pad = NDVAL_A_STREAM_PAD;
	u64 tail, head, committed;

	if (!journal)
		return 0;
	spin_lock(&journal->lock);
	tail = journal->ring.tail;
	head = journal->ring.head;
	committed = ndval_stream_committed(journal);
	spin_unlock(&journal->lock);
	ndval_stream_put(journal);
	return ndval_nl_put_u64(skb, NDVAL_A_STREAM_JOURNAL_TAIL, tail, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_STREAM_JOURNAL_HEAD, head, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_STREAM_JOURNAL_COMMITTED, committed, pad);
}

static int fill_stream(struct sk_buff *skb, void *object)
{
	struct ndval_stream *stream = object;
	u64 id, tail, head, committed, furthest, memory;
	int pad = NDVAL_A_STREAM_PAD;
	u32 error;

	spin_lock(&stream->lock);
	id = stream->id;
	tail = stream->ring.tail;
	head = stream->ring.head;
	committed = ndval_stream_committed(stream);
	furthest = ndval_stream_furthest(stream);
	memory = ndval_ring_span(&stream->ring);
	error = stream->error;
	spin_unlock(&stream->lock);
	return nla_put_string(skb, NDVAL_A_STREAM_PAIR, stream->pair->name) ?:
	       nla_put_string(skb, NDVAL_A_STREAM_NAME, stream->name) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_STREAM_ID, id, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_STREAM_TAIL, tail, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_STREAM_HEAD, head, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_STREAM_COMMITTED, committed, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_STREAM_FURTHEST, furthest, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_STREAM_MEMORY, memory, pad) ?:
	       nla_put_u32(skb, NDVAL_A_STREAM_ERROR, error) ?:
	       fill_journal(skb, stream);
}

struct instance {
	struct ndval_stream	*stream;
	unsigned int		instance;
};

static int fill_instance_journal(struct sk_buff *skb, struct ndval_stream *stream,
				 unsigned int instance)
{
	struct ndval_stream *journal = ndval_stream_journal(stream);
	bool lost;
	u64 pos;
	int err;

	if (!journal)
		return 0;
	spin_lock(&journal->lock);
	lost = ndval_stream_state(journal, instance) == -EPIPE;
	pos = READ_ONCE(journal->cursors[instance].pos);
	spin_unlock(&journal->lock);
	ndval_stream_put(journal);
	err = ndval_nl_put_u64(skb, NDVAL_A_INSTANCE_JOURNAL_POSITION, pos,
			       NDVAL_A_INSTANCE_PAD);
	if (!err && lost)
		err = nla_put_flag(skb, NDVAL_A_INSTANCE_JOURNAL_LOST);
	return err;
}

static int fill_instance(struct sk_buff *skb, void *object)
{
	const struct instance *which = object;
	struct ndval_stream *stream = which->stream;
	struct ndval_cursor *cursor = &stream->cursors[which->instance];
	int pad = NDVAL_A_INSTANCE_PAD;
	unsigned int files;
	u64 pos, hw;
	bool lost, diverged;
	u64 divergences = 0;
	int err;

	spin_lock(&stream->lock);
	lost = ndval_stream_state(stream, which->instance) == -EPIPE;
	pos = READ_ONCE(cursor->pos);
	hw = READ_ONCE(cursor->hw);
	files = cursor->files;
	diverged = cursor->diverged;
	spin_lock(&cursor->move);
	if (cursor->digest)
		divergences = cursor->digest->divergences;
	spin_unlock(&cursor->move);
	spin_unlock(&stream->lock);
	err = nla_put_string(skb, NDVAL_A_INSTANCE_PAIR, stream->pair->name) ?:
	      nla_put_string(skb, NDVAL_A_INSTANCE_STREAM, stream->name) ?:
	      nla_put_u32(skb, NDVAL_A_INSTANCE_INSTANCE, which->instance) ?:
	      ndval_nl_put_u64(skb, NDVAL_A_INSTANCE_POSITION, pos, pad) ?:
	      ndval_nl_put_u64(skb, NDVAL_A_INSTANCE_DELIVERED, hw, pad) ?:
	      nla_put_u32(skb, NDVAL_A_INSTANCE_FILES, files);
	if (!err && lost)
		err = nla_put_flag(skb, NDVAL_A_INSTANCE_LOST);
	if (!err && diverged)
		err = nla_put_flag(skb, NDVAL_A_INSTANCE_DIVERGED);
	if (!err)
		err = ndval_nl_put_u64(skb, NDVAL_A_INSTANCE_DIVERGENCES, divergences, pad);
	return err ?: fill_instance_journal(skb, stream, which->instance);
}

int ndval_nl_stream_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_pair *pair = ndval_nl_pair(info, NDVAL_A_STREAM_PAIR);
	struct ndval_stream *stream;
	int err;

	if (IS_ERR(pair))
		return PTR_ERR(pair);
	stream = named_stream(info, pair, NDVAL_A_STREAM_NAME);
	err = PTR_ERR_OR_ZERO(stream);
	if (!err) {
		err = ndval_nl_reply(info, fill_stream, stream);
		ndval_stream_put(stream);
	}
	ndval_pair_put(pair);
	return err;
}

/* Dumps all expected instances of a stream from the one in args[2] on. */
static int dump_instances(struct sk_buff *skb, struct netlink_callback *cb,
			  struct ndval_stream *stream)
{
	int err;

	for (; cb->args[2] < NDVAL_INSTANCES; cb->args[2]++) {
		struct instance which = { stream, cb->args[2] };

		if (!ndval_pair_expects(stream->pair, which.instance))
			continue;
		err = ndval_nl_dump_one(skb, cb, NDVAL_CMD_INSTANCE_GET,
					fill_instance, &which);
		if (err)
			return err;
	}
	cb->args[2] = 0;
	return 0;
}

static int dump_stream(struct sk_buff *skb, struct netlink_callback *cb,
		       struct ndval_stream *stream)
{
	return ndval_nl_dump_one(skb, cb, NDVAL_CMD_STREAM_GET, fill_stream, stream);
}

/* Runs over all streams: args[0] is the pair's minor, args[1] the n-th stream. */
static int dump_streams(struct sk_buff *skb, struct netlink_callback *cb,
			int (*dump)(struct sk_buff *skb, struct netlink_callback *cb,
				    struct ndval_stream *stream))
{
	struct ndval_stream *stream;
	struct ndval_pair *pair;
	u32 minor = cb->args[0];
	int err;

	err = ndval_nl_dump_check(cb);
	if (err)
		return err;
	while (!err && (pair = ndval_pair_next(&minor))) {
		long n = 0;

		if (minor != cb->args[0]) {
			cb->args[0] = minor;
			cb->args[1] = 0;
			cb->args[2] = 0;
		}
		mutex_lock(&pair->lock);
		list_for_each_entry(stream, &pair->stream_list, list) {
			if (ndval_stream_is_journal(stream) || n++ < cb->args[1])
				continue;
			err = dump(skb, cb, stream);
			if (err)
				break;
			cb->args[1]++;
		}
		mutex_unlock(&pair->lock);
		ndval_pair_put(pair);
		minor += !err;
		if (!err) {
			cb->args[0] = minor;
			cb->args[1] = 0;
		}
	}
	return skb->len;
}

int ndval_nl_stream_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_streams(skb, cb, dump_stream);
}

int ndval_nl_instance_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_streams(skb, cb, dump_instances);
}

static int delete_stream(struct ndval_pair *pair, struct ndval_stream *stream,
			 struct netlink_ext_ack *extack)
{
	int err = 0;

	mutex_lock(&pair->lock);
	if (pair->role != NDVAL_ROLE_PRIMARY) {
		NL_SET_ERR_MSG(extack, "streams are deleted on the pair's primary");
		err = -EPERM;
	} else if (list_empty(&stream->list)) {
		NL_SET_ERR_MSG(extack, "the pair has no such stream");
		err = -ENOENT;
	} else {
		ndval_peers_delete_stream(pair, stream);
		ndval_stream_remove(stream);
	}
	mutex_unlock(&pair->lock);
	return err;
}

int ndval_nl_stream_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_pair *pair;
	struct ndval_stream *stream;
	int err;

	if (!ndval_nl_need_string(info, NDVAL_A_STREAM_NAME, "which stream?"))
		return -EINVAL;
	pair = ndval_nl_pair(info, NDVAL_A_STREAM_PAIR);
	if (IS_ERR(pair))
		return PTR_ERR(pair);
	stream = named_stream(info, pair, NDVAL_A_STREAM_NAME);
	err = PTR_ERR_OR_ZERO(stream);
	if (!err) {
		err = delete_stream(pair, stream, info->extack);
		ndval_stream_put(stream);
	}
	ndval_pair_put(pair);
	return err;
}

/* The instance that a command names; 0 if none. */
static int named_instance(struct genl_info *info, unsigned int *instance)
{
	const struct nlattr *attr = info->attrs[NDVAL_A_INSTANCE_INSTANCE];

	*instance = attr ? nla_get_u32(attr) : 0;
	if (*instance < NDVAL_INSTANCES)
		return 0;
	NL_SET_ERR_MSG(info->extack, "instances are numbered 0 to 7");
	return -EINVAL;
}

static int get_instance(struct genl_info *info, struct ndval_stream *stream)
{
	struct instance which = { stream };
	int err;

	err = named_instance(info, &which.instance);
	if (!err && !ndval_pair_expects(stream->pair, which.instance)) {
		NL_SET_ERR_MSG(info->extack,
			       "the instance is not expected on this member: see the setting instances");
		err = -ENXIO;
	}
	return err ?: ndval_nl_reply(info, fill_instance, &which);
}

static void report_journal_set(struct ndval_stream *stream, unsigned int instance, u64 pos)
{
	struct ndval_stream *journal = ndval_stream_journal(stream);

	if (journal)
		ndval_event_instance(NDVAL_EVENT_KIND_INSTANCE_SET, journal, instance, pos);
	ndval_stream_put(journal);
}

static int set_instance(struct genl_info *info, struct ndval_stream *stream)
{
	const struct nlattr *position = info->attrs[NDVAL_A_INSTANCE_POSITION];
	const struct nlattr *journal = info->attrs[NDVAL_A_INSTANCE_JOURNAL_POSITION];
	u64 pos = position ? nla_get_u64(position) : 0;
	u64 journal_pos = journal ? nla_get_u64(journal) : 0;
	unsigned int instance;
	int err;

	if (!position && !journal) {
		NL_SET_ERR_MSG(info->extack, "which position?");
		return -EINVAL;
	}
	err = named_instance(info, &instance) ?:
	      ndval_cursor_set(stream, instance, position ? &pos : NULL,
			       journal ? &journal_pos : NULL, info->extack);
	ndval_nl_explain(info, err);
	if (!err && position)
		ndval_event_instance(NDVAL_EVENT_KIND_INSTANCE_SET, stream, instance, pos);
	if (!err && journal)
		report_journal_set(stream, instance, journal_pos);
	return err;
}

static int with_instance_stream(struct genl_info *info,
				int (*fn)(struct genl_info *info,
					  struct ndval_stream *stream))
{
	struct ndval_pair *pair = ndval_nl_pair(info, NDVAL_A_INSTANCE_PAIR);
	struct ndval_stream *stream;
	int err;

	if (IS_ERR(pair))
		return PTR_ERR(pair);
	stream = named_stream(info, pair, NDVAL_A_INSTANCE_STREAM);
	err = PTR_ERR_OR_ZERO(stream);
	if (!err) {
		err = fn(info, stream);
		ndval_stream_put(stream);
	}
	ndval_pair_put(pair);
	return err;
}

int ndval_nl_instance_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_instance_stream(info, get_instance);
}

int ndval_nl_instance_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_instance_stream(info, set_instance);
}

/* Values */

struct glance {
	struct ndval_stream	*stream;
	u64			offset;
	u32			length;
};

static u32 copy_glance(const struct glance *glance, u8 *data)
{
	struct ndval_ring *ring = &glance->stream->ring;

	if (!ndval_stream_is_journal(glance->stream))
		return ndval_ring_copy(ring, glance->offset, data, glance->length);
	if (!ndval_journal_has(ring, glance->offset))
		return 0;
	return ndval_journal_copy(ring, glance->offset, ring->head, data, glance->length);
}

static int fill_values(struct sk_buff *skb, void *object)
{
	struct glance *glance = object;
	struct ndval_stream *stream = glance->stream;
	u32 room = NLA_ALIGN(glance->length);
	struct nlattr *nest, *data;

	if (nla_put_string(skb, NDVAL_A_VALUES_PAIR, stream->pair->name) ||
	    nla_put_string(skb, NDVAL_A_VALUES_STREAM, stream->name) ||
	    (ndval_stream_is_journal(stream) && nla_put_flag(skb, NDVAL_A_VALUES_JOURNAL)))
		return -EMSGSIZE;
	nest = nla_nest_start(skb, NDVAL_A_VALUES_VALUE);
	if (!nest || nla_put(skb, NDVAL_A_VALUE_OFFSET, sizeof(glance->offset), &glance->offset))
		return -EMSGSIZE;
	data = nla_reserve(skb, NDVAL_A_VALUE_DATA, glance->length);
	if (!data)
		return -EMSGSIZE;
	spin_lock(&stream->lock);
	glance->length = copy_glance(glance, nla_data(data));
	spin_unlock(&stream->lock);
	if (!glance->length)
		return -ENODATA;
	/* There may be less by now. */
	data->nla_len = nla_attr_size(glance->length);
	skb_trim(skb, skb->len - room + glance->length);
	skb_put_zero(skb, nla_padlen(glance->length));
	nla_nest_end(skb, nest);
	return 0;
}

static int get_values(struct genl_info *info, struct ndval_stream *stream)
{
	struct glance glance = {
		.stream	= stream,
		.offset	= nla_get_u64(info->attrs[NDVAL_A_VALUES_OFFSET]),
		.length	= nla_get_u32(info->attrs[NDVAL_A_VALUES_LENGTH]),
	};
	struct ndval_event event = {
		.kind	= NDVAL_EVENT_KIND_VALUES_READ,
		.pair	= stream->pair,
		.stream	= stream->name,
		.offset	= glance.offset,
		.has	= NDVAL_HAS_OFFSET | NDVAL_HAS_CALLER |
			  (ndval_stream_is_journal(stream) ? NDVAL_HAS_JOURNAL : 0),
	};
	bool journal = ndval_stream_is_journal(stream);
	int err;

	if (ndval_pair_setting(stream->pair, NDVAL_SET_INSPECT) != NDVAL_SWITCH_ON) {
		NL_SET_ERR_MSG(info->extack,
			       "the pair does not allow to look at values: set inspect to on");
		return -EACCES;
	}
	if (!glance.length ||
	    glance.length > (journal ? NDVAL_RECORDS_MAX : NDVAL_VALUES_MAX)) {
		ndval_extack(info->extack, journal ? "length is 1 to 8192 in a journal" :
						     "length is 1 to 4096");
		return -EINVAL;
	}
	err = ndval_nl_reply(info, fill_values, &glance);
	if (err == -ENODATA)
		ndval_extack(info->extack, journal ?
			     "no record begins there, or it is longer: see stream-get" :
			     "nothing is recorded there: see tail and head of the stream");
	if (err)
		return err;
	event.length = glance.length;
	ndval_event(&event);
	return 0;
}

int ndval_nl_values_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_stream *stream;
	struct ndval_pair *pair;
	int err;

	if (!info->attrs[NDVAL_A_VALUES_OFFSET] || !info->attrs[NDVAL_A_VALUES_LENGTH]) {
		NL_SET_ERR_MSG(info->extack, "offset and length are needed");
		return -EINVAL;
	}
	pair = ndval_nl_pair(info, NDVAL_A_VALUES_PAIR);
	if (IS_ERR(pair))
		return PTR_ERR(pair);
	stream = named_stream(info, pair, NDVAL_A_VALUES_STREAM);
	if (!IS_ERR(stream) && info->attrs[NDVAL_A_VALUES_JOURNAL]) {
		struct ndval_stream *journal = ndval_stream_journal(stream);

		ndval_stream_put(stream);
		stream = journal ?: ERR_PTR(-ENOENT);
		if (!journal)
			NL_SET_ERR_MSG(info->extack, "the stream has no journal yet");
	}
	err = PTR_ERR_OR_ZERO(stream);
	if (!err) {
		err = get_values(info, stream);
		ndval_stream_put(stream);
	}
	ndval_pair_put(pair);
	return err;
}
