// SPDX-License-Identifier: GPL-2.0-only
/*
 * The generic netlink family: what its commands have in common, and those of
 * members and links. Those of pairs and peers are in netlink_pair.c, those of
 * streams, instances and values in netlink_stream.c. Policies and tables come
 * from the spec.
 *
 * No handler waits for a peer, the network or a reader.
 */
#include "netlink.h"

#include <linux/skbuff.h>
#include <net/genetlink.h>

#include "event.h"
#include "extack.h"
#include "link.h"
#include "links.h"
#include "member.h"
#include "pair.h"

/* Events tell of peers and processes, so listeners need CAP_NET_ADMIN. The
 * generated table can't say so.
 */
static const struct genl_multicast_group groups[] = {
	[NDVAL_NLGRP_EVENTS] = {
		.name	= "events",
		.flags	= GENL_MCAST_CAP_NET_ADMIN,
	},
};

/**
 * ndval_netlink_init() - Register the family.
 *
 * Return: 0 or a negative errno.
 */
int ndval_netlink_init(void)
{
	int err;

	ndval_nl_family.mcgrps = groups;
	ndval_nl_family.n_mcgrps = ARRAY_SIZE(groups);
	err = genl_register_family(&ndval_nl_family);
	if (!err)
		ndval_event_listen(true);
	return err;
}

/**
 * ndval_netlink_exit() - Unregister the family; no handler runs afterwards.
 */
void ndval_netlink_exit(void)
{
	ndval_event_listen(false);
	genl_unregister_family(&ndval_nl_family);
}

/**
 * ndval_nl_string() - A string that a command came with.
 * @info: the command
 * @type: attribute, of a kind that is NUL-terminated
 *
 * Return: the string, or NULL if it is not there.
 */
const char *ndval_nl_string(struct genl_info *info, int type)
{
	return info->attrs[type] ? nla_data(info->attrs[type]) : NULL;
}

/**
 * ndval_nl_need_string() - A string that a command must come with.
 * @info: the command
 * @type: attribute, of a kind that is NUL-terminated
 * @what: a sentence for who left it out
 *
 * Return: the string, or NULL, and the sentence is in the extack.
 */
const char *ndval_nl_need_string(struct genl_info *info, int type, const char *what)
{
	const char *text = ndval_nl_string(info, type);

	if (!text)
		ndval_extack(info->extack, what);
	return text;
}

/**
 * ndval_nl_pair() - The pair that a command names.
 * @info: the command
 * @type: attribute with the local name
 *
 * Return: the pair with a reference, or ERR_PTR: -EINVAL, -ENOENT.
 */
struct ndval_pair *ndval_nl_pair(struct genl_info *info, int type)
{
	const char *name = ndval_nl_need_string(info, type, "which pair?");
	struct ndval_pair *pair;

	if (!name)
		return ERR_PTR(-EINVAL);
	pair = ndval_pair_find(name);
	if (pair && !READ_ONCE(pair->dead) && READ_ONCE(pair->ready))
		return pair;
	if (pair)
		ndval_pair_put(pair);
	NL_SET_ERR_MSG(info->extack, "no such pair");
	return ERR_PTR(-ENOENT);
}

/**
 * ndval_nl_explain() - Give a refusal a text, if it has none.
 * @info: the command
 * @err: 0 or a negative errno
 *
 * Return: @err.
 */
int ndval_nl_explain(struct genl_info *info, int err)
{
	if (!err || info->extack->_msg)
		return err;
	switch (err) {
	case -ENOMEM:
		NL_SET_ERR_MSG(info->extack, "no memory, or memory_max or total_max is reached");
		break;
	case -ENODEV:
	case -EBUSY:
		NL_SET_ERR_MSG(info->extack, "the pair is being made or removed");
		break;
	case -ENOENT:
		NL_SET_ERR_MSG(info->extack, "no such member any more");
		break;
	default:
		NL_SET_ERR_MSG(info->extack, "refused");
	}
	return err;
}

/**
 * ndval_nl_put_u64() - Put a 64-bit number.
 * @skb: where to
 * @type: attribute
 * @value: the number
 * @pad: pad attribute of the set
 *
 * Return: 0 or -EMSGSIZE.
 */
int ndval_nl_put_u64(struct sk_buff *skb, int type, u64 value, int pad)
{
	return nla_put_u64_64bit(skb, type, value, pad);
}

/**
 * ndval_nl_reply() - Answer a command with an object.
 * @info: the command
 * @fill: puts the object's attributes
 * @object: the object
 *
 * Return: 0 or a negative errno.
 */
