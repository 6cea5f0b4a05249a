// SPDX-License-Identifier: GPL-2.0-only
/*
 * Framing. What a message may hold comes from the tables that are generated from
 * the spec, so that nothing new is left out; what must not change behind them,
 * numbers, what is required and how bytes lie, is written here by hand, from
 * Documentation/wire-protocol.rst.
 */
#include "../../driver/wire.c"
#include "../../driver/wire_gen.c"

#include <kunit/test.h>

/* One attribute of one command. */
struct field {
	u8				cmd;
	u8				number;
	bool				required;
	const struct nla_policy		*policy;
};

/* Those of all commands: each command's one after the other. */
static struct field fields[NDVAL_WIRE_CMDS * NDVAL_WIRE_ATTRS];
static unsigned int nfields;

static void list_fields(void)
{
	u8 cmd, number;

	if (nfields)
		return;
	for (cmd = 0; cmd < NDVAL_WIRE_CMDS; cmd++)
		for (number = 0; number <= commands[cmd].max; number++)
			if (commands[cmd].policy && commands[cmd].policy[number].type)
				fields[nfields++] = (struct field) {
					cmd, number,
					!!(commands[cmd].required & BIT_ULL(number)),
					&commands[cmd].policy[number],
				};
}

static const void *field_gen_params(const void *prev, char *desc)
{
	const struct field *field = prev ? (const struct field *)prev + 1 : fields;

	if (!prev)
		list_fields();
	if (field == fields + nfields)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "command %u, attribute %u", field->cmd,
		 field->number);
	return field;
}

static const void *command_gen_params(const void *prev, char *desc)
{
	u8 cmd = prev ? *(const u8 *)prev + 1 : 0;
	static u8 last;

	while (cmd < NDVAL_WIRE_CMDS && !commands[cmd].policy)
		cmd++;
	if (cmd == NDVAL_WIRE_CMDS)
		return NULL;
	snprintf(desc, KUNIT_PARAM_DESC_SIZE, "command %u", cmd);
	last = cmd;
	return &last;
}

#define HEADERS		20
#define LARGEST		65536
#define TEXT		"some-text"
#define BYTES		"five!"

/* A message under construction, and what was found in it. */
struct message {
	struct sk_buff		*skb;
	struct nlmsghdr		*header;
	struct nlattr		*attrs[NDVAL_WIRE_ATTRS];
	struct netlink_ext_ack	extack;
};

static int wire_test_init(struct kunit *test)
{
	struct message *message = kunit_kzalloc(test, sizeof(*message), GFP_KERNEL);

	list_fields();
	if (!message)
		return -ENOMEM;
	message->skb = alloc_skb(LARGEST, GFP_KERNEL);
	test->priv = message;
	return message->skb ? 0 : -ENOMEM;
}

static void wire_test_exit(struct kunit *test)
{
	struct message *message = test->priv;

	if (message)
		kfree_skb(message->skb);
}

static u64 number_of(int number)
{
	return 0x8877665544332200 + number;
}

static void put_raw(struct kunit *test, int type, int len, const void *data)
{
	struct message *message = test->priv;

	KUNIT_ASSERT_EQ(test, nla_put(message->skb, type, len, data), 0);
}

static void put_attr(struct kunit *test, int type, const struct nla_policy *policy)
{
	struct message *message = test->priv;
	u64 number = number_of(type);
	u32 half = number;
	struct nlattr *nest;
	int inner;

	switch (policy->type) {
	case NLA_U32:
		put_raw(test, type, sizeof(half), &half);
		break;
	case NLA_U64:
		KUNIT_ASSERT_EQ(test, ndval_wire_put_u64(message->skb, type, number), 0);
		break;
	case NLA_FLAG:
		put_raw(test, type, 0, NULL);
		break;
	case NLA_NUL_STRING:
		put_raw(test, type, sizeof(TEXT), TEXT);
		break;
	case NLA_BINARY:
		put_raw(test, type, strlen(BYTES), BYTES);
		break;
	case NLA_NESTED:
		nest = nla_nest_start(message->skb, type);
		KUNIT_ASSERT_NOT_NULL(test, nest);
		for (inner = 0; inner <= policy->len; inner++)
			if (policy->nested_policy[inner].type)
				put_attr(test, inner, &policy->nested_policy[inner]);
		nla_nest_end(message->skb, nest);
		break;
	default:
		KUNIT_FAIL(test, "attribute %d is of a type that is not tested", type);
	}
}

