// SPDX-License-Identifier: GPL-2.0-only
/*
 * The commands of pairs and peers.
 */
#include <linux/cred.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uidgid.h>
#include <net/genetlink.h>

#include "clock.h"
#include "event.h"
#include "link.h"
#include "member.h"
#include "netlink.h"
#include "pair.h"
#include "peer.h"
#include "settings.h"
#include "skew.h"
#include "sysfs.h"

/* The attribute of each setting. */
static const struct {
	int	type;
	bool	wide;
} setting_attrs[NDVAL_SETTINGS] = {
	[NDVAL_SET_BIND]		= { NDVAL_A_PAIR_BIND },
	[NDVAL_SET_COMMIT]		= { NDVAL_A_PAIR_COMMIT },
	[NDVAL_SET_ON_PEER_LOSS]	= { NDVAL_A_PAIR_ON_PEER_LOSS },
	[NDVAL_SET_ON_DIVERGENCE]	= { NDVAL_A_PAIR_ON_DIVERGENCE },
	[NDVAL_SET_RING_SIZE]		= { NDVAL_A_PAIR_RING_SIZE },
	[NDVAL_SET_RETAIN]		= { NDVAL_A_PAIR_RETAIN },
	[NDVAL_SET_PREFETCH]		= { NDVAL_A_PAIR_PREFETCH },
	[NDVAL_SET_MAX_STREAMS]		= { NDVAL_A_PAIR_MAX_STREAMS },
	[NDVAL_SET_MEMORY_MAX]		= { NDVAL_A_PAIR_MEMORY_MAX, true },
	[NDVAL_SET_OVERFLOW]		= { NDVAL_A_PAIR_OVERFLOW },
	[NDVAL_SET_INSTANCES]		= { NDVAL_A_PAIR_INSTANCES },
	[NDVAL_SET_READ_TIMEOUT_MS]	= { NDVAL_A_PAIR_READ_TIMEOUT_MS },
	[NDVAL_SET_PEER_TIMEOUT_MS]	= { NDVAL_A_PAIR_PEER_TIMEOUT_MS },
	[NDVAL_SET_INSPECT]		= { NDVAL_A_PAIR_INSPECT },
	[NDVAL_SET_JOURNAL_SIZE]	= { NDVAL_A_PAIR_JOURNAL_SIZE },
	[NDVAL_SET_SKEW_MAX_MS]		= { NDVAL_A_PAIR_SKEW_MAX_MS },
};

static void parse_change(struct genl_info *info, struct ndval_change *change)
{
	unsigned int i;

	change->mask = 0;
	for (i = 0; i < NDVAL_SETTINGS; i++) {
		const struct nlattr *attr = info->attrs[setting_attrs[i].type];

		if (!attr)
			continue;
		change->mask |= 1U << i;
		change->value[i] = setting_attrs[i].wide ? nla_get_u64(attr) :
							   nla_get_u32(attr);
	}
}

/* Collects the peers, which may come more than once, into a new array. */
static int parse_peers(struct genl_info *info, struct ndval_pair_args *args)
{
	const struct nlattr *attr;
	int rest, err = 0;

	args->peers = kcalloc(NDVAL_PEERS_MAX, sizeof(*args->peers), GFP_KERNEL);
	if (!args->peers)
		return -ENOMEM;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rest) {
		if (nla_type(attr) != NDVAL_A_PAIR_PEER)
			continue;
		if (args->npeers == NDVAL_PEERS_MAX) {
			NL_SET_ERR_MSG(info->extack, NDVAL_PEERS_TOO_MANY);
			err = -ENOSPC;
			break;
		}
		args->peers[args->npeers] = nla_strdup(attr, GFP_KERNEL);
		if (!args->peers[args->npeers]) {
			err = -ENOMEM;
			break;
		}
		args->npeers++;
	}
	return err;
}

static void free_peers(struct ndval_pair_args *args)
{
	while (args->npeers)
		kfree(args->peers[--args->npeers]);
	kfree(args->peers);
}

static int parse_owner(struct genl_info *info, struct ndval_pair_args *args)
{
	const struct nlattr *uid = info->attrs[NDVAL_A_PAIR_UID];
	const struct nlattr *gid = info->attrs[NDVAL_A_PAIR_GID];
	const struct nlattr *mode = info->attrs[NDVAL_A_PAIR_MODE];

	args->uid = make_kuid(&init_user_ns, uid ? nla_get_u32(uid) : 0);
	args->gid = make_kgid(&init_user_ns, gid ? nla_get_u32(gid) : 0);
	if (!uid_valid(args->uid) || !gid_valid(args->gid)) {
		NL_SET_ERR_MSG(info->extack, "no such user or group id");
		return -EINVAL;
	}
	if (mode && (nla_get_u32(mode) & ~0777)) {
		NL_SET_ERR_MSG(info->extack, "mode is 0 to 0777");
		return -EINVAL;
	}
	args->mode = mode ? nla_get_u32(mode) : 0600;
	return 0;
}

