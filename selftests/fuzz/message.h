/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The language of the fuzzers' inputs: bytes that become messages in netlink's
 * form, well made unless the bytes ask for damage. So mutations change meaning
 * and keep form, and any recorded message can be written down.
 *
 *	message	 command flags count attribute*
 *	attribute type kind content
 *	record	 kind, 16-bit length, how (enum how), corner, more: the reading
 *
 * Numbers have one byte where nothing else is said; what lies beyond the end
 * of the input is 0.
 */
#ifndef NDVAL_FUZZ_MESSAGE_H
#define NDVAL_FUZZ_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libmnl/libmnl.h>

/* Room for a message, larger than any that the kernel takes. */
#define MESSAGE_ROOM	65536

enum kind {
	KIND_RAW,	/* length byte* */
	KIND_U32,	/* a corner, and a small number to add */
	KIND_U64,	/* the same */
	KIND_NAME,	/* which of the names */
	KIND_FLAG,
	KIND_NEST,	/* count attribute* */
	KIND_KNOWN,	/* what fits here and now; the fuzzer knows */
	KIND_FILLED,	/* a 16-bit length: so many bytes as a primary would have */
	KIND_RECORDS,	/* a 16-bit place in units of 8, count record*: of a journal */
	KINDS,

	KIND_MASK = 0x0f,
	KIND_WRAPPED = 0x40,	/* the flag of nests is wrong */
	KIND_DAMAGED = 0x80,	/* a signed number to add to the length follows */
};

/* What is wrong with a record. */
enum how {
	HOW_INSTANCE = 0x0f,	/* which; there are 8 */
	HOW_LENGTH = 0x10,	/* that of a clock is the input's */
	HOW_PLACE = 0x20,
	HOW_PADDING = 0x40,
	HOW_SHORT = 0x80,	/* it is longer than what is there of it */
};

struct input {
	const uint8_t	*at, *end;
};

/* Most bytes of a value that only the fuzzer knows. */
#define KNOWN_MAX	128

/* A value that only the fuzzer knows; returns its length. */
typedef size_t (*known_t)(void *context, int type, void *value);

uint8_t input_byte(struct input *input);
uint64_t input_number(struct input *input, size_t bytes);
size_t input_bytes(struct input *input, const uint8_t **bytes, size_t len);
bool input_ended(const struct input *input);

const char *name_of(uint8_t number);
int number_of(const char *name);
uint64_t corner_of(uint8_t number, int8_t more);
void message_attrs(struct input *input, struct nlmsghdr *nlh, known_t known, void *context);

#endif /* NDVAL_FUZZ_MESSAGE_H */