static void put_all(struct kunit *test, u8 cmd, const struct field *missing)
{
	const struct field *field;

	for (field = fields; field < fields + nfields; field++)
		if (field->cmd == cmd && field != missing)
			put_attr(test, field->number, field->policy);
}

/* All attributes of a command, but for one (NULL: for none); not ended yet. */
static void begin_without(struct kunit *test, u8 cmd, const struct field *missing)
{
	struct message *message = test->priv;

	message->header = ndval_wire_begin(message->skb, cmd);
	KUNIT_ASSERT_NOT_NULL(test, message->header);
	put_all(test, cmd, missing);
}

static int parse(struct kunit *test)
{
	struct message *message = test->priv;

	KUNIT_ASSERT_EQ(test, message->header->nlmsg_len, message->skb->len);
	KUNIT_ASSERT_EQ(test, ndval_wire_check(message->header), 0);
	return ndval_wire_parse(message->header, message->attrs, &message->extack);
}

static int end_and_parse(struct kunit *test)
{
	struct message *message = test->priv;

	ndval_wire_end(message->skb, message->header);
	return parse(test);
}

static void expect_attr(struct kunit *test, const struct nlattr *attr, int type,
			const struct nla_policy *policy)
{
	u64 number = number_of(type);
	struct nlattr *inner[16];
	int i;

	KUNIT_ASSERT_NOT_NULL_MSG(test, attr, "attribute %d", type);
	switch (policy->type) {
	case NLA_U32:
		KUNIT_EXPECT_EQ(test, nla_get_u32(attr), (u32)number);
		break;
	case NLA_U64:
		KUNIT_EXPECT_EQ(test, nla_get_u64(attr), number);
		break;
	case NLA_FLAG:
		KUNIT_EXPECT_EQ(test, nla_len(attr), 0);
		break;
	case NLA_NUL_STRING:
		KUNIT_EXPECT_STREQ(test, nla_data(attr), TEXT);
		break;
	case NLA_BINARY:
		KUNIT_ASSERT_EQ(test, nla_len(attr), strlen(BYTES));
		KUNIT_EXPECT_MEMEQ(test, nla_data(attr), BYTES, strlen(BYTES));
		break;
	case NLA_NESTED:
		KUNIT_ASSERT_LT(test, policy->len, ARRAY_SIZE(inner));
		KUNIT_ASSERT_EQ(test, ndval_wire_parse_nested(attr, inner, policy->len,
							      policy->nested_policy), 0);
		for (i = 0; i <= policy->len; i++)
			if (policy->nested_policy[i].type)
				expect_attr(test, inner[i], i, &policy->nested_policy[i]);
			else
				KUNIT_EXPECT_NULL(test, inner[i]);
		break;
	}
}

static const struct field *find_field(u8 cmd, int number)
{
	const struct field *field;

	for (field = fields; field < fields + nfields; field++)
		if (field->cmd == cmd && field->number == number)
			return field;
	return NULL;
}

/* What is written is read, each attribute of each command, and nothing else. */
static void command_comes_back_as_it_was(struct kunit *test)
{
	struct message *message = test->priv;
	u8 cmd = *(const u8 *)test->param_value;
	int number;

	/* Of an earlier message: nothing stays. */
	memset(message->attrs, 0xff, sizeof(message->attrs));
	begin_without(test, cmd, NULL);
	KUNIT_ASSERT_EQ(test, end_and_parse(test), cmd);
	for (number = 0; number < NDVAL_WIRE_ATTRS; number++) {
		const struct field *field = find_field(cmd, number);

		if (field)
			expect_attr(test, message->attrs[number], number, field->policy);
		else
			KUNIT_EXPECT_NULL(test, message->attrs[number]);
	}
}