static int new_pair(struct genl_info *info, struct ndval_pair_args *args)
{
	struct ndval_pair *pair;
	int err;

	args->member = ndval_member_find(ndval_nl_string(info, NDVAL_A_PAIR_MEMBER));
	if (!args->member) {
		NL_SET_ERR_MSG(info->extack, "no such member");
		return -ENOENT;
	}
	err = parse_owner(info, args) ?: parse_peers(info, args);
	if (!err) {
		parse_change(info, &args->change);
		pair = ndval_pair_new(args, info->extack);
		err = PTR_ERR_OR_ZERO(pair);
		if (!err)
			ndval_pair_put(pair);
	}
	free_peers(args);
	ndval_member_put(args->member);
	return err;
}

int ndval_nl_pair_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_pair_args *args;
	int err;

	args = kzalloc(sizeof(*args), GFP_KERNEL);
	if (!args)
		return -ENOMEM;
	args->name = ndval_nl_need_string(info, NDVAL_A_PAIR_NAME, "the pair needs a name");
	args->group = ndval_nl_string(info, NDVAL_A_PAIR_GROUP);
	err = args->name ? new_pair(info, args) : -EINVAL;
	kfree(args);
	return ndval_nl_explain(info, err);
}

int ndval_nl_pair_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_pair *pair = ndval_nl_pair(info, NDVAL_A_PAIR_NAME);
	u32 operation = ndval_operation();
	struct sk_buff *answer;
	int err = 0;

	if (IS_ERR(pair))
		return PTR_ERR(pair);
	answer = ndval_nl_answer_begin(info);
	if (answer)
		err = ndval_pair_del(pair, operation);
	ndval_pair_put(pair);
	return ndval_nl_answer(info, answer, err, NDVAL_A_PAIR_OPERATION, operation);
}

/* What ndvald kept of an epoch: no setting, and nothing that anybody waits for. */
static int set_epoch_seen(struct genl_info *info, struct ndval_pair *pair,
			  const struct ndval_change *change)
{
	const struct nlattr *incarnation = info->attrs[NDVAL_A_PAIR_INCARNATION];
	const struct nlattr *epoch = info->attrs[NDVAL_A_PAIR_EPOCH_SEEN];

	if (!epoch || change->mask) {
		NL_SET_ERR_MSG(info->extack,
			       "epoch-seen comes alone or with incarnation, which comes with nothing else");
		return -EINVAL;
	}
	return ndval_pair_raise_epoch_seen(pair, incarnation ? nla_get_u64(incarnation) : 0,
					   nla_get_u64(epoch), info->extack);
}

int ndval_nl_pair_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_pair *pair = ndval_nl_pair(info, NDVAL_A_PAIR_NAME);
	struct ndval_change change;
	int err;

	if (IS_ERR(pair))
		return PTR_ERR(pair);
	parse_change(info, &change);
	mutex_lock(&pair->lock);
	if (info->attrs[NDVAL_A_PAIR_EPOCH_SEEN] || info->attrs[NDVAL_A_PAIR_INCARNATION])
		err = set_epoch_seen(info, pair, &change);
	else
		err = ndval_pair_set(pair, &change, info->extack);
	mutex_unlock(&pair->lock);
	ndval_pair_put(pair);
	return ndval_nl_explain(info, err);
}

static int fill_settings(struct sk_buff *skb, const struct ndval_pair *pair)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < NDVAL_SETTINGS && !err; i++) {
		u64 value = pair->set.value[i];

		err = setting_attrs[i].wide ?
			ndval_nl_put_u64(skb, setting_attrs[i].type, value,
					 NDVAL_A_PAIR_PAD) :
			nla_put_u32(skb, setting_attrs[i].type, value);
	}
	return err;
}

static int fill_node(struct sk_buff *skb, const struct ndval_pair *pair)
{
	return nla_put_string(skb, NDVAL_A_PAIR_NAME, pair->name) ?:
	       nla_put_string(skb, NDVAL_A_PAIR_GROUP, pair->key.group) ?:
	       nla_put_string(skb, NDVAL_A_PAIR_MEMBER, pair->key.member->name) ?:
	       nla_put_u32(skb, NDVAL_A_PAIR_UID,
			   from_kuid_munged(&init_user_ns, pair->uid)) ?:
	       nla_put_u32(skb, NDVAL_A_PAIR_GID,
			   from_kgid_munged(&init_user_ns, pair->gid)) ?:
	       nla_put_u32(skb, NDVAL_A_PAIR_MODE, pair->mode) ?:
	       nla_put_u32(skb, NDVAL_A_PAIR_MINOR, pair->minor);
}

