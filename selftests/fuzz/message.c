// SPDX-License-Identifier: GPL-2.0-only
/*
 * Bytes to messages; message.h tells the language.
 */
#include "message.h"

#include <string.h>

#include "../guest/common.h"
#include "../guest/peer.h"

#define NEST_MAX	3
#define ATTRS_MAX	48

uint8_t input_byte(struct input *input)
{
	return input->at < input->end ? *input->at++ : 0;
}

/* Little-endian. */
uint64_t input_number(struct input *input, size_t bytes)
{
	uint64_t number = 0;
	size_t i;

	for (i = 0; i < bytes; i++)
		number |= (uint64_t)input_byte(input) << (8 * i);
	return number;
}

/* At most @len bytes that are left; returns how many. */
size_t input_bytes(struct input *input, const uint8_t **bytes, size_t len)
{
	size_t left = input->end - input->at;

	*bytes = input->at;
	len = len < left ? len : left;
	input->at += len;
	return len;
}

bool input_ended(const struct input *input)
{
	return input->at >= input->end;
}

/* The first ones are there; what follows can be made, or must be refused. */
static const char * const names[] = {
	"m1", "m2", "web1", "web2", "web", "solo", "default", "prim", "sec", "s",
	"two", "worker/1", "a", "b", "new", "new2", "x.y-z_0", "",
	".hidden", "/slash", "with space", "n\xc3\xa4me", "../../etc", "%s%n",
	"123456789012345678901234567890123456789012345678901234567890123",
	"1234567890123456789012345678901234567890123456789012345678901234",
};

const char *name_of(uint8_t number)
{
	return names[number % ARRAY_LEN(names)];
}

/* The number of a name, -1 if it is none of ours. */
int number_of(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(names); i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

/* A number that is more likely than others to hurt. */
uint64_t corner_of(uint8_t number, int8_t more)
{
	static const uint64_t corners[] = {
		0, 1, 64, 100, 4096, 8192, 16384, 65536, 1 << 18, 1 << 20, 64 << 20,
		1ULL << 31, 1ULL << 32, 1ULL << 62, 1ULL << 63, FAKE_STREAM_ID,
	};

	return corners[number % ARRAY_LEN(corners)] + (int64_t)more;
}

static void put_filled(struct nlmsghdr *nlh, int type, size_t len, uint64_t offset)
{
	static char bytes[MESSAGE_ROOM];

	if (mnl_nlmsg_get_payload_len(nlh) + len > MESSAGE_ROOM / 2)
		len = 0;
	pattern_fill(bytes, offset, len);
	mnl_attr_put(nlh, type, len, bytes);
}

static bool is_clock(__u32 kind)
{
	return kind >= NDVAL_VALUE_KIND_REALTIME && kind <= NDVAL_VALUE_KIND_CYCLES;
}

/* Returns how many bytes of it are to be sent; of what is @asked for, a clock has none. */
static size_t make_record(struct input *input, struct record *record, uint64_t place,
			  bool asked)
{
	uint64_t reading[2] = { 0, 1 };
	size_t len;
	int how;

	memset(record, 0, sizeof(*record));
	record->kind = input_byte(input);
	record->length = input_number(input, 2);
	how = input_byte(input);
	reading[0] = corner_of(input_byte(input), input_byte(input));
	record->instance = how & HOW_INSTANCE;
	record->place = how & HOW_PLACE ? place + 8 : place;
	memcpy(record->comm, "fuzz", sizeof("fuzz"));
	if (is_clock(record->kind) && !(how & HOW_LENGTH))
		record->length = asked ? 0 : sizeof(reading);
	len = record->length < sizeof(record->value) ? record->length : sizeof(record->value);
	if (is_clock(record->kind))
		memcpy(record->value, reading, sizeof(reading));
	else
		memset(record->value, (int)reading[0], len);
	len = asked ? RECORD_HEAD + len : RECORD_SIZE(len);
	if (how & HOW_PADDING)
		((char *)record)[len - 1] ^= 1;
	return how & HOW_SHORT ? len - 8 : len;
}

/* One behind the other. */
static void put_records(struct input *input, struct nlmsghdr *nlh, int type, bool asked)
{
	static char bytes[MESSAGE_ROOM / 2] __attribute__((aligned(8)));
	struct record record;
	uint64_t place = input_number(input, 2) * 8;
	int count = input_byte(input);
	size_t len = 0, one;

	while (count-- && !input_ended(input) && len + sizeof(record) <= sizeof(bytes)) {
		one = make_record(input, &record, place + len, asked);
		memcpy(bytes + len, &record, one);
		len += one;
	}
	if (mnl_nlmsg_get_payload_len(nlh) + len > MESSAGE_ROOM / 2)
		len = 0;
	mnl_attr_put(nlh, type, len, bytes);
}

static void put_attrs(struct input *input, struct nlmsghdr *nlh, known_t known,
		      void *context, int depth);

static void put_one(struct input *input, struct nlmsghdr *nlh, int type, int kind,
		    known_t known, void *context, int depth)
{
	const uint8_t *bytes;
	struct nlattr *nest;
	uint64_t number;
	char value[KNOWN_MAX] __attribute__((aligned(8)));
	size_t len;

	switch (kind & KIND_MASK) {
	case KIND_U32:
		number = corner_of(input_byte(input), input_byte(input));
		mnl_attr_put_u32(nlh, type, number);
		break;
	case KIND_U64:
		number = corner_of(input_byte(input), input_byte(input));
		mnl_attr_put_u64(nlh, type, number);
		break;
	case KIND_NAME:
		mnl_attr_put_strz(nlh, type, name_of(input_byte(input)));
		break;
	case KIND_FLAG:
		mnl_attr_put(nlh, type, 0, NULL);
		break;
	case KIND_NEST:
		nest = mnl_attr_nest_start(nlh, type);
		if (depth < NEST_MAX)
			put_attrs(input, nlh, known, context, depth + 1);
		mnl_attr_nest_end(nlh, nest);
		break;
	case KIND_KNOWN:
		len = known(context, type, value);
		mnl_attr_put(nlh, type, len, value);
		break;
	case KIND_FILLED:
		len = input_number(input, 2);
		number = corner_of(input_byte(input), input_byte(input));
		put_filled(nlh, type, len, number);
		break;
	case KIND_RECORDS:
		/* Those of VALUES are in a nest. */
		put_records(input, nlh, type, !depth);
		break;
	default:
		len = input_bytes(input, &bytes, input_byte(input));
		mnl_attr_put(nlh, type, len, bytes);
	}
}

static void put_attrs(struct input *input, struct nlmsghdr *nlh, known_t known,
		      void *context, int depth)
{
	int count = input_byte(input) % ATTRS_MAX;

	while (count-- && !input_ended(input) && nlh->nlmsg_len < MESSAGE_ROOM / 2) {
		struct nlattr *attr = mnl_nlmsg_get_payload_tail(nlh);
		int type = input_byte(input);
		int kind = input_byte(input);

		put_one(input, nlh, type, kind, known, context, depth);
		if (kind & KIND_WRAPPED)
			attr->nla_type ^= NLA_F_NESTED;
		if (kind & KIND_DAMAGED)
			attr->nla_len += (int8_t)input_byte(input);
	}
}

/* Adds the attributes that the input tells to a message that has its headers. */
void message_attrs(struct input *input, struct nlmsghdr *nlh, known_t known, void *context)
{
	put_attrs(input, nlh, known, context, 0);
}
