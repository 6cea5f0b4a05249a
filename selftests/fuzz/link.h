/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What is no message in an input of link.c, and what is done to messages.
 */
#ifndef NDVAL_FUZZ_LINK_H
#define NDVAL_FUZZ_LINK_H

/* Commands that are no messages. */
enum step {
	STEP_RAW = 0xf0,	/* length byte*: any bytes */
	STEP_READ,		/* how much: a reader of either pair */
	STEP_PROMOTE,
	STEP_RESYNC,
	STEP_STREAM_DEL,	/* which of the names */
	STEP_SET,		/* setting, corner, more */
	STEP_SYNC,		/* wait until all was seen */
	STEP_REPLACE,		/* a new link, greeted, takes over */
	STEP_HALF_CLOSE,
	STEP_TAKE_OVER,
	STEP_DEMOTE,
	STEP_SWITCHOVER,
	STEP_OUTDATE,
	STEP_CLOCK,		/* which: a copy reads a clock */
	STEP_AGREE,		/* length: a copy offers a value */
	STEP_PROMOTED,		/* we are the primary of a new epoch */
};

/* Of a message or step. */
#define OPTION_SEC	0x01	/* about the pair of which the kernel is secondary */
#define OPTION_LENGTH	0x02	/* a signed number to add to the length */
#define OPTION_CUT	0x04	/* so many bytes of it are not sent */
#define OPTION_HEADER	0x08	/* another type, flags, version, reserved */
#define OPTION_JOURNAL	0x10	/* the stream's id is its journal's */

#endif /* NDVAL_FUZZ_LINK_H */
