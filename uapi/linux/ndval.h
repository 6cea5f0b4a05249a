/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * ndval: the same nondeterministic values for redundant copies of an
 * application. What a program does with an open /dev/ndval or
 * /dev/ndval-NAME beyond read(2), readv(2), io_uring and poll(2).
 *
 * read(2) gives the next bytes of the file's stream for the file's instance.
 * A file is bound to a stream and an instance once, by NDVAL_IOC_BIND before
 * anything else is done with it, or by its first use to the stream "default"
 * and instance 0. All files bound to one (stream, instance) share a cursor:
 * no two of them get the same bytes.
 *
 * Errors of read(2):
 *
 * EAGAIN	O_NONBLOCK and nothing deliverable now
 * EFAULT	bad buffer, and nothing was delivered
 * EINTR	interrupted before anything was delivered (or restarted)
 * ENODEV	the pair was removed
 * ENOMEM	memory_max or total_max is reached
 * ENOSPC	the stream can't be made: max_streams is reached here or at a peer
 * ENXIO	the instance is not expected, or unbound use and bind=required
 * EOVERFLOW	offset 2^63 is reached
 * EPIPE	lost: the next value has left the window; until repositioned
 * ESTALE	diverged (the pair, or this copy), fenced, or the stream was deleted
 * ETIMEDOUT	nothing deliverable within read_timeout_ms
 */
#ifndef _UAPI_LINUX_NDVAL_H
#define _UAPI_LINUX_NDVAL_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Bytes of a name with its terminating NUL. */
#define NDVAL_NAME_SIZE		64

/* Instances of a pair on one member are numbered 0 to NDVAL_INSTANCES - 1. */
#define NDVAL_INSTANCES		8

/* EBUSY if another open file has this stream's instance. */
#define NDVAL_BIND_EXCL		0x1

/**
 * struct ndval_binding - argument of NDVAL_IOC_BIND
 * @stream: NUL-terminated name, 1 to 63 of [A-Za-z0-9._:/-], not starting
 *	with '.' or '/'; empty means "default". A stream that is not there yet
 *	is made.
 * @instance: 0 to 7
 * @flags: NDVAL_BIND_EXCL or 0
 *
 * Errors: EBUSY the file is bound, or NDVAL_BIND_EXCL and another file has
 * the instance's stream (also while that other file was bound with
 * NDVAL_BIND_EXCL); EINVAL bad name, instance or flags; EFAULT; ENXIO
 * instance not expected; ENOSPC, ENOMEM the stream can't be made; ENODEV,
 * EAGAIN (O_NONBLOCK) as for read.
 */
struct ndval_binding {
	char	stream[NDVAL_NAME_SIZE];
	__u32	instance;
	__u32	flags;
};

/* Flags of struct ndval_info. */
#define NDVAL_INFO_LOST		0x1	/* reads give EPIPE */
#define NDVAL_INFO_ASKED	0x2	/* not confirmed by the primary */
#define NDVAL_INFO_JOURNAL_LOST	0x4	/* clocks and agreed values give EPIPE */

/**
 * struct ndval_info - result of NDVAL_IOC_INFO
 * @pair: local name of the pair
 * @stream: name of the bound stream
 * @instance: bound instance
 * @flags: NDVAL_INFO_*
 * @role: enum ndval_role of linux/ndval_netlink.h
 * @health: enum ndval_health of linux/ndval_netlink.h
 * @incarnation: random id of the pair's whole life; 0, not known yet
 * @epoch: number of the epoch; 0, not known yet
 * @epoch_id: random identity of the epoch
 * @position: next offset of the instance, in bytes
 * @tail: lowest recorded offset
 * @head: end of what is recorded
 * @committed: end up to which every connected peer stores the stream
 * @journal_position: place of the instance's next record of the journal, in bytes
 *	from its start
 * @journal_tail: lowest place of a record that is kept
 * @journal_head: end of the journal
 * @journal_committed: as @committed, of the journal
 * @reserved: zero
 *
 * The journal's figures are 0 before the stream has one.
 */
struct ndval_info {
	char		pair[NDVAL_NAME_SIZE];
	char		stream[NDVAL_NAME_SIZE];
	__u32		instance;
	__u32		flags;
	__u32		role;
	__u32		health;
	__aligned_u64	incarnation;
	__aligned_u64	epoch;
	__aligned_u64	epoch_id;
	__aligned_u64	position;
	__aligned_u64	tail;
	__aligned_u64	head;
	__aligned_u64	committed;
	__aligned_u64	journal_position;
	__aligned_u64	journal_tail;
	__aligned_u64	journal_head;
	__aligned_u64	journal_committed;
	__aligned_u64	reserved;
};

