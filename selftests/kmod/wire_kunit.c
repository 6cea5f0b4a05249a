// SPDX-License-Identifier: GPL-2.0-only
/*
 * Framing. What a message may hold is written here once more, by hand, from
 * Documentation/wire-protocol.rst, with the numbers of the protocol.
 */
#include "../../driver/wire.c"
#include "../../driver/wire_gen.c"

#include <kunit/test.h>

enum kind { U32, U64, FLAG, STRING, SETTINGS, VALUE };

/* One attribute of one command. */
struct field {
	const char	*shown;
	u8		cmd;
	u8		number;
	enum kind	kind;
	u8		limit;		/* of a string, without its NUL */
	bool		optional;
};

static const struct field fields[] = {
	{ "HELLO version", 1, 2, U32 },
	{ "HELLO features", 1, 3, U64 },
	{ "HELLO member", 1, 4, STRING, 63 },
	{ "HELLO member-id", 1, 5, U64 },
	{ "HELLO to", 1, 6, STRING, 63 },
	{ "HELLO serial", 1, 7, U64 },
	{ "HELLO software", 1, 8, STRING, 31 },

	{ "PAIR pair", 2, 9, STRING, 63 },
	{ "PAIR incarnation", 2, 10, U64, .optional = true },
	{ "PAIR epoch", 2, 11, U64, .optional = true },
	{ "PAIR epoch-id", 2, 12, U64, .optional = true },
	{ "PAIR pair-id", 2, 13, U64, .optional = true },
	{ "PAIR role", 2, 14, U32, .optional = true },
	{ "PAIR seen-id", 2, 15, U64, .optional = true },
	{ "PAIR max-streams", 2, 16, U32, .optional = true },
	{ "PAIR ring-size", 2, 17, U32, .optional = true },
	{ "PAIR diverged", 2, 18, FLAG, .optional = true },
	{ "PAIR gone", 2, 19, FLAG, .optional = true },
	{ "PAIR in-sync", 2, 20, FLAG, .optional = true },
	{ "PAIR settings", 2, 21, SETTINGS, .optional = true },

	{ "FETCH pair", 3, 9, STRING, 63 },
	{ "FETCH incarnation", 3, 10, U64 },
	{ "FETCH epoch-id", 3, 12, U64 },
	{ "FETCH pair-id", 3, 13, U64 },
	{ "FETCH stream", 3, 22, STRING, 63, .optional = true },
	{ "FETCH stream-id", 3, 23, U64, .optional = true },
	{ "FETCH have", 3, 24, U64, .optional = true },
	{ "FETCH want", 3, 25, U64, .optional = true },
	{ "FETCH demand", 3, 26, U64, .optional = true },
	{ "FETCH need", 3, 27, U64, .optional = true },
	{ "FETCH again", 3, 28, FLAG, .optional = true },
	{ "FETCH end", 3, 29, FLAG, .optional = true },

	{ "VALUES pair", 4, 9, STRING, 63 },
	{ "VALUES incarnation", 4, 10, U64 },
	{ "VALUES epoch-id", 4, 12, U64 },
	{ "VALUES pair-id", 4, 13, U64 },
	{ "VALUES stream", 4, 22, STRING, 63 },
	{ "VALUES stream-id", 4, 23, U64 },
	{ "VALUES need", 4, 27, U64 },
	{ "VALUES committed", 4, 30, U64 },
	{ "VALUES tail", 4, 31, U64 },
	{ "VALUES value", 4, 32, VALUE },

	{ "STREAM_DEL pair", 5, 9, STRING, 63 },
	{ "STREAM_DEL incarnation", 5, 10, U64 },
	{ "STREAM_DEL epoch-id", 5, 12, U64 },
	{ "STREAM_DEL pair-id", 5, 13, U64 },
	{ "STREAM_DEL stream", 5, 22, STRING, 63 },
	{ "STREAM_DEL stream-id", 5, 23, U64 },
	{ "STREAM_DEL error", 5, 33, U32 },

	{ "PING time", 6, 35, U64 },
	{ "PONG time", 7, 35, U64 },
	{ "BYE reason", 8, 34, STRING, 127 },
};

