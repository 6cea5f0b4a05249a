/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/ndval.yaml */
/* YNL-GEN uapi header */

#ifndef _UAPI_LINUX_NDVAL_NETLINK_H
#define _UAPI_LINUX_NDVAL_NETLINK_H

#define NDVAL_FAMILY_NAME	"ndval"
#define NDVAL_FAMILY_VERSION	1

#define NDVAL_NAME_MAX		63
#define NDVAL_INSTANCES_MAX	8
#define NDVAL_VALUES_MAX	4096
#define NDVAL_RECORDS_MAX	8192

/**
 * enum ndval_role - What a member is to a pair.
 * @NDVAL_ROLE_SECONDARY: Obtains duplicates.
 * @NDVAL_ROLE_PRIMARY: Issues values.
 */
enum ndval_role {
	NDVAL_ROLE_SECONDARY,
	NDVAL_ROLE_PRIMARY,
};

/**
 * enum ndval_health - Would a failover now lose or change a value?
 * @NDVAL_HEALTH_STANDALONE: The pair has no configured peer.
 * @NDVAL_HEALTH_PROTECTED: Every configured peer stores every value delivered
 *   so far.
 * @NDVAL_HEALTH_AT_RISK: A configured peer is connected but behind, or missing
 *   beside one in sync.
 * @NDVAL_HEALTH_ALONE: No configured peer is connected.
 * @NDVAL_HEALTH_SUSPENDED: Waits for a lost peer or for the word that it is
 *   outdated.
 * @NDVAL_HEALTH_FENCED: The host was cloned, or its memory went back; nothing
 *   is delivered.
 * @NDVAL_HEALTH_DIVERGED: Values were delivered here that the pair does not
 *   have; or a copy of the application, here or at a peer, has diverged from
 *   another.
 */
enum ndval_health {
	NDVAL_HEALTH_STANDALONE,
	NDVAL_HEALTH_PROTECTED,
	NDVAL_HEALTH_AT_RISK,
	NDVAL_HEALTH_ALONE,
	NDVAL_HEALTH_SUSPENDED,
	NDVAL_HEALTH_FENCED,
	NDVAL_HEALTH_DIVERGED,
};

/**
 * enum ndval_overflow - What happens when the slowest expected instance holds
 *   a full window.
 * @NDVAL_OVERFLOW_DROP: The slowest instance is declared lost and the window
 *   moves; with commit async, also without a peer that does not keep up.
 * @NDVAL_OVERFLOW_STALL: The window stays and readers wait.
 */
enum ndval_overflow {
	NDVAL_OVERFLOW_DROP,
	NDVAL_OVERFLOW_STALL,
};

/**
 * enum ndval_bind - Whether a file may be read without NDVAL_IOC_BIND.
 */
enum ndval_bind {
	NDVAL_BIND_ANY,
	NDVAL_BIND_REQUIRED,
};

/**
 * enum ndval_commit - When a value is given to an instance.
 * @NDVAL_COMMIT_ASYNC: At once; fsync on the node waits until it is safe.
 * @NDVAL_COMMIT_SYNC: When every member that is in sync stores it.
 */
enum ndval_commit {
	NDVAL_COMMIT_ASYNC,
	NDVAL_COMMIT_SYNC,
};

/**
 * enum ndval_on_peer_loss - What a primary does when it loses a member that
 *   was counted.
 * @NDVAL_ON_PEER_LOSS_CONTINUE: Goes on without it at once.
 * @NDVAL_ON_PEER_LOSS_SUSPEND: Gives no value until it is back, or
 *   peer-outdate was said of it.
 */
enum ndval_on_peer_loss {
	NDVAL_ON_PEER_LOSS_CONTINUE,
	NDVAL_ON_PEER_LOSS_SUSPEND,
};

/**
 * enum ndval_on_divergence - What happens to a copy of the application that
 *   diverged from another.
 * @NDVAL_ON_DIVERGENCE_FAIL: Its reads fail with ESTALE.
 * @NDVAL_ON_DIVERGENCE_REPORT: It is reported, and its reads go on.
 */
enum ndval_on_divergence {
	NDVAL_ON_DIVERGENCE_FAIL,
	NDVAL_ON_DIVERGENCE_REPORT,
};