/* The attributes without which a command is refused, a bit each. */
static const struct command {
	const char	*shown;
	u8		cmd;
	u64		required;
} documented[] = {
	{ "HELLO", 1, GENMASK_ULL(8, 2) },
	{ "PAIR", 2, BIT_ULL(9) },
	{ "FETCH", 3, GENMASK_ULL(10, 9) | GENMASK_ULL(13, 12) },
	{ "VALUES", 4, GENMASK_ULL(10, 9) | GENMASK_ULL(13, 12) | GENMASK_ULL(23, 22) |
		       BIT_ULL(27) | GENMASK_ULL(32, 30) | BIT_ULL(36) },
	{ "STREAM_DEL", 5, GENMASK_ULL(10, 9) | GENMASK_ULL(13, 12) |
			   GENMASK_ULL(23, 22) | BIT_ULL(33) },
	{ "PING", 6, BIT_ULL(35) },
	{ "PONG", 7, BIT_ULL(35) },
	{ "BYE", 8, BIT_ULL(34) },
	{ "SYNC", 9, GENMASK_ULL(10, 9) | GENMASK_ULL(13, 12) | BIT_ULL(42) },
	{ "TAKEOVER", 10, GENMASK_ULL(10, 9) | GENMASK_ULL(13, 12) },
	{ "HANDOVER", 11, GENMASK_ULL(10, 9) | GENMASK_ULL(13, 12) },
	{ "PROPOSE", 13, GENMASK_ULL(10, 9) | GENMASK_ULL(13, 12) | GENMASK_ULL(23, 22) |
			 BIT_ULL(54) },
};

KUNIT_ARRAY_PARAM_DESC(documented, documented, shown);

/* Who left an attribute out yesterday does so tomorrow. */
static void what_is_required_is_documented(struct kunit *test)
{
	const struct command *command = test->param_value;
	u64 required = 0;
	unsigned int i;

	for (i = 0; i < nfields; i++)
		if (fields[i].cmd == command->cmd && fields[i].required)
			required |= BIT_ULL(fields[i].number);
	KUNIT_EXPECT_EQ(test, required, command->required);
}

static void attribute_is_required_or_not(struct kunit *test)
{
	const struct field *field = test->param_value;
	struct message *message = test->priv;

	begin_without(test, field->cmd, field);
	if (field->required) {
		KUNIT_EXPECT_EQ(test, end_and_parse(test), -EPROTO);
		KUNIT_EXPECT_STREQ(test, message->extack._msg, "an attribute is missing");
		return;
	}
	KUNIT_EXPECT_EQ(test, end_and_parse(test), field->cmd);
	KUNIT_EXPECT_NULL(test, message->attrs[field->number]);
	KUNIT_EXPECT_EQ(test, ndval_wire_u64(message->attrs, field->number), 0);
}

/* A message that is well but for a field of @len bytes. Return: as parse. */
static int parse_with(struct kunit *test, const struct field *field, int flags,
		      int len, const void *data)
{
	begin_without(test, field->cmd, field);
	put_raw(test, field->number | flags, len, data);
	return end_and_parse(test);
}

static bool has_length(const struct field *field, int len)
{
	switch (field->policy->type) {
	case NLA_U32:
		return len == 4;
	case NLA_U64:
		return len == 8;
	case NLA_FLAG:
		return !len;
	default:
		return field->policy->type == NLA_BINARY;
	}
}

static void number_has_one_length_and_bytes_any(struct kunit *test, const struct field *field)
{
	static const u8 zeros[20];
	int len;

	for (len = 0; len <= sizeof(zeros); len++)
		KUNIT_EXPECT_EQ_MSG(test, parse_with(test, field, 0, len, zeros),
				    has_length(field, len) ? field->cmd : -EPROTO,
				    "%d bytes", len);
}