int ndval_nl_reply(struct genl_info *info, ndval_nl_fill_t fill, void *object)
{
	struct sk_buff *skb;
	void *header;
	int err;

	skb = genlmsg_new(NLMSG_DEFAULT_SIZE + NDVAL_RECORDS_MAX, GFP_KERNEL);
	if (!skb)
		return -ENOMEM;
	header = genlmsg_put_reply(skb, info, &ndval_nl_family, 0, info->genlhdr->cmd);
	err = header ? fill(skb, object) : -EMSGSIZE;
	if (err) {
		memzero_explicit(skb->data, skb->len);
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

/**
 * ndval_nl_answer_begin() - Get ready to answer a command with a number.
 * @info: the command
 *
 * For commands that change something: all that can fail for want of memory is
 * done before anything is changed, so that what was refused did not happen.
 *
 * Return: the answer, or NULL, of which ndval_nl_answer() makes a refusal.
 */
struct sk_buff *ndval_nl_answer_begin(struct genl_info *info)
{
	struct sk_buff *skb = genlmsg_new(nla_total_size(sizeof(u32)), GFP_KERNEL);

	if (skb && WARN_ON_ONCE(!genlmsg_put_reply(skb, info, &ndval_nl_family, 0,
						   info->genlhdr->cmd))) {
		nlmsg_free(skb);
		return NULL;
	}
	return skb;
}

/**
 * ndval_nl_answer() - Answer a command with a number, or refuse it.
 * @info: the command
 * @skb: what ndval_nl_answer_begin() gave; if NULL, nothing was done
 * @err: a negative errno if the command is refused, which has no such answer
 * @type: attribute
 * @value: the number
 *
 * Return: 0 or a negative errno.
 */
int ndval_nl_answer(struct genl_info *info, struct sk_buff *skb, int err, int type,
		    u32 value)
{
	if (!skb)
		return ndval_nl_explain(info, -ENOMEM);
	if (!err)
		err = nla_put_u32(skb, type, value);
	if (err) {
		nlmsg_free(skb);
		return ndval_nl_explain(info, err);
	}
	nlmsg_end(skb, nlmsg_hdr(skb));
	return genlmsg_reply(skb, info);
}

/**
 * ndval_nl_dump_check() - A dump lists everything: it takes no attributes.
 * @cb: the dump
 *
 * Return: 0 or -EINVAL.
 */
int ndval_nl_dump_check(struct netlink_callback *cb)
{
	if (nlmsg_len(cb->nlh) <= GENL_HDRLEN)
		return 0;
	NL_SET_ERR_MSG(cb->extack, "a dump takes no attributes");
	return -EINVAL;
}

/**
 * ndval_nl_dump_one() - Add an object to a dump.
 * @skb: where to
 * @cb: the dump
 * @cmd: the command
 * @fill: puts the object's attributes
 * @object: the object
 *
 * Return: 0, or -EMSGSIZE if there is no room left in this message.
 */
int ndval_nl_dump_one(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		      ndval_nl_fill_t fill, void *object)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &ndval_nl_family, NLM_F_MULTI, cmd);

	if (!header)
		return -EMSGSIZE;
	if (fill(skb, object)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* Members */

int ndval_nl_member_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = ndval_nl_need_string(info, NDVAL_A_MEMBER_NAME,
						"the member needs a name");

	if (!name)
		return -EINVAL;
	return ndval_nl_explain(info, ndval_member_new(name,
		nla_get_flag(info->attrs[NDVAL_A_MEMBER_HOST]), info->extack));
}

int ndval_nl_member_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = ndval_nl_need_string(info, NDVAL_A_MEMBER_NAME,
						"which member?");

	return name ? ndval_member_del(name, info->extack) : -EINVAL;
}

static int fill_member(struct sk_buff *skb, void *object)
{
	const struct ndval_member *member = object;
	int err;

	err = nla_put_string(skb, NDVAL_A_MEMBER_NAME, member->name) ?:
	      ndval_nl_put_u64(skb, NDVAL_A_MEMBER_ID, READ_ONCE(member->id),
			       NDVAL_A_MEMBER_PAD) ?:
	      nla_put_u32(skb, NDVAL_A_MEMBER_PAIRS, READ_ONCE(member->pairs)) ?:
	      nla_put_u32(skb, NDVAL_A_MEMBER_LINKS, READ_ONCE(member->links));
	if (!err && member->host)
		err = nla_put_flag(skb, NDVAL_A_MEMBER_HOST) ?:
		      nla_put_u32(skb, NDVAL_A_MEMBER_VM_CLONE, NDVAL_HAVE_VMFORK ?
				  NDVAL_SWITCH_ON : NDVAL_SWITCH_OFF);
	return err;
}

int ndval_nl_member_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_member *member;
	int err;

	member = ndval_member_find(ndval_nl_string(info, NDVAL_A_MEMBER_NAME));
	if (!member) {
		NL_SET_ERR_MSG(info->extack, "no such member");
		return -ENOENT;
	}
	err = ndval_nl_reply(info, fill_member, member);
	ndval_member_put(member);
	return err;
}

int ndval_nl_member_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ndval_member *member;
	int err;

	err = ndval_nl_dump_check(cb);
	if (err)
		return err;
	while ((member = ndval_member_at(cb->args[0]))) {
		err = ndval_nl_dump_one(skb, cb, NDVAL_CMD_MEMBER_GET, fill_member,
					member);
		ndval_member_put(member);
		if (err)
			break;
		cb->args[0]++;
	}
	return skb->len;
}

/* Links */

