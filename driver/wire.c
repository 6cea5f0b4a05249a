// SPDX-License-Identifier: GPL-2.0-only
/*
 * Framing of the messages between hosts: netlink in form. Memory and
 * arithmetic only; knows no sockets, pairs or streams.
 */
#include "wire.h"

#include <linux/genetlink.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <linux/ndval_netlink.h>

/* One attribute set under two names: the family's and the wire's. */
static_assert((int)NDVAL_A_VALUE_OFFSET == (int)NDVAL_WIRE_A_VALUE_OFFSET);
static_assert((int)NDVAL_A_VALUE_DATA == (int)NDVAL_WIRE_A_VALUE_DATA);
static_assert((int)NDVAL_A_VALUE_PAD == (int)NDVAL_WIRE_A_VALUE_PAD);

/* The length of an attribute has 16 bits. */
static_assert(NDVAL_WIRE_VALUES_MAX + 20 <= U16_MAX);

/* For each command its attributes, and those without which it means nothing. */
#define PAIR_ATTRS (BIT_ULL(NDVAL_WIRE_A_PAIR) | BIT_ULL(NDVAL_WIRE_A_INCARNATION) | \
		    BIT_ULL(NDVAL_WIRE_A_EPOCH_ID) | BIT_ULL(NDVAL_WIRE_A_PAIR_ID))

static const struct {
	const struct nla_policy	*policy;
	int			max;
	u64			required;
} commands[NDVAL_WIRE_CMDS] = {
	[NDVAL_WIRE_CMD_HELLO] = {
		ndval_wire_hello_nl_policy, NDVAL_WIRE_A_SOFTWARE,
		BIT_ULL(NDVAL_WIRE_A_VERSION) | BIT_ULL(NDVAL_WIRE_A_FEATURES) |
		BIT_ULL(NDVAL_WIRE_A_MEMBER) | BIT_ULL(NDVAL_WIRE_A_MEMBER_ID) |
		BIT_ULL(NDVAL_WIRE_A_TO) | BIT_ULL(NDVAL_WIRE_A_SERIAL) |
		BIT_ULL(NDVAL_WIRE_A_SOFTWARE),
	},
	[NDVAL_WIRE_CMD_PAIR] = {
		ndval_wire_pair_nl_policy, NDVAL_WIRE_A_CLOCKS,
		BIT_ULL(NDVAL_WIRE_A_PAIR),
	},
	[NDVAL_WIRE_CMD_FETCH] = {
		ndval_wire_fetch_nl_policy, NDVAL_WIRE_A_JOURNAL, PAIR_ATTRS,
	},
	[NDVAL_WIRE_CMD_VALUES] = {
		ndval_wire_values_nl_policy, NDVAL_WIRE_A_JOURNAL,
		PAIR_ATTRS | BIT_ULL(NDVAL_WIRE_A_STREAM) |
		BIT_ULL(NDVAL_WIRE_A_STREAM_ID) | BIT_ULL(NDVAL_WIRE_A_COMMITTED) |
		BIT_ULL(NDVAL_WIRE_A_TAIL) | BIT_ULL(NDVAL_WIRE_A_NEED) |
		BIT_ULL(NDVAL_WIRE_A_VALUE) | BIT_ULL(NDVAL_WIRE_A_LIMIT),
	},
	[NDVAL_WIRE_CMD_SYNC] = {
		ndval_wire_sync_nl_policy, NDVAL_WIRE_A_JOURNAL,
		PAIR_ATTRS | BIT_ULL(NDVAL_WIRE_A_FOR_ID),
	},
	[NDVAL_WIRE_CMD_TAKEOVER] = {
		ndval_wire_takeover_nl_policy, NDVAL_WIRE_A_ERROR, PAIR_ATTRS,
	},
	[NDVAL_WIRE_CMD_HANDOVER] = {
		ndval_wire_handover_nl_policy, NDVAL_WIRE_A_PAIR_ID, PAIR_ATTRS,
	},
	[NDVAL_WIRE_CMD_STREAM_DEL] = {
		ndval_wire_stream_del_nl_policy, NDVAL_WIRE_A_JOURNAL,
		PAIR_ATTRS | BIT_ULL(NDVAL_WIRE_A_STREAM) |
		BIT_ULL(NDVAL_WIRE_A_STREAM_ID) | BIT_ULL(NDVAL_WIRE_A_ERROR),
	},
	[NDVAL_WIRE_CMD_CHECK] = {
		ndval_wire_check_nl_policy, NDVAL_WIRE_A_JOURNAL,
		PAIR_ATTRS | BIT_ULL(NDVAL_WIRE_A_STREAM) |
		BIT_ULL(NDVAL_WIRE_A_STREAM_ID) | BIT_ULL(NDVAL_WIRE_A_INSTANCE) |
		BIT_ULL(NDVAL_WIRE_A_RUN) | BIT_ULL(NDVAL_WIRE_A_STOPS) |
		BIT_ULL(NDVAL_WIRE_A_KIND) | BIT_ULL(NDVAL_WIRE_A_LENGTH) |
		BIT_ULL(NDVAL_WIRE_A_PID) | BIT_ULL(NDVAL_WIRE_A_COMM),
	},
	[NDVAL_WIRE_CMD_PROPOSE] = {
		ndval_wire_propose_nl_policy, NDVAL_WIRE_A_RECORD,
		PAIR_ATTRS | BIT_ULL(NDVAL_WIRE_A_STREAM) |
		BIT_ULL(NDVAL_WIRE_A_STREAM_ID) | BIT_ULL(NDVAL_WIRE_A_RECORD),
	},
	[NDVAL_WIRE_CMD_PING] = {
		ndval_wire_ping_nl_policy, NDVAL_WIRE_A_TIME,
		BIT_ULL(NDVAL_WIRE_A_TIME),
	},
	[NDVAL_WIRE_CMD_PONG] = {
		ndval_wire_pong_nl_policy, NDVAL_WIRE_A_REALTIME,
		BIT_ULL(NDVAL_WIRE_A_TIME),
	},
	[NDVAL_WIRE_CMD_BYE] = {
		ndval_wire_bye_nl_policy, NDVAL_WIRE_A_REASON,
		BIT_ULL(NDVAL_WIRE_A_REASON),
	},
};