KUNIT_ARRAY_PARAM_DESC(field, fields, shown);

static const struct command {
	const char	*shown;
	u8		cmd;
	u8		highest;	/* attribute that it knows */
} cmds[] = {
	{ "HELLO", 1, 8 },
	{ "PAIR", 2, 21 },
	{ "FETCH", 3, 29 },
	{ "VALUES", 4, 32 },
	{ "STREAM_DEL", 5, 33 },
	{ "PING", 6, 35 },
	{ "PONG", 7, 35 },
	{ "BYE", 8, 34 },
};

KUNIT_ARRAY_PARAM_DESC(command, cmds, shown);

#define HEADERS		20
#define LARGEST		24576
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

static u64 number_of(const struct field *field)
{
	return 0x8877665544332200 + field->number;
}

static void put_raw(struct kunit *test, int type, int len, const void *data)
{
	struct message *message = test->priv;

	KUNIT_ASSERT_EQ(test, nla_put(message->skb, type, len, data), 0);
}

static struct nlattr *put_nest(struct kunit *test, int type)
{
	struct message *message = test->priv;
	struct nlattr *nest = nla_nest_start(message->skb, type);

	KUNIT_ASSERT_NOT_NULL(test, nest);
	return nest;
}

static void put_field(struct kunit *test, const struct field *field)
{
	struct message *message = test->priv;
	u64 number = number_of(field);
	u32 half = number;
	struct nlattr *nest;

	switch (field->kind) {
	case U32:
		put_raw(test, field->number, sizeof(half), &half);
		break;
	case U64:
		KUNIT_ASSERT_EQ(test, ndval_wire_put_u64(message->skb, field->number,
							 number), 0);
		break;
	case FLAG:
		put_raw(test, field->number, 0, NULL);
		break;
	case STRING:
		put_raw(test, field->number, sizeof(TEXT), TEXT);
		break;
	case SETTINGS:
		nest = put_nest(test, field->number);
		put_raw(test, 1, sizeof(number), &number);
		put_raw(test, 2, sizeof(half), &half);
		nla_nest_end(message->skb, nest);
		break;
	case VALUE:
		nest = put_nest(test, field->number);
		put_raw(test, 1, sizeof(number), &number);
		put_raw(test, 2, strlen(BYTES), BYTES);
		nla_nest_end(message->skb, nest);
		break;
	}
}

/* All attributes of a command, but for one (NULL: for none); not ended yet. */
static void begin_without(struct kunit *test, u8 cmd, const struct field *missing)
{
	struct message *message = test->priv;
	const struct field *field;

	message->header = ndval_wire_begin(message->skb, cmd);
	KUNIT_ASSERT_NOT_NULL(test, message->header);
	for (field = fields; field < fields + ARRAY_SIZE(fields); field++)
		if (field->cmd == cmd && field != missing)
			put_field(test, field);
}

static int end_and_parse(struct kunit *test)
{
	struct message *message = test->priv;

	ndval_wire_end(message->skb, message->header);
	KUNIT_ASSERT_EQ(test, message->header->nlmsg_len, message->skb->len);
	KUNIT_ASSERT_EQ(test, ndval_wire_check(message->header), 0);
	return ndval_wire_parse(message->header, message->attrs, &message->extack);
}

