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
 * @reserved: zero
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
	__aligned_u64	reserved[5];
};

#define NDVAL_IOC_MAGIC		0xD7
#define NDVAL_IOC_BIND		_IOW(NDVAL_IOC_MAGIC, 1, struct ndval_binding)
#define NDVAL_IOC_INFO		_IOR(NDVAL_IOC_MAGIC, 2, struct ndval_info)

#endif /* _UAPI_LINUX_NDVAL_H */