/**
 * enum ndval_value_kind - What a value is.
 * @NDVAL_VALUE_KIND_RANDOM: Random bytes.
 * @NDVAL_VALUE_KIND_REALTIME: A reading of CLOCK_REALTIME.
 * @NDVAL_VALUE_KIND_MONOTONIC: A reading of CLOCK_MONOTONIC.
 * @NDVAL_VALUE_KIND_BOOTTIME: A reading of CLOCK_BOOTTIME.
 * @NDVAL_VALUE_KIND_TAI: A reading of CLOCK_TAI.
 * @NDVAL_VALUE_KIND_CYCLES: A reading of the cycle counter.
 * @NDVAL_VALUE_KIND_AGREED: An agreed value.
 */
enum ndval_value_kind {
	NDVAL_VALUE_KIND_RANDOM,
	NDVAL_VALUE_KIND_REALTIME,
	NDVAL_VALUE_KIND_MONOTONIC,
	NDVAL_VALUE_KIND_BOOTTIME,
	NDVAL_VALUE_KIND_TAI,
	NDVAL_VALUE_KIND_CYCLES,
	NDVAL_VALUE_KIND_AGREED,
};

/**
 * enum ndval_membership - What a configured peer is to the primary's commit.
 * @NDVAL_MEMBERSHIP_OUT: Nothing waits for it, and it can't take the pair
 *   over.
 * @NDVAL_MEMBERSHIP_COUNTED: Values wait until it stores them; it does not yet
 *   store all earlier ones.
 * @NDVAL_MEMBERSHIP_IN_SYNC: It stores every value given to an instance
 *   anywhere, and was told so.
 */
enum ndval_membership {
	NDVAL_MEMBERSHIP_OUT,
	NDVAL_MEMBERSHIP_COUNTED,
	NDVAL_MEMBERSHIP_IN_SYNC,
};

enum ndval_switch {
	NDVAL_SWITCH_OFF,
	NDVAL_SWITCH_ON,
};

/**
 * enum ndval_peer_state - What a configured peer is to this member, seen from
 *   here.
 * @NDVAL_PEER_STATE_DISCONNECTED: No link.
 * @NDVAL_PEER_STATE_CONNECTING: A link is up, the peer has not spoken of this
 *   pair: it has no such pair, or does not list this member as a peer.
 * @NDVAL_PEER_STATE_WAITING: Connected, but no values flow between the two:
 *   both are secondaries, or one has not joined the other's epoch.
 * @NDVAL_PEER_STATE_BEHIND: Connected, does not store everything delivered so
 *   far.
 * @NDVAL_PEER_STATE_IN_SYNC: Connected, stores everything delivered so far.
 * @NDVAL_PEER_STATE_REFUSED: Connected, but the two sides hold different lives
 *   of the pair.
 */
enum ndval_peer_state {
	NDVAL_PEER_STATE_DISCONNECTED,
	NDVAL_PEER_STATE_CONNECTING,
	NDVAL_PEER_STATE_WAITING,
	NDVAL_PEER_STATE_BEHIND,
	NDVAL_PEER_STATE_IN_SYNC,
	NDVAL_PEER_STATE_REFUSED,
};

/**
 * enum ndval_link_state
 * @NDVAL_LINK_STATE_HANDSHAKE: HELLO sent, the peer's not received yet.
 * @NDVAL_LINK_STATE_UP: Carries the pairs the two members share.
 * @NDVAL_LINK_STATE_RETIRED: Replaced by a newer link, being read to its end.
 * @NDVAL_LINK_STATE_CLOSING: Being torn down.
 */
enum ndval_link_state {
	NDVAL_LINK_STATE_HANDSHAKE,
	NDVAL_LINK_STATE_UP,
	NDVAL_LINK_STATE_RETIRED,
	NDVAL_LINK_STATE_CLOSING,
};

/**
 * enum ndval_event_kind
 * @NDVAL_EVENT_KIND_PAIR_CHANGE: Role, epoch, health or a setting changed.
 * @NDVAL_EVENT_KIND_PEER_CHANGE: A peer's state changed.
 * @NDVAL_EVENT_KIND_INSTANCE_LOST: An instance's next value has left the
 *   window.
 * @NDVAL_EVENT_KIND_INSTANCE_SET: An instance was repositioned.
 * @NDVAL_EVENT_KIND_DIVERGED: Of a pair, values were delivered here that the
 *   pair does not have. With a stream and an instance, a copy of the
 *   application took its values in other pieces than another copy, or asked
 *   for another kind.
 * @NDVAL_EVENT_KIND_VALUES_READ: Somebody looked at values (values-get).
 * @NDVAL_EVENT_KIND_OP_DONE: The operation with this id has ended, with this
 *   error; reason says why.
 * @NDVAL_EVENT_KIND_PEER_LOST: A primary lost a peer that was counted. With
 *   on-peer-loss=suspend nothing is given until it is back or peer-outdate was
 *   said of it.
 * @NDVAL_EVENT_KIND_FORCED: A promotion was forced; values may have been lost
 *   or changed.
 * @NDVAL_EVENT_KIND_CLOCK_STEP: A clock of the pair was set at the primary,
 *   and readings follow; value-kind says which, step by how much.
 * @NDVAL_EVENT_KIND_CLOCK_SKEW: The clock of a connected peer differs from
 *   this host's by more than skew-max-ms, or does no more; reason says which,
 *   skew by how much.
 */