static void string_has_a_limit_and_a_nul(struct kunit *test, const struct field *field)
{
	int limit = field->policy->len;
	u8 text[160];

	KUNIT_ASSERT_LT(test, limit + 2, sizeof(text));
	memset(text, 'x', sizeof(text));
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, 0, text), -EPROTO);
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, 1, text), -EPROTO);
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, limit, text), -EPROTO);
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, limit + 1, text), -EPROTO);
	text[0] = '\0';
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, 1, text), field->cmd);
	text[0] = 'x';
	text[limit] = '\0';
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, limit + 1, text),
			field->cmd);
	text[limit] = 'x';
	text[limit + 1] = '\0';
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, limit + 2, text), -EPROTO);
}

/* What may be in a nest, for both that there are: a number is their first. */
static const struct inner {
	int	len;
	u8	bytes[16];
	bool	good;
} inners[] = {
	{ 0, {}, true },
	{ 12, { 12, 0, 1, 0 }, true },
	{ 12, { 12, 0, 9, 0 }, true },		/* of a later version */
	{ 8, { 8, 0, 1, 0 }, false },		/* half a number */
	{ 4, { 4, 0, 3, 0 }, false },		/* pad */
	{ 4, { 3, 0, 1, 0 }, false },		/* shorter than its header */
	{ 12, { 16, 0, 1, 0 }, false },		/* longer than its nest */
	{ 16, { 12, 0, 1, 0 }, false },		/* something left over */
	{ 2, { 4, 0 }, false },
};

/* It is checked with the message. */
static void nest_has_attributes(struct kunit *test, const struct field *field)
{
	int i;

	for (i = 0; i < ARRAY_SIZE(inners); i++) {
		KUNIT_EXPECT_EQ_MSG(test, parse_with(test, field, NLA_F_NESTED,
						     inners[i].len, inners[i].bytes),
				    inners[i].good ? field->cmd : -EPROTO, "nest %d", i);
		KUNIT_EXPECT_EQ_MSG(test, parse_with(test, field, 0, inners[i].len,
						     inners[i].bytes),
				    -EPROTO, "nest %d without its flag", i);
	}
}

static void attribute_has_its_length(struct kunit *test)
{
	const struct field *field = test->param_value;

	switch (field->policy->type) {
	case NLA_NUL_STRING:
		string_has_a_limit_and_a_nul(test, field);
		break;
	case NLA_NESTED:
		nest_has_attributes(test, field);
		break;
	default:
		number_has_one_length_and_bytes_any(test, field);
	}
}

/* And where it is taken apart, by the same rules. */
static void nest_alone_is_parsed_as_strictly(struct kunit *test)
{
	struct message *message = test->priv;
	struct nlattr *found[4], *nest;
	int i;

	for (i = 0; i < ARRAY_SIZE(inners); i++) {
		ndval_wire_begin(message->skb, 4);
		nest = (struct nlattr *)skb_tail_pointer(message->skb);
		put_raw(test, 32 | NLA_F_NESTED, inners[i].len, inners[i].bytes);
		KUNIT_EXPECT_EQ_MSG(test, ndval_wire_parse_nested(nest, found, 3,
								  ndval_wire_value_nl_policy),
				    inners[i].good ? 0 : -EPROTO, "nest %d", i);
		KUNIT_EXPECT_EQ_MSG(test, ndval_wire_parse_nested(nest, found, 3,
								  ndval_wire_settings_nl_policy),
				    inners[i].good ? 0 : -EPROTO, "nest %d", i);
	}
}

static void attribute_is_no_nest_if_it_is_none(struct kunit *test)
{
	const struct field *field = test->param_value;
	static const u8 zeros[8];

	if (field->policy->type == NLA_NESTED)
		kunit_skip(test, "it is one");
	KUNIT_EXPECT_EQ(test, parse_with(test, field, NLA_F_NESTED,
					 field->policy->type == NLA_FLAG ? 0 :
					 field->policy->type == NLA_U32 ? 4 : 8, zeros), -EPROTO);
}