static void expect_field(struct kunit *test, const struct field *field)
{
	struct message *message = test->priv;
	struct nlattr *attr = message->attrs[field->number];
	struct nlattr *inner[4];
	u64 number = number_of(field);

	KUNIT_ASSERT_NOT_NULL_MSG(test, attr, "%s", field->shown);
	switch (field->kind) {
	case U32:
		KUNIT_EXPECT_EQ(test, nla_get_u32(attr), (u32)number);
		break;
	case U64:
		KUNIT_EXPECT_EQ(test, ndval_wire_u64(message->attrs, field->number),
				number);
		break;
	case FLAG:
		KUNIT_EXPECT_EQ(test, nla_len(attr), 0);
		break;
	case STRING:
		KUNIT_EXPECT_STREQ(test, nla_data(attr), TEXT);
		break;
	case SETTINGS:
		KUNIT_ASSERT_EQ(test, ndval_wire_parse_nested(attr, inner, 3,
							      ndval_wire_settings_nl_policy), 0);
		KUNIT_EXPECT_EQ(test, ndval_wire_u64(inner, 1), number);
		KUNIT_ASSERT_NOT_NULL(test, inner[2]);
		KUNIT_EXPECT_EQ(test, nla_get_u32(inner[2]), (u32)number);
		break;
	case VALUE:
		KUNIT_ASSERT_EQ(test, ndval_wire_parse_nested(attr, inner, 3,
							      ndval_wire_value_nl_policy), 0);
		KUNIT_EXPECT_EQ(test, ndval_wire_u64(inner, 1), number);
		KUNIT_ASSERT_NOT_NULL(test, inner[2]);
		KUNIT_ASSERT_EQ(test, nla_len(inner[2]), strlen(BYTES));
		KUNIT_EXPECT_MEMEQ(test, nla_data(inner[2]), BYTES, strlen(BYTES));
		break;
	}
}

static const struct field *find_field(u8 cmd, int number)
{
	const struct field *field;

	for (field = fields; field < fields + ARRAY_SIZE(fields); field++)
		if (field->cmd == cmd && field->number == number)
			return field;
	return NULL;
}

/* What is written is read, each attribute of each command, and nothing else. */
static void command_comes_back_as_it_was(struct kunit *test)
{
	const struct command *command = test->param_value;
	struct message *message = test->priv;
	int number;

	/* Of an earlier message: nothing stays. */
	memset(message->attrs, 0xff, sizeof(message->attrs));
	begin_without(test, command->cmd, NULL);
	KUNIT_ASSERT_EQ(test, end_and_parse(test), command->cmd);
	for (number = 0; number < NDVAL_WIRE_ATTRS; number++) {
		const struct field *field = find_field(command->cmd, number);

		if (field)
			expect_field(test, field);
		else
			KUNIT_EXPECT_NULL(test, message->attrs[number]);
	}
}

static void attribute_is_required_or_not(struct kunit *test)
{
	const struct field *field = test->param_value;
	struct message *message = test->priv;

	begin_without(test, field->cmd, field);
	if (!field->optional) {
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
	switch (field->kind) {
	case U32:
		return len == 4;
	case U64:
		return len == 8;
	case FLAG:
		return !len;
	default:
		return false;
	}
}

static void number_has_one_length(struct kunit *test, const struct field *field)
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
	u8 text[160];

	memset(text, 'x', sizeof(text));
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, 0, text), -EPROTO);
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, 1, text), -EPROTO);
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, field->limit, text), -EPROTO);
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, field->limit + 1, text), -EPROTO);
	text[0] = '\0';
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, 1, text), field->cmd);
	text[0] = 'x';
	text[field->limit] = '\0';
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, field->limit + 1, text),
			field->cmd);
	text[field->limit] = 'x';
	text[field->limit + 1] = '\0';
	KUNIT_EXPECT_EQ(test, parse_with(test, field, 0, field->limit + 2, text), -EPROTO);
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

	switch (field->kind) {
	case U32:
	case U64:
	case FLAG:
		number_has_one_length(test, field);
		break;
	case STRING:
		string_has_a_limit_and_a_nul(test, field);
		break;
	case SETTINGS:
	case VALUE:
		nest_has_attributes(test, field);
		break;
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

	if (field->kind == SETTINGS || field->kind == VALUE)
		kunit_skip(test, "it is one");
	KUNIT_EXPECT_EQ(test, parse_with(test, field, NLA_F_NESTED,
					 field->kind == FLAG ? 0 :
					 field->kind == U32 ? 4 : 8, zeros), -EPROTO);
}