static int fill_pair_state(struct sk_buff *skb, struct ndval_pair *pair)
{
	int pad = NDVAL_A_PAIR_PAD;
	struct ndval_pair_sums sums;

	ndval_pair_sums(pair, &sums);
	return nla_put_u32(skb, NDVAL_A_PAIR_ROLE, pair->role) ?:
	       nla_put_u32(skb, NDVAL_A_PAIR_HEALTH, ndval_pair_health(pair)) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_INCARNATION, pair->incarnation, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_EPOCH, pair->epoch, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_EPOCH_ID, pair->epoch_id, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_MEMBER_ID, pair->id, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_ISSUED, sums.issued, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_RECORDED, sums.recorded, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_COMMITTED, sums.committed, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_DELIVERED, sums.delivered, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_RETAINED, sums.retained, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_LAG, sums.lag, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_MEMORY, ndval_mem_used(&pair->mem),
				pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_LOST, atomic64_read(&pair->lost),
				pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_WAITS, atomic64_read(&pair->waits),
				pad) ?:
	       nla_put_u32(skb, NDVAL_A_PAIR_STREAMS, pair->nstreams) ?:
	       nla_put_u32(skb, NDVAL_A_PAIR_PEERS, pair->npeers);
}

static int fill_clock(struct sk_buff *skb, struct ndval_pair *pair, u32 kind)
{
	struct ndval_clock_state clock;
	struct nlattr *nest;

	if (!ndval_clock_get(pair, kind, &clock))
		return 0;
	nest = nla_nest_start(skb, NDVAL_A_PAIR_CLOCK);
	if (!nest)
		return -EMSGSIZE;
	if (nla_put_u32(skb, NDVAL_A_CLOCK_KIND, kind) ||
	    ndval_nl_put_u64(skb, NDVAL_A_CLOCK_VALUE, clock.floor.value, NDVAL_A_CLOCK_PAD) ||
	    ndval_nl_put_u64(skb, NDVAL_A_CLOCK_STEPS, clock.floor.steps, NDVAL_A_CLOCK_PAD) ||
	    ndval_nl_put_u64(skb, NDVAL_A_CLOCK_STOOD, clock.stood, NDVAL_A_CLOCK_PAD) ||
	    nla_put_s64(skb, NDVAL_A_CLOCK_OFFSET, clock.offset, NDVAL_A_CLOCK_PAD))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Those of the pair's clocks that were ever read. */
static int fill_clocks(struct sk_buff *skb, struct ndval_pair *pair)
{
	int err = 0;
	u32 kind;

	for (kind = NDVAL_VALUE_KIND_REALTIME; kind <= NDVAL_VALUE_KIND_CYCLES && !err; kind++)
		err = fill_clock(skb, pair, kind);
	return err;
}

/* Whether it may be promoted, and what its promotions did. */
static int fill_failover(struct sk_buff *skb, const struct ndval_pair *pair)
{
	bool secondary = pair->role == NDVAL_ROLE_SECONDARY;
	int pad = NDVAL_A_PAIR_PAD;
	int err = 0;

	if (secondary && pair->in_sync)
		err = nla_put_flag(skb, NDVAL_A_PAIR_IN_SYNC);
	if (!err && secondary && pair->outdated)
		err = nla_put_flag(skb, NDVAL_A_PAIR_OUTDATED);
	return err ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_FORCED, pair->forced, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_EPOCH_SEEN, pair->epoch_seen, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_DROPS, pair->drops, pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_PAIR_DIVERGENCES,
				atomic64_read(&pair->divergences), pad);
}

static int fill_pair(struct sk_buff *skb, void *object)
{
	struct ndval_pair *pair = object;
	int err;

	mutex_lock(&pair->lock);
	err = fill_node(skb, pair) ?: fill_settings(skb, pair) ?:
	      fill_pair_state(skb, pair) ?: fill_failover(skb, pair) ?:
	      fill_clocks(skb, pair);
	mutex_unlock(&pair->lock);
	return err;
}

int ndval_nl_pair_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_pair *pair = ndval_nl_pair(info, NDVAL_A_PAIR_NAME);
	int err;

	if (IS_ERR(pair))
		return PTR_ERR(pair);
	err = ndval_nl_reply(info, fill_pair, pair);
	ndval_pair_put(pair);
	return err;
}