/*
 * The journal: clock readings and agreed values. Whichever copy of the application
 * comes first to a place of a stream's journal has the value recorded there; every
 * other one gets it. A copy that asks for something else than what is recorded
 * (another clock, a clock where a value was agreed) has diverged: ESTALE.
 *
 * A call that was interrupted (EINTR) or had to wait too long (ETIMEDOUT, EAGAIN) has
 * delivered nothing, but what it asked for may be recorded: call again for the same.
 */

/*
 * Clocks: CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME and CLOCK_TAI of
 * linux/time.h, and the cycle counter (of a host without one, nanoseconds).
 */
#define NDVAL_CLOCK_CYCLES	0x100

/**
 * struct ndval_clock - argument and result of NDVAL_IOC_CLOCK
 * @clock: which clock
 * @flags: 0
 * @value: the recorded reading, in nanoseconds, or cycles; never below an earlier one
 *	of the same clock in the pair with the same @steps
 * @steps: of CLOCK_REALTIME and CLOCK_TAI, how often the clock was set in the pair's
 *	life; 0 of others
 * @frequency: units of @value per second
 *
 * CLOCK_MONOTONIC, CLOCK_BOOTTIME and the cycle counter are the pair's: they go on
 * where another host takes over, and are not to be used as absolute time-outs of the
 * kernel.
 *
 * Errors: EINVAL no such clock, or flags; EFAULT; EINTR, ETIMEDOUT, EAGAIN (O_NONBLOCK)
 * see above; EPIPE, ESTALE, ENODEV, ENOMEM, ENOSPC, ENXIO, EOVERFLOW as read(2).
 */
struct ndval_clock {
	__u32		clock;
	__u32		flags;
	__aligned_u64	value;
	__aligned_u64	steps;
	__aligned_u64	frequency;
};

/* Most bytes of an agreed value. */
#define NDVAL_AGREED_MAX	4096

/**
 * struct ndval_agreement - argument and result of NDVAL_IOC_AGREE
 * @in: address of the value that is offered
 * @out: address that gets the one that is recorded: this one if this copy came
 *	first, the other's if not. May be the same as @in.
 * @in_length: bytes that are offered, 0 to NDVAL_AGREED_MAX
 * @out_size: room at @out, in bytes
 * @out_length: set to the length of what is recorded
 * @flags: 0
 *
 * Errors: EMSGSIZE @in_length is more than NDVAL_AGREED_MAX; ENOBUFS what is recorded
 * does not fit into @out_size: nothing is delivered, @out_length says how much room it
 * needs; EINVAL flags; others as NDVAL_IOC_CLOCK.
 */
struct ndval_agreement {
	__aligned_u64	in;
	__aligned_u64	out;
	__u32		in_length;
	__u32		out_size;
	__u32		out_length;
	__u32		flags;
};

/**
 * struct ndval_record - what stands before the value of a record of a journal
 * @kind: enum ndval_value_kind of linux/ndval_netlink.h, not random
 * @length: bytes of the value that follows
 * @place: offset of the record in its journal
 * @origin: identity of the member's pair object at which it was asked for first
 * @instance: instance there
 * @pid: process there
 * @comm: name of that process; a peer's may have any bytes
 *
 * As values-get of the family tells of a journal, and hosts tell each other;
 * little-endian. The value of a clock is two 64-bit numbers, the reading and how often
 * the clock was set; of cycles the second is their frequency in kHz. After the value
 * come zeroes up to a multiple of 8 bytes.
 */
struct ndval_record {
	__u32		kind;
	__u32		length;
	__aligned_u64	place;
	__aligned_u64	origin;
	__u32		instance;
	__u32		pid;
	char		comm[16];
};

#define NDVAL_IOC_MAGIC		0xD7
#define NDVAL_IOC_BIND		_IOW(NDVAL_IOC_MAGIC, 1, struct ndval_binding)
#define NDVAL_IOC_INFO		_IOR(NDVAL_IOC_MAGIC, 2, struct ndval_info)
#define NDVAL_IOC_CLOCK		_IOWR(NDVAL_IOC_MAGIC, 3, struct ndval_clock)
#define NDVAL_IOC_AGREE		_IOWR(NDVAL_IOC_MAGIC, 4, struct ndval_agreement)

#endif /* _UAPI_LINUX_NDVAL_H */