/* Up to the highest one known, refused if of another command; above (and 0), ignored. */
static void attribute_of_others_is_refused_or_ignored(struct kunit *test)
{
	const struct command *command = test->param_value;
	struct message *message = test->priv;
	static const u16 far[] = { 0, 64, 1000, 0x3fff };
	static const u8 zeros[8];
	int number, i;

	for (number = 1; number <= 40; number++) {
		if (find_field(command->cmd, number))
			continue;
		begin_without(test, command->cmd, NULL);
		put_raw(test, number, sizeof(zeros), zeros);
		KUNIT_EXPECT_EQ_MSG(test, end_and_parse(test), number > command->highest ?
				    command->cmd : -EPROTO, "attribute %d", number);
	}
	for (i = 0; i < ARRAY_SIZE(far); i++) {
		begin_without(test, command->cmd, NULL);
		put_raw(test, far[i], sizeof(zeros), zeros);
		KUNIT_EXPECT_EQ_MSG(test, end_and_parse(test), command->cmd,
				    "attribute %d", far[i]);
		for (number = command->highest + 1; number < NDVAL_WIRE_ATTRS; number++)
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
	{ "command 9", { .cmd = 9, .version = 1 }, -EPROTO },
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

/* Bytes come first in their nest, and nothing of the room that they had. */
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
	struct ndval_value value;
	u8 *data;

	message->header = ndval_wire_begin(message->skb, NDVAL_WIRE_CMD_VALUES);
	data = ndval_value_begin(message->skb, NDVAL_WIRE_A_VALUE, 1000, &value);
	KUNIT_ASSERT_NOT_NULL(test, data);
	memset(data, 0xa5, 1000);
	memcpy(data, BYTES, 5);
	KUNIT_ASSERT_EQ(test, ndval_value_end(message->skb, &value, 0x0102030405060708, 5),
			0);
	put_raw(test, NDVAL_WIRE_A_STREAM, 2, "s");
	KUNIT_ASSERT_EQ(test, ndval_wire_put_u64(message->skb, NDVAL_WIRE_A_STREAM_ID,
						 U64_MAX), 0);
	ndval_wire_end(message->skb, message->header);
	KUNIT_ASSERT_EQ(test, message->skb->len, sizeof(values));
	KUNIT_EXPECT_MEMEQ(test, message->skb->data, values, sizeof(values));
}

static const struct length {
	const char	*shown;
	int		max;
	int		len;
} lengths[] = {
	{ "nothing of nothing", 0, 0 },
	{ "nothing", 16384, 0 },
	{ "1", 16384, 1 },
	{ "2", 16384, 2 },
	{ "3", 16384, 3 },
	{ "4", 16384, 4 },
	{ "5 of 5", 5, 5 },
	{ "5 of 6", 6, 5 },
	{ "a chunk less one", 16384, 4095 },
	{ "a chunk", 4096, 4096 },
	{ "a chunk and one", 16384, 4097 },
	{ "all but one", 16384, 16383 },
	{ "all", 16384, 16384 },
};

KUNIT_ARRAY_PARAM_DESC(length, lengths, shown);

/* Zeros pad the bytes, whatever stood there, and the message goes on behind. */
static void value_has_any_length(struct kunit *test)
{
	const struct length *length = test->param_value;
	struct message *message = test->priv;
	struct nlattr *inner[4];
	struct ndval_value value;
	u8 *data, *stored;
	int i;

	begin_without(test, 4, find_field(4, 32));
	i = message->skb->len;
	data = ndval_value_begin(message->skb, NDVAL_WIRE_A_VALUE, length->max, &value);
	KUNIT_ASSERT_NOT_NULL(test, data);
	memset(data, 0xa5, length->max);
	KUNIT_ASSERT_EQ(test, ndval_value_end(message->skb, &value, BIT_ULL(62),
					      length->len), 0);
	KUNIT_EXPECT_EQ(test, message->skb->len, i + 20 + ALIGN(length->len, 4));
	KUNIT_ASSERT_EQ(test, ndval_wire_put_u64(message->skb, NDVAL_WIRE_A_TAIL, 77), 0);

	KUNIT_ASSERT_EQ(test, end_and_parse(test), 4);
	KUNIT_EXPECT_EQ(test, ndval_wire_u64(message->attrs, NDVAL_WIRE_A_TAIL), 77);
	KUNIT_ASSERT_EQ(test, ndval_wire_parse_nested(message->attrs[32], inner, 3,
						      ndval_wire_value_nl_policy), 0);
	KUNIT_EXPECT_EQ(test, ndval_wire_u64(inner, 1), BIT_ULL(62));
	KUNIT_ASSERT_NOT_NULL(test, inner[2]);
	KUNIT_ASSERT_EQ(test, nla_len(inner[2]), length->len);
	stored = nla_data(inner[2]);
	KUNIT_EXPECT_NULL(test, memchr_inv(stored, 0xa5, length->len));
	for (i = length->len; i % 4; i++)
		KUNIT_EXPECT_EQ(test, stored[i], 0);
}

/* Every name and value as long as it may be: that is a message, too. */
static void largest_values_fit(struct kunit *test)
{
	struct message *message = test->priv;
	struct sk_buff *skb = message->skb;
	const struct field *field;
	struct ndval_value value;
	char name[64] = "";
	u8 *data;

	memset(name, 'n', 63);
	message->header = ndval_wire_begin(skb, 4);
	for (field = fields; field < fields + ARRAY_SIZE(fields); field++) {
		if (field->cmd != 4 || field->kind == VALUE)
			continue;
		if (field->kind == STRING)
			put_raw(test, field->number, sizeof(name), name);
		else
			put_field(test, field);
	}
	data = ndval_value_begin(skb, NDVAL_WIRE_A_VALUE, NDVAL_WIRE_VALUES_MAX, &value);
	KUNIT_ASSERT_NOT_NULL(test, data);
	memset(data, 0xa5, NDVAL_WIRE_VALUES_MAX);
	KUNIT_ASSERT_EQ(test, ndval_value_end(skb, &value, 0, NDVAL_WIRE_VALUES_MAX), 0);
	KUNIT_EXPECT_EQ(test, end_and_parse(test), 4);
	KUNIT_EXPECT_EQ(test, nla_len(message->attrs[9]), 64);
}

/* Where there is no room, all say so, and write nothing beyond. */
static void no_room_is_an_error(struct kunit *test)
{
	struct message *message = test->priv;
	struct sk_buff *skb = message->skb;
	struct ndval_value value;
	int room;

	message->header = ndval_wire_begin(skb, 4);
	skb_put_zero(skb, skb_tailroom(skb) - 11);
	KUNIT_EXPECT_EQ(test, ndval_wire_put_u64(skb, 35, 1), -EMSGSIZE);
	skb_put_zero(skb, 8);
	KUNIT_EXPECT_NULL(test, ndval_value_begin(skb, 32, 0, &value));

	message->header = ndval_wire_begin(skb, 4);
	room = skb_tailroom(skb) & ~3;
	KUNIT_EXPECT_NULL(test, ndval_value_begin(skb, 32, room - 7, &value));

	message->header = ndval_wire_begin(skb, 4);
	KUNIT_ASSERT_NOT_NULL(test, ndval_value_begin(skb, 32, room - 8, &value));
	KUNIT_EXPECT_EQ(test, ndval_value_end(skb, &value, 0, room - 8 - 11), -EMSGSIZE);

	message->header = ndval_wire_begin(skb, 4);
	KUNIT_ASSERT_NOT_NULL(test, ndval_value_begin(skb, 32, room - 8, &value));
	KUNIT_EXPECT_EQ(test, ndval_value_end(skb, &value, 0, room - 8 - 12), 0);
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