static bool is_listed(const struct ndval_pair *pair)
{
	return READ_ONCE(pair->ready) && !READ_ONCE(pair->dead);
}

int ndval_nl_pair_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ndval_pair *pair;
	u32 minor = cb->args[0];
	int err;

	err = ndval_nl_dump_check(cb);
	if (err)
		return err;
	while (!err && (pair = ndval_pair_next(&minor))) {
		if (is_listed(pair))
			err = ndval_nl_dump_one(skb, cb, NDVAL_CMD_PAIR_GET,
						fill_pair, pair);
		ndval_pair_put(pair);
		minor += !err;
	}
	cb->args[0] = minor;
	return skb->len;
}

/* Moves of a pair that end as an event */

static int promote(struct genl_info *info, struct ndval_pair *pair, u32 operation)
{
	unsigned int flags = 0;

	if (nla_get_flag(info->attrs[NDVAL_A_PAIR_NEW]))
		flags |= NDVAL_PROMOTE_NEW;
	if (nla_get_flag(info->attrs[NDVAL_A_PAIR_FORCE]))
		flags |= NDVAL_PROMOTE_FORCE;
	if (nla_get_flag(info->attrs[NDVAL_A_PAIR_FENCED]))
		flags |= NDVAL_PROMOTE_FENCED;
	if (flags & NDVAL_PROMOTE_NEW && flags & NDVAL_PROMOTE_FORCE) {
		NL_SET_ERR_MSG(info->extack,
			       "new begins another life, force takes over the one there is: which?");
		return -EINVAL;
	}
	return ndval_pair_promote(pair, flags, operation, info->extack);
}

static int switchover(struct genl_info *info, struct ndval_pair *pair, u32 operation)
{
	return ndval_pair_switchover(pair, ndval_nl_string(info, NDVAL_A_PAIR_PEER),
				     operation, info->extack);
}

static int start_move(struct genl_info *info,
		      int (*fn)(struct genl_info *info, struct ndval_pair *pair,
				u32 operation))
{
	struct ndval_pair *pair = ndval_nl_pair(info, NDVAL_A_PAIR_NAME);
	u32 operation = ndval_operation();
	struct sk_buff *answer;
	int err = 0;

	if (IS_ERR(pair))
		return PTR_ERR(pair);
	answer = ndval_nl_answer_begin(info);
	if (answer)
		err = fn(info, pair, operation);
	ndval_pair_put(pair);
	return ndval_nl_answer(info, answer, err, NDVAL_A_PAIR_OPERATION, operation);
}

int ndval_nl_promote_doit(struct sk_buff *skb, struct genl_info *info)
{
	return start_move(info, promote);
}

int ndval_nl_switchover_doit(struct sk_buff *skb, struct genl_info *info)
{
	return start_move(info, switchover);
}

/* Moves of a pair that are made at once */

static int move(struct genl_info *info,
		int (*fn)(struct ndval_pair *pair, struct netlink_ext_ack *extack))
{
	struct ndval_pair *pair = ndval_nl_pair(info, NDVAL_A_PAIR_NAME);
	int err;

	if (IS_ERR(pair))
		return PTR_ERR(pair);
	err = fn(pair, info->extack);
	ndval_pair_put(pair);
	return ndval_nl_explain(info, err);
}

int ndval_nl_demote_doit(struct sk_buff *skb, struct genl_info *info)
{
	return move(info, ndval_pair_demote);
}

int ndval_nl_outdate_doit(struct sk_buff *skb, struct genl_info *info)
{
	return move(info, ndval_pair_outdate);
}

int ndval_nl_resync_doit(struct sk_buff *skb, struct genl_info *info)
{
	return move(info, ndval_pair_resync);
}

/* Peers */

static int with_peer_name(struct genl_info *info,
			  int (*fn)(struct ndval_pair *pair, const char *name,
				    struct netlink_ext_ack *extack))
{
	const char *name = ndval_nl_need_string(info, NDVAL_A_PEER_NAME, "which peer?");
	struct ndval_pair *pair;
	int err;

	if (!name)
		return -EINVAL;
	pair = ndval_nl_pair(info, NDVAL_A_PEER_PAIR);
	if (IS_ERR(pair))
		return PTR_ERR(pair);
	mutex_lock(&pair->lock);
	err = fn(pair, name, info->extack);
	mutex_unlock(&pair->lock);
	ndval_pair_put(pair);
	return ndval_nl_explain(info, err);
}