static_assert(NDVAL_WIRE_ATTRS <= 64);

/**
 * ndval_wire_begin() - Begin a message.
 * @skb: where to; what was there is dropped
 * @cmd: the command
 *
 * Return: the header.
 */
struct nlmsghdr *ndval_wire_begin(struct sk_buff *skb, u8 cmd)
{
	struct genlmsghdr *genl;
	struct nlmsghdr *header;

	skb_trim(skb, 0);
	header = nlmsg_put(skb, 0, 0, NDVAL_WIRE_MESSAGE_TYPE, GENL_HDRLEN, 0);
	if (WARN_ON_ONCE(!header))
		return NULL;
	genl = nlmsg_data(header);
	genl->cmd = cmd;
	genl->version = NDVAL_WIRE_VERSION;
	genl->reserved = 0;
	return header;
}

/**
 * ndval_wire_end() - End a message.
 * @skb: where it is
 * @header: as ndval_wire_begin() returned it
 */
void ndval_wire_end(struct sk_buff *skb, struct nlmsghdr *header)
{
	nlmsg_end(skb, header);
}

/**
 * ndval_wire_put_value() - Add a value whose bytes are put in when the message is sent.
 * @skb: where to; nothing has been added yet, so that they belong at NDVAL_WIRE_VALUE_AT
 * @offset: of the bytes in the stream
 * @len: how many there are; zeroes follow up to a multiple of 4
 *
 * Return: 0 or -EMSGSIZE.
 */