enum ndval_event_kind {
	NDVAL_EVENT_KIND_PAIR_NEW,
	NDVAL_EVENT_KIND_PAIR_DEL,
	NDVAL_EVENT_KIND_PAIR_CHANGE,
	NDVAL_EVENT_KIND_PEER_CHANGE,
	NDVAL_EVENT_KIND_LINK_UP,
	NDVAL_EVENT_KIND_LINK_DOWN,
	NDVAL_EVENT_KIND_STREAM_NEW,
	NDVAL_EVENT_KIND_STREAM_DEL,
	NDVAL_EVENT_KIND_INSTANCE_LOST,
	NDVAL_EVENT_KIND_INSTANCE_SET,
	NDVAL_EVENT_KIND_DIVERGED,
	NDVAL_EVENT_KIND_VALUES_READ,
	NDVAL_EVENT_KIND_FENCED,
	NDVAL_EVENT_KIND_OP_DONE,
	NDVAL_EVENT_KIND_PEER_LOST,
	NDVAL_EVENT_KIND_FORCED,
	NDVAL_EVENT_KIND_CLOCK_STEP,
	NDVAL_EVENT_KIND_CLOCK_SKEW,
};

enum {
	NDVAL_A_MEMBER_NAME = 1,
	NDVAL_A_MEMBER_HOST,
	NDVAL_A_MEMBER_ID,
	NDVAL_A_MEMBER_PAIRS,
	NDVAL_A_MEMBER_LINKS,
	NDVAL_A_MEMBER_VM_CLONE,
	NDVAL_A_MEMBER_PAD,

	__NDVAL_A_MEMBER_MAX,
	NDVAL_A_MEMBER_MAX = (__NDVAL_A_MEMBER_MAX - 1)
};

enum {
	NDVAL_A_PAIR_NAME = 1,
	NDVAL_A_PAIR_GROUP,
	NDVAL_A_PAIR_MEMBER,
	NDVAL_A_PAIR_PEER,
	NDVAL_A_PAIR_UID,
	NDVAL_A_PAIR_GID,
	NDVAL_A_PAIR_MODE,
	NDVAL_A_PAIR_BIND,
	NDVAL_A_PAIR_RING_SIZE,
	NDVAL_A_PAIR_RETAIN,
	NDVAL_A_PAIR_PREFETCH,
	NDVAL_A_PAIR_MAX_STREAMS,
	NDVAL_A_PAIR_MEMORY_MAX,
	NDVAL_A_PAIR_OVERFLOW,
	NDVAL_A_PAIR_INSTANCES,
	NDVAL_A_PAIR_READ_TIMEOUT_MS,
	NDVAL_A_PAIR_PEER_TIMEOUT_MS,
	NDVAL_A_PAIR_INSPECT,
	NDVAL_A_PAIR_ROLE,
	NDVAL_A_PAIR_HEALTH,
	NDVAL_A_PAIR_INCARNATION,
	NDVAL_A_PAIR_EPOCH,
	NDVAL_A_PAIR_EPOCH_ID,
	NDVAL_A_PAIR_MEMBER_ID,
	NDVAL_A_PAIR_ISSUED,
	NDVAL_A_PAIR_COMMITTED,
	NDVAL_A_PAIR_DELIVERED,
	NDVAL_A_PAIR_RETAINED,
	NDVAL_A_PAIR_MEMORY,
	NDVAL_A_PAIR_STREAMS,
	NDVAL_A_PAIR_PEERS,
	NDVAL_A_PAIR_LAG,
	NDVAL_A_PAIR_LOST,
	NDVAL_A_PAIR_WAITS,
	NDVAL_A_PAIR_MINOR,
	NDVAL_A_PAIR_OPERATION,
	NDVAL_A_PAIR_NEW,
	NDVAL_A_PAIR_PAD,
	NDVAL_A_PAIR_COMMIT,
	NDVAL_A_PAIR_ON_PEER_LOSS,
	NDVAL_A_PAIR_ON_DIVERGENCE,
	NDVAL_A_PAIR_IN_SYNC,
	NDVAL_A_PAIR_OUTDATED,
	NDVAL_A_PAIR_FORCED,
	NDVAL_A_PAIR_EPOCH_SEEN,
	NDVAL_A_PAIR_DROPS,
	NDVAL_A_PAIR_FORCE,
	NDVAL_A_PAIR_FENCED,
	NDVAL_A_PAIR_DIVERGENCES,
	NDVAL_A_PAIR_JOURNAL_SIZE,
	NDVAL_A_PAIR_RECORDED,
	NDVAL_A_PAIR_SKEW_MAX_MS,
	NDVAL_A_PAIR_CLOCK,