/* Up to the highest one known, refused if of another command; above (and 0), ignored. */
static void attribute_of_others_is_refused_or_ignored(struct kunit *test)
{
	static const u16 far[] = { 0, 64, 1000, 0x3fff };
	struct message *message = test->priv;
	u8 cmd = *(const u8 *)test->param_value;
	int highest = commands[cmd].max;
	static const u8 zeros[8];
	int number, i;

	KUNIT_ASSERT_NOT_NULL(test, find_field(cmd, highest));
	for (number = 1; number <= NDVAL_WIRE_ATTRS + 1; number++) {
		if (find_field(cmd, number))
			continue;
		begin_without(test, cmd, NULL);
		put_raw(test, number, sizeof(zeros), zeros);
		KUNIT_EXPECT_EQ_MSG(test, end_and_parse(test),
				    number > highest ? cmd : -EPROTO, "attribute %d", number);
	}
	for (i = 0; i < ARRAY_SIZE(far); i++) {
		begin_without(test, cmd, NULL);
		put_raw(test, far[i], sizeof(zeros), zeros);
		KUNIT_EXPECT_EQ_MSG(test, end_and_parse(test), cmd, "attribute %d", far[i]);
		for (number = highest + 1; number < NDVAL_WIRE_ATTRS; number++)
			KUNIT_EXPECT_NULL(test, message->attrs[number]);
	}
}

static void last_of_two_counts(struct kunit *test)
{
	struct message *message = test->priv;

	message->header = ndval_wire_begin(message->skb, 6);
	KUNIT_ASSERT_EQ(test, ndval_wire_put_u64(message->skb, 35, 1), 0);
	KUNIT_ASSERT_EQ(test, ndval_wire_put_u64(message->skb, 35, 2), 0);
	KUNIT_ASSERT_EQ(test, end_and_parse(test), 6);
	KUNIT_EXPECT_EQ(test, ndval_wire_u64(message->attrs, 35), 2);
}

/* Bytes behind the last attribute, too few to be one, or one that ends outside. */
static void nothing_is_left_over(struct kunit *test)
{
	static const u8 tails[][4] = { { 0, 0, 0, 0 }, { 3, 0, 35, 0 }, { 5, 0, 35, 0 },
				       { 0xff, 0xff, 35, 0 } };
	struct message *message = test->priv;
	int i;

	for (i = 0; i < ARRAY_SIZE(tails); i++) {
		begin_without(test, 6, NULL);
		skb_put_data(message->skb, tails[i], sizeof(tails[i]));
		KUNIT_EXPECT_EQ_MSG(test, end_and_parse(test), -EPROTO, "tail %d", i);
	}
}

static const struct frame {
	const char	*shown;
	struct nlmsghdr	header;
	bool		good;
} frames[] = {
	{ "headers alone", { .nlmsg_len = HEADERS, .nlmsg_type = 0x4e56 }, true },
	{ "24", { .nlmsg_len = 24, .nlmsg_type = 0x4e56 }, true },
	{ "largest", { .nlmsg_len = LARGEST, .nlmsg_type = 0x4e56 }, true },
	{ "sequence number and port", { .nlmsg_len = 24, .nlmsg_type = 0x4e56,
					.nlmsg_seq = 1, .nlmsg_pid = 2 }, true },
	{ "length 0", { .nlmsg_len = 0, .nlmsg_type = 0x4e56 } },
	{ "one header", { .nlmsg_len = 16, .nlmsg_type = 0x4e56 } },
	{ "one byte less than headers", { .nlmsg_len = 19, .nlmsg_type = 0x4e56 } },
	{ "21", { .nlmsg_len = 21, .nlmsg_type = 0x4e56 } },
	{ "22", { .nlmsg_len = 22, .nlmsg_type = 0x4e56 } },
	{ "23", { .nlmsg_len = 23, .nlmsg_type = 0x4e56 } },
	{ "just below largest", { .nlmsg_len = LARGEST - 1, .nlmsg_type = 0x4e56 } },
	{ "just above largest", { .nlmsg_len = LARGEST + 1, .nlmsg_type = 0x4e56 } },
	{ "next above largest", { .nlmsg_len = LARGEST + 4, .nlmsg_type = 0x4e56 } },
	{ "2^31", { .nlmsg_len = BIT(31), .nlmsg_type = 0x4e56 } },
	{ "2^32 - 4", { .nlmsg_len = U32_MAX - 3, .nlmsg_type = 0x4e56 } },
	{ "2^32 - 1", { .nlmsg_len = U32_MAX, .nlmsg_type = 0x4e56 } },
	{ "type 0", { .nlmsg_len = HEADERS, .nlmsg_type = 0 } },
	{ "type one more", { .nlmsg_len = HEADERS, .nlmsg_type = 0x4e57 } },
	{ "type in the other order", { .nlmsg_len = HEADERS, .nlmsg_type = 0x564e } },
	{ "lowest flag", { .nlmsg_len = HEADERS, .nlmsg_type = 0x4e56, .nlmsg_flags = 1 } },
	{ "highest flag", { .nlmsg_len = HEADERS, .nlmsg_type = 0x4e56,
			    .nlmsg_flags = 0x8000 } },
};