/* The member that a link command names, the host's own if none. */
static struct ndval_member *link_member(struct genl_info *info)
{
	struct ndval_member *member;

	member = ndval_member_find(ndval_nl_string(info, NDVAL_A_LINK_MEMBER));
	if (!member)
		NL_SET_ERR_MSG(info->extack, "no such member");
	return member;
}

int ndval_nl_link_attach_doit(struct sk_buff *skb, struct genl_info *info)
{
	const char *peer = ndval_nl_need_string(info, NDVAL_A_LINK_PEER,
						"which member is at the other end?");
	struct ndval_member *member;
	struct sk_buff *answer;
	int err = 0;
	u32 id = 0;

	if (!peer)
		return -EINVAL;
	if (!info->attrs[NDVAL_A_LINK_FD]) {
		NL_SET_ERR_MSG(info->extack, "the file descriptor is missing");
		return -EINVAL;
	}
	member = link_member(info);
	if (!member)
		return -ENOENT;
	answer = ndval_nl_answer_begin(info);
	if (answer)
		err = ndval_link_attach(member, peer,
					nla_get_u32(info->attrs[NDVAL_A_LINK_FD]), &id,
					info->extack);
	ndval_member_put(member);
	return ndval_nl_answer(info, answer, err, NDVAL_A_LINK_ID, id);
}

/* The link that a command names by its number, or by member and peer. */
static struct ndval_link *named_link(struct genl_info *info)
{
	const char *peer = ndval_nl_string(info, NDVAL_A_LINK_PEER);
	struct ndval_link *link = NULL;
	struct ndval_member *member;

	if (info->attrs[NDVAL_A_LINK_ID]) {
		link = ndval_link_find(nla_get_u32(info->attrs[NDVAL_A_LINK_ID]));
	} else if (peer) {
		member = link_member(info);
		if (!member)
			return ERR_PTR(-ENOENT);
		link = ndval_link_find_peer(member->name, peer);
		ndval_member_put(member);
	} else {
		NL_SET_ERR_MSG(info->extack, "which link? name its peer or its id");
		return ERR_PTR(-EINVAL);
	}
	if (link)
		return link;
	NL_SET_ERR_MSG(info->extack, "no such link");
	return ERR_PTR(-ENOENT);
}

int ndval_nl_link_detach_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_link *link = named_link(info);
	u32 operation = ndval_operation();
	struct sk_buff *answer;

	if (IS_ERR(link))
		return PTR_ERR(link);
	answer = ndval_nl_answer_begin(info);
	if (answer) {
		if (!info->attrs[NDVAL_A_LINK_ID])
			ndval_link_detach_others(link);
		ndval_link_detach(link, operation);
	}
	ndval_link_put(link);
	return ndval_nl_answer(info, answer, 0, NDVAL_A_LINK_OPERATION, operation);
}

static int fill_link(struct sk_buff *skb, void *object)
{
	struct ndval_link *link = object;
	int pad = NDVAL_A_LINK_PAD;

	return nla_put_u32(skb, NDVAL_A_LINK_ID, link->id) ?:
	       nla_put_string(skb, NDVAL_A_LINK_MEMBER, link->remote->member->name) ?:
	       nla_put_string(skb, NDVAL_A_LINK_PEER, link->remote->name) ?:
	       nla_put_u32(skb, NDVAL_A_LINK_STATE, ndval_link_state(link)) ?:
	       nla_put_string(skb, NDVAL_A_LINK_TRANSPORT, link->sock.transport) ?:
	       nla_put_string(skb, NDVAL_A_LINK_SECURITY,
			      ndval_sock_security(&link->sock)) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_LINK_PEER_ID, link->peer_id, pad) ?:
	       nla_put_string(skb, NDVAL_A_LINK_PEER_SOFTWARE, link->peer_software) ?:
	       nla_put_u32(skb, NDVAL_A_LINK_RTT_US, READ_ONCE(link->rtt_us)) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_LINK_TX_BYTES, READ_ONCE(link->tx_bytes), pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_LINK_RX_BYTES, READ_ONCE(link->rx_bytes), pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_LINK_TX_MESSAGES,
				READ_ONCE(link->tx_messages), pad) ?:
	       ndval_nl_put_u64(skb, NDVAL_A_LINK_RX_MESSAGES,
				READ_ONCE(link->rx_messages), pad);
}

int ndval_nl_link_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct ndval_link *link = named_link(info);
	int err;

	if (IS_ERR(link))
		return PTR_ERR(link);
	err = ndval_nl_reply(info, fill_link, link);
	ndval_link_put(link);
	return err;
}

int ndval_nl_link_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct ndval_link *link;
	int err;

	err = ndval_nl_dump_check(cb);
	if (err)
		return err;
	while ((link = ndval_link_next(cb->args[0]))) {
		err = ndval_nl_dump_one(skb, cb, NDVAL_CMD_LINK_GET, fill_link, link);
		if (!err)
			cb->args[0] = link->id + 1;
		ndval_link_put(link);
		if (err)
			break;
	}
	return skb->len;
}