	__NDVAL_A_PAIR_MAX,
	NDVAL_A_PAIR_MAX = (__NDVAL_A_PAIR_MAX - 1)
};

enum {
	NDVAL_A_CLOCK_KIND = 1,
	NDVAL_A_CLOCK_VALUE,
	NDVAL_A_CLOCK_STEPS,
	NDVAL_A_CLOCK_STOOD,
	NDVAL_A_CLOCK_OFFSET,
	NDVAL_A_CLOCK_PAD,

	__NDVAL_A_CLOCK_MAX,
	NDVAL_A_CLOCK_MAX = (__NDVAL_A_CLOCK_MAX - 1)
};

enum {
	NDVAL_A_PEER_PAIR = 1,
	NDVAL_A_PEER_NAME,
	NDVAL_A_PEER_STATE,
	NDVAL_A_PEER_ROLE,
	NDVAL_A_PEER_MEMBER_ID,
	NDVAL_A_PEER_EPOCH,
	NDVAL_A_PEER_LAG,
	NDVAL_A_PEER_ACKNOWLEDGED,
	NDVAL_A_PEER_REASON,
	NDVAL_A_PEER_PAD,
	NDVAL_A_PEER_MEMBERSHIP,
	NDVAL_A_PEER_OUTDATED,
	NDVAL_A_PEER_CLOCK_SKEW,
	NDVAL_A_PEER_SECURITY,

	__NDVAL_A_PEER_MAX,
	NDVAL_A_PEER_MAX = (__NDVAL_A_PEER_MAX - 1)
};

enum {
	NDVAL_A_LINK_ID = 1,
	NDVAL_A_LINK_MEMBER,
	NDVAL_A_LINK_PEER,
	NDVAL_A_LINK_FD,
	NDVAL_A_LINK_STATE,
	NDVAL_A_LINK_TRANSPORT,
	NDVAL_A_LINK_SECURITY,
	NDVAL_A_LINK_PEER_ID,
	NDVAL_A_LINK_PEER_SOFTWARE,
	NDVAL_A_LINK_RTT_US,
	NDVAL_A_LINK_TX_BYTES,
	NDVAL_A_LINK_RX_BYTES,
	NDVAL_A_LINK_TX_MESSAGES,
	NDVAL_A_LINK_RX_MESSAGES,
	NDVAL_A_LINK_OPERATION,
	NDVAL_A_LINK_PAD,

	__NDVAL_A_LINK_MAX,
	NDVAL_A_LINK_MAX = (__NDVAL_A_LINK_MAX - 1)
};

enum {
	NDVAL_A_STREAM_PAIR = 1,
	NDVAL_A_STREAM_NAME,
	NDVAL_A_STREAM_ID,
	NDVAL_A_STREAM_TAIL,
	NDVAL_A_STREAM_HEAD,
	NDVAL_A_STREAM_COMMITTED,
	NDVAL_A_STREAM_FURTHEST,
	NDVAL_A_STREAM_MEMORY,
	NDVAL_A_STREAM_ERROR,
	NDVAL_A_STREAM_PAD,
	NDVAL_A_STREAM_JOURNAL_TAIL,
	NDVAL_A_STREAM_JOURNAL_HEAD,
	NDVAL_A_STREAM_JOURNAL_COMMITTED,

	__NDVAL_A_STREAM_MAX,
	NDVAL_A_STREAM_MAX = (__NDVAL_A_STREAM_MAX - 1)
};

enum {
	NDVAL_A_INSTANCE_PAIR = 1,
	NDVAL_A_INSTANCE_STREAM,
	NDVAL_A_INSTANCE_INSTANCE,
	NDVAL_A_INSTANCE_POSITION,
	NDVAL_A_INSTANCE_DELIVERED,
	NDVAL_A_INSTANCE_LOST,
	NDVAL_A_INSTANCE_FILES,
	NDVAL_A_INSTANCE_PAD,
	NDVAL_A_INSTANCE_DIVERGED,
	NDVAL_A_INSTANCE_DIVERGENCES,
	NDVAL_A_INSTANCE_JOURNAL_POSITION,
	NDVAL_A_INSTANCE_JOURNAL_LOST,