KUNIT_ARRAY_PARAM_DESC(frame, frames, shown);

static void header_is_one_of_ours(struct kunit *test)
{
	const struct frame *frame = test->param_value;

	KUNIT_EXPECT_EQ(test, ndval_wire_check(&frame->header),
			frame->good ? 0 : -EPROTO);
}

static const struct genl {
	const char		*shown;
	struct genlmsghdr	genl;
	int			parsed;
} genls[] = {
	{ "PING", { .cmd = 6, .version = 1 }, 6 },
	{ "version 0", { .cmd = 6, .version = 0 }, -EPROTO },
	{ "version 2", { .cmd = 6, .version = 2 }, -EPROTO },
	{ "reserved 1", { .cmd = 6, .version = 1, .reserved = 1 }, -EPROTO },
	{ "reserved 256", { .cmd = 6, .version = 1, .reserved = 256 }, -EPROTO },
	{ "command 0", { .cmd = 0, .version = 1 }, -EPROTO },
	{ "one more command", { .cmd = NDVAL_WIRE_CMDS, .version = 1 }, -EPROTO },
	{ "command 255", { .cmd = 255, .version = 1 }, -EPROTO },
};

KUNIT_ARRAY_PARAM_DESC(genl, genls, shown);

static void second_header_is_one_of_ours(struct kunit *test)
{
	const struct genl *genl = test->param_value;
	struct message *message = test->priv;

	begin_without(test, 6, NULL);
	memcpy(nlmsg_data(message->header), &genl->genl, sizeof(genl->genl));
	KUNIT_EXPECT_EQ(test, end_and_parse(test), genl->parsed);
}

static void ping_is_written_as_documented(struct kunit *test)
{
	static const u8 ping[] = {
		0x20, 0x00, 0x00, 0x00, 0x56, 0x4e, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x06, 0x01, 0x00, 0x00, 0x0c, 0x00, 0x23, 0x00,
		0x15, 0xcd, 0x5b, 0x07, 0x00, 0x00, 0x00, 0x00,
	};
	struct message *message = test->priv;

	message->header = ndval_wire_begin(message->skb, NDVAL_WIRE_CMD_PING);
	KUNIT_ASSERT_EQ(test, ndval_wire_put_u64(message->skb, NDVAL_WIRE_A_TIME,
						 123456789), 0);
	ndval_wire_end(message->skb, message->header);
	KUNIT_ASSERT_EQ(test, message->skb->len, sizeof(ping));
	KUNIT_EXPECT_MEMEQ(test, message->skb->data, ping, sizeof(ping));
}

/* Ends a message that began with a value, and puts its bytes in as a link does. */
static void end_with(struct kunit *test, const void *bytes, int len)
{
	struct message *message = test->priv;
	struct sk_buff *skb = message->skb;
	int padded = ALIGN(len, 4);
	u8 *at;

	ndval_wire_end(skb, message->header);
	message->header->nlmsg_len += padded;
	KUNIT_ASSERT_LE(test, padded, skb_tailroom(skb));
	at = skb->data + NDVAL_WIRE_VALUE_AT;
	memmove(at + padded, at, skb->len - NDVAL_WIRE_VALUE_AT);
	skb_put(skb, padded);
	memset(at, 0, padded);
	memcpy(at, bytes, len);
}