int ndval_wire_put_value(struct sk_buff *skb, u64 offset, u16 len)
{
	struct nlattr *nest = nla_nest_start(skb, NDVAL_WIRE_A_VALUE);
	struct nlattr *data;

	if (!nest)
		return -EMSGSIZE;
	data = nla_reserve(skb, NDVAL_WIRE_A_VALUE_DATA, 0);
	if (!data || ndval_wire_put_u64(skb, NDVAL_WIRE_A_VALUE_OFFSET, offset))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	data->nla_len += len;
	nest->nla_len += NLA_ALIGN(len);
	return 0;
}

/**
 * ndval_wire_put_u64() - Add a 64-bit number, without padding on any host.
 * @skb: where to
 * @type: attribute
 * @value: the number
 *
 * Return: 0 or -EMSGSIZE.
 */
int ndval_wire_put_u64(struct sk_buff *skb, int type, u64 value)
{
	return nla_put(skb, type, sizeof(value), &value);
}

/**
 * ndval_wire_check() - Can this be the header of a message?
 * @header: the header
 *
 * Return: 0 or -EPROTO. If 0, nlmsg_len is between the two headers and
 * NDVAL_WIRE_MESSAGE_MAX.
 */
int ndval_wire_check(const struct nlmsghdr *header)
{
	if (header->nlmsg_type != NDVAL_WIRE_MESSAGE_TYPE || header->nlmsg_flags ||
	    header->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN ||
	    header->nlmsg_len > NDVAL_WIRE_MESSAGE_MAX ||
	    header->nlmsg_len != NLMSG_ALIGN(header->nlmsg_len))
		return -EPROTO;
	return 0;
}

/**
 * ndval_wire_parse() - Take a message apart, strictly.
 * @header: the message, complete
 * @attrs: NDVAL_WIRE_ATTRS pointers, set
 * @extack: gets what is wrong
 *
 * Attributes above those that this version knows for the command are ignored.
 *
 * Return: the command, or -EPROTO.
 */
int ndval_wire_parse(const struct nlmsghdr *header, struct nlattr **attrs,
		     struct netlink_ext_ack *extack)
{
	const struct genlmsghdr *genl = nlmsg_data(header);
	u64 required;
	int i;

	memset(attrs, 0, NDVAL_WIRE_ATTRS * sizeof(*attrs));
	if (genl->version != NDVAL_WIRE_VERSION || genl->reserved ||
	    genl->cmd >= NDVAL_WIRE_CMDS || !commands[genl->cmd].policy) {
		NL_SET_ERR_MSG(extack, "unknown version or command");
		return -EPROTO;
	}
	if (__nlmsg_parse(header, GENL_HDRLEN, attrs, commands[genl->cmd].max,
			  commands[genl->cmd].policy,
			  NL_VALIDATE_STRICT & ~NL_VALIDATE_MAXTYPE, extack))
		return -EPROTO;
	required = commands[genl->cmd].required;
	for (i = 0; i < NDVAL_WIRE_ATTRS; i++) {
		if ((required & BIT_ULL(i)) && !attrs[i]) {
			NL_SET_ERR_MSG(extack, "an attribute is missing");
			return -EPROTO;
		}
	}
	return genl->cmd;
}

/**
 * ndval_wire_parse_nested() - Take a nest of a message apart, as strictly.
 * @nest: the attribute, which ndval_wire_parse() has checked to be a nest
 * @attrs: @max + 1 pointers, set
 * @max: highest attribute known; those above are ignored
 * @policy: of the attributes
 *
 * Return: 0 or -EPROTO.
 */
int ndval_wire_parse_nested(const struct nlattr *nest, struct nlattr **attrs, int max,
			    const struct nla_policy *policy)
{
	return __nla_parse(attrs, max, nla_data(nest), nla_len(nest), policy,
			   NL_VALIDATE_STRICT & ~NL_VALIDATE_MAXTYPE, NULL) ?
		-EPROTO : 0;
}

/**
 * ndval_wire_u64() - A number from a message.
 * @attrs: as ndval_wire_parse() set them
 * @type: attribute
 *
 * Return: the number, 0 if it is not there.
 */
u64 ndval_wire_u64(struct nlattr **attrs, int type)
{
	return attrs[type] ? nla_get_u64(attrs[type]) : 0;
}