int ndval_nl_peer_add_doit(struct sk_buff *skb, struct genl_info *info)
{
	int err = with_peer_name(info, ndval_peer_add);
	struct ndval_pair *pair;

	if (err)
		return err;
	pair = ndval_nl_pair(info, NDVAL_A_PEER_PAIR);
	if (!IS_ERR(pair)) {	/* not removed meanwhile */
		ndval_sysfs_update(pair);
		ndval_pair_put(pair);
	}
	return 0;
}

int ndval_nl_peer_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_peer_name(info, ndval_peer_del);
}

int ndval_nl_peer_outdate_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_peer_name(info, ndval_peer_outdate);
}

/* The caller holds the pair's lock. */
static int fill_peer(struct sk_buff *skb, void *object)
{
	struct ndval_peer *peer = object;
	int pad = NDVAL_A_PEER_PAD;
	const char *security = ndval_link_security(peer->remote);
	u64 lag, acknowledged;
	s64 skew;
	int err;

	lag = ndval_peer_lag(peer, &acknowledged);
	err = nla_put_string(skb, NDVAL_A_PEER_PAIR, peer->pair->name) ?:
	      nla_put_string(skb, NDVAL_A_PEER_NAME, peer->remote->name) ?:
	      nla_put_u32(skb, NDVAL_A_PEER_STATE, ndval_peer_state(peer)) ?:
	      ndval_nl_put_u64(skb, NDVAL_A_PEER_LAG, lag, pad) ?:
	      ndval_nl_put_u64(skb, NDVAL_A_PEER_ACKNOWLEDGED, acknowledged, pad);
	if (!err && peer->spoken)
		err = nla_put_u32(skb, NDVAL_A_PEER_ROLE, peer->heard.role) ?:
		      ndval_nl_put_u64(skb, NDVAL_A_PEER_MEMBER_ID, peer->heard.id, pad) ?:
		      ndval_nl_put_u64(skb, NDVAL_A_PEER_EPOCH, peer->heard.epoch, pad);
	if (!err && peer->refused)
		err = nla_put_string(skb, NDVAL_A_PEER_REASON, peer->refused);
	if (!err && peer->pair->role == NDVAL_ROLE_PRIMARY)
		err = nla_put_u32(skb, NDVAL_A_PEER_MEMBERSHIP, peer->membership);
	if (!err && peer->outdated)
		err = nla_put_flag(skb, NDVAL_A_PEER_OUTDATED);
	if (!err && ndval_peer_skew(peer, &skew))
		err = nla_put_s64(skb, NDVAL_A_PEER_CLOCK_SKEW, skew, pad);
	if (!err && security)
		err = nla_put_string(skb, NDVAL_A_PEER_SECURITY, security);
	return err;
}

int ndval_nl_peer_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = ndval_nl_need_string(info, NDVAL_A_PEER_NAME, "which peer?");
	struct ndval_pair *pair;
	struct ndval_peer *peer;
	int err;

	if (!name)
		return -EINVAL;
	pair = ndval_nl_pair(info, NDVAL_A_PEER_PAIR);
	if (IS_ERR(pair))
		return PTR_ERR(pair);
	mutex_lock(&pair->lock);
	peer = ndval_peer_find(pair, name);
	if (peer) {
		err = ndval_nl_reply(info, fill_peer, peer);
	} else {
		NL_SET_ERR_MSG(info->extack, "the pair has no such peer");
		err = -ENOENT;
	}
	mutex_unlock(&pair->lock);
	ndval_pair_put(pair);
	return err;
}

/* Adds the peers of a pair from the args[1]-th on. */
static int dump_peers(struct sk_buff *skb, struct netlink_callback *cb,
		      struct ndval_pair *pair)
{
	struct ndval_peer *peer;
	long n = 0;
	int err = 0;

	mutex_lock(&pair->lock);
	list_for_each_entry(peer, &pair->peers, list) {
		if (n++ < cb->args[1])
			continue;
		err = ndval_nl_dump_one(skb, cb, NDVAL_CMD_PEER_GET, fill_peer, peer);
		if (err)
			break;
		cb->args[1]++;
	}
	mutex_unlock(&pair->lock);
	return err;
}

int ndval_nl_peer_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ndval_pair *pair;
	u32 minor = cb->args[0];
	int err;

	err = ndval_nl_dump_check(cb);
	if (err)
		return err;
	while (!err && (pair = ndval_pair_next(&minor))) {
		if (minor != cb->args[0])
			cb->args[1] = 0;
		cb->args[0] = minor;
		err = dump_peers(skb, cb, pair);
		ndval_pair_put(pair);
		if (!err) {
			cb->args[0] = ++minor;
			cb->args[1] = 0;
		}
	}
	return skb->len;
}