/* All but the bytes, which are counted as if they were there. */
static void value_is_written_byte_for_byte(struct kunit *test)
{
	static const u8 values[] = {
		0x44, 0x00, 0x00, 0x00, 0x56, 0x4e, 0x00, 0x00,
		0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
		0x04, 0x01, 0x00, 0x00,
		0x1c, 0x00, 0x20, 0x80,				/* value, a nest of 24 */
		0x09, 0x00, 0x02, 0x00,				/* data, 5 bytes */
		0x66, 0x69, 0x76, 0x65, 0x21, 0x00, 0x00, 0x00,
		0x0c, 0x00, 0x01, 0x00,				/* offset */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,
		0x06, 0x00, 0x16, 0x00, 0x73, 0x00, 0x00, 0x00,	/* stream "s" */
		0x0c, 0x00, 0x17, 0x00,				/* stream-id */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};
	struct message *message = test->priv;

	message->header = ndval_wire_begin(message->skb, NDVAL_WIRE_CMD_VALUES);
	KUNIT_ASSERT_EQ(test, ndval_wire_put_value(message->skb, 0x0102030405060708, 5), 0);
	put_raw(test, NDVAL_WIRE_A_STREAM, 2, "s");
	KUNIT_ASSERT_EQ(test, ndval_wire_put_u64(message->skb, NDVAL_WIRE_A_STREAM_ID,
						 U64_MAX), 0);
	end_with(test, BYTES, 5);
	KUNIT_ASSERT_EQ(test, message->skb->len, sizeof(values));
	KUNIT_EXPECT_MEMEQ(test, message->skb->data, values, sizeof(values));
}

static const struct length {
	const char	*shown;
	int		len;
} lengths[] = {
	{ "nothing", 0 },
	{ "1", 1 },
	{ "2", 2 },
	{ "3", 3 },
	{ "4", 4 },
	{ "a chunk less one", 4095 },
	{ "a chunk", 4096 },
	{ "a chunk and one", 4097 },
	{ "all but one", 61439 },
	{ "all", 61440 },
};

KUNIT_ARRAY_PARAM_DESC(length, lengths, shown);

static void value_has_any_length(struct kunit *test)
{
	u8 *bytes = kunit_kzalloc(test, NDVAL_WIRE_VALUES_MAX, GFP_KERNEL);
	const struct length *length = test->param_value;
	struct message *message = test->priv;
	struct nlattr *inner[4];

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	memset(bytes, 0xa5, NDVAL_WIRE_VALUES_MAX);
	message->header = ndval_wire_begin(message->skb, 4);
	KUNIT_ASSERT_EQ(test, ndval_wire_put_value(message->skb, BIT_ULL(62), length->len), 0);
	put_all(test, 4, find_field(4, 32));
	end_with(test, bytes, length->len);

	KUNIT_ASSERT_EQ(test, parse(test), 4);
	KUNIT_ASSERT_EQ(test, ndval_wire_parse_nested(message->attrs[32], inner, 3,
						      ndval_wire_value_nl_policy), 0);
	KUNIT_EXPECT_EQ(test, ndval_wire_u64(inner, 1), BIT_ULL(62));
	KUNIT_ASSERT_NOT_NULL(test, inner[2]);
	KUNIT_ASSERT_EQ(test, nla_len(inner[2]), length->len);
	KUNIT_EXPECT_MEMEQ(test, nla_data(inner[2]), bytes, length->len);
}