	__NDVAL_A_INSTANCE_MAX,
	NDVAL_A_INSTANCE_MAX = (__NDVAL_A_INSTANCE_MAX - 1)
};

enum {
	NDVAL_A_VALUE_OFFSET = 1,
	NDVAL_A_VALUE_DATA,
	NDVAL_A_VALUE_PAD,

	__NDVAL_A_VALUE_MAX,
	NDVAL_A_VALUE_MAX = (__NDVAL_A_VALUE_MAX - 1)
};

enum {
	NDVAL_A_VALUES_PAIR = 1,
	NDVAL_A_VALUES_STREAM,
	NDVAL_A_VALUES_OFFSET,
	NDVAL_A_VALUES_LENGTH,
	NDVAL_A_VALUES_VALUE,
	NDVAL_A_VALUES_PAD,
	NDVAL_A_VALUES_JOURNAL,

	__NDVAL_A_VALUES_MAX,
	NDVAL_A_VALUES_MAX = (__NDVAL_A_VALUES_MAX - 1)
};

enum {
	NDVAL_A_EVENT_SEQ = 1,
	NDVAL_A_EVENT_KIND,
	NDVAL_A_EVENT_PAIR,
	NDVAL_A_EVENT_MEMBER,
	NDVAL_A_EVENT_PEER,
	NDVAL_A_EVENT_STREAM,
	NDVAL_A_EVENT_INSTANCE,
	NDVAL_A_EVENT_ROLE,
	NDVAL_A_EVENT_HEALTH,
	NDVAL_A_EVENT_PEER_STATE,
	NDVAL_A_EVENT_OFFSET,
	NDVAL_A_EVENT_LENGTH,
	NDVAL_A_EVENT_LINK,
	NDVAL_A_EVENT_REASON,
	NDVAL_A_EVENT_OPERATION,
	NDVAL_A_EVENT_ERROR,
	NDVAL_A_EVENT_PID,
	NDVAL_A_EVENT_COMM,
	NDVAL_A_EVENT_PAD,
	NDVAL_A_EVENT_VALUE_KIND,
	NDVAL_A_EVENT_OTHER_INSTANCE,
	NDVAL_A_EVENT_OTHER_KIND,
	NDVAL_A_EVENT_OTHER_LENGTH,
	NDVAL_A_EVENT_OTHER_PID,
	NDVAL_A_EVENT_OTHER_COMM,
	NDVAL_A_EVENT_JOURNAL,
	NDVAL_A_EVENT_STEP,
	NDVAL_A_EVENT_SKEW,

	__NDVAL_A_EVENT_MAX,
	NDVAL_A_EVENT_MAX = (__NDVAL_A_EVENT_MAX - 1)
};

enum ndval_cmd {
	NDVAL_CMD_MEMBER_NEW = 1,
	NDVAL_CMD_MEMBER_DEL,
	NDVAL_CMD_MEMBER_GET,
	NDVAL_CMD_PAIR_NEW,
	NDVAL_CMD_PAIR_DEL,
	NDVAL_CMD_PAIR_SET,
	NDVAL_CMD_PAIR_GET,
	NDVAL_CMD_PROMOTE,
	NDVAL_CMD_RESYNC,
	NDVAL_CMD_PEER_ADD,
	NDVAL_CMD_PEER_DEL,
	NDVAL_CMD_PEER_GET,
	NDVAL_CMD_LINK_ATTACH,
	NDVAL_CMD_LINK_DETACH,
	NDVAL_CMD_LINK_GET,
	NDVAL_CMD_STREAM_GET,
	NDVAL_CMD_STREAM_DEL,
	NDVAL_CMD_INSTANCE_GET,
	NDVAL_CMD_INSTANCE_SET,
	NDVAL_CMD_VALUES_GET,
	NDVAL_CMD_EVENT,
	NDVAL_CMD_DEMOTE,
	NDVAL_CMD_SWITCHOVER,
	NDVAL_CMD_OUTDATE,
	NDVAL_CMD_PEER_OUTDATE,

	__NDVAL_CMD_MAX,
	NDVAL_CMD_MAX = (__NDVAL_CMD_MAX - 1)
};

#define NDVAL_MCGRP_EVENTS	"events"

#endif /* _UAPI_LINUX_NDVAL_NETLINK_H */