/* Every name and value as long as it may be: that is a message, too. */
static void largest_values_fit(struct kunit *test)
{
	u8 *bytes = kunit_kzalloc(test, NDVAL_WIRE_VALUES_MAX, GFP_KERNEL);
	struct message *message = test->priv;
	struct sk_buff *skb = message->skb;
	static const u8 starts[128];
	const struct field *field;
	char name[64] = "";

	KUNIT_ASSERT_NOT_NULL(test, bytes);
	memset(name, 'n', 63);
	message->header = ndval_wire_begin(skb, 4);
	KUNIT_ASSERT_EQ(test, ndval_wire_put_value(skb, 0, NDVAL_WIRE_VALUES_MAX), 0);
	for (field = fields; field < fields + nfields; field++) {
		if (field->cmd != 4 || field->policy->type == NLA_NESTED)
			continue;
		if (field->policy->type == NLA_NUL_STRING)
			put_raw(test, field->number, sizeof(name), name);
		else if (field->policy->type == NLA_BINARY)
			put_raw(test, field->number, sizeof(starts), starts);
		else
			put_attr(test, field->number, field->policy);
	}
	end_with(test, bytes, NDVAL_WIRE_VALUES_MAX);
	KUNIT_EXPECT_EQ(test, parse(test), 4);
	KUNIT_EXPECT_EQ(test, nla_len(message->attrs[9]), 64);
}

/* Where there is no room, all say so, and write nothing beyond. */
static void no_room_is_an_error(struct kunit *test)
{
	/* For the nest, the head of its data, the offset. */
	static const int rooms[] = { 0, 3, 4, 7, 8, 19 };
	struct message *message = test->priv;
	struct sk_buff *skb = message->skb;
	unsigned int i;

	message->header = ndval_wire_begin(skb, 4);
	skb_put_zero(skb, skb_tailroom(skb) - 11);
	KUNIT_EXPECT_EQ(test, ndval_wire_put_u64(skb, 35, 1), -EMSGSIZE);

	for (i = 0; i < ARRAY_SIZE(rooms); i++) {
		message->header = ndval_wire_begin(skb, 4);
		skb_put_zero(skb, skb_tailroom(skb) - rooms[i]);
		KUNIT_EXPECT_EQ_MSG(test, ndval_wire_put_value(skb, 0, 0), -EMSGSIZE,
				    "%d bytes", rooms[i]);
	}
	message->header = ndval_wire_begin(skb, 4);
	skb_put_zero(skb, skb_tailroom(skb) - 20);
	KUNIT_EXPECT_EQ(test, ndval_wire_put_value(skb, 0, 0), 0);
}

static void message_begins_anew(struct kunit *test)
{
	struct message *message = test->priv;

	begin_without(test, 1, NULL);
	message->header = ndval_wire_begin(message->skb, 8);
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)message->header, message->skb->data);
	KUNIT_EXPECT_EQ(test, message->skb->len, HEADERS);
	put_raw(test, 34, sizeof(TEXT), TEXT);
	KUNIT_EXPECT_EQ(test, end_and_parse(test), 8);
	KUNIT_EXPECT_NULL(test, message->attrs[4]);
}

static struct kunit_case wire_cases[] = {
	KUNIT_CASE_PARAM(command_comes_back_as_it_was, command_gen_params),
	KUNIT_CASE_PARAM(what_is_required_is_documented, documented_gen_params),
	KUNIT_CASE_PARAM(attribute_is_required_or_not, field_gen_params),
	KUNIT_CASE_PARAM(attribute_has_its_length, field_gen_params),
	KUNIT_CASE(nest_alone_is_parsed_as_strictly),
	KUNIT_CASE_PARAM(attribute_is_no_nest_if_it_is_none, field_gen_params),
	KUNIT_CASE_PARAM(attribute_of_others_is_refused_or_ignored, command_gen_params),
	KUNIT_CASE(last_of_two_counts),
	KUNIT_CASE(nothing_is_left_over),
	KUNIT_CASE_PARAM(header_is_one_of_ours, frame_gen_params),
	KUNIT_CASE_PARAM(second_header_is_one_of_ours, genl_gen_params),
	KUNIT_CASE(ping_is_written_as_documented),
	KUNIT_CASE(value_is_written_byte_for_byte),
	KUNIT_CASE_PARAM(value_has_any_length, length_gen_params),
	KUNIT_CASE(largest_values_fit),
	KUNIT_CASE(no_room_is_an_error),
	KUNIT_CASE(message_begins_anew),
	{}
};

static struct kunit_suite wire_suite = {
	.name		= "ndval_wire",
	.init		= wire_test_init,
	.exit		= wire_test_exit,
	.test_cases	= wire_cases,
};

kunit_test_suite(wire_suite);
