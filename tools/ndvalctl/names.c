// SPDX-License-Identifier: GPL-2.0-only
#include "names.h"

#include <linux/ndval_netlink.h>
#include <string.h>

const char * const role_names[] = {
	[NDVAL_ROLE_SECONDARY]			= "secondary",
	[NDVAL_ROLE_PRIMARY]			= "primary",
	NULL
};

const char * const health_names[] = {
	[NDVAL_HEALTH_STANDALONE]		= "standalone",
	[NDVAL_HEALTH_PROTECTED]		= "protected",
	[NDVAL_HEALTH_AT_RISK]			= "at-risk",
	[NDVAL_HEALTH_ALONE]			= "alone",
	[NDVAL_HEALTH_SUSPENDED]		= "suspended",
	[NDVAL_HEALTH_FENCED]			= "fenced",
	[NDVAL_HEALTH_DIVERGED]			= "diverged",
	NULL
};

const char * const overflow_names[] = {
	[NDVAL_OVERFLOW_DROP]			= "drop",
	[NDVAL_OVERFLOW_STALL]			= "stall",
	NULL
};

const char * const bind_names[] = {
	[NDVAL_BIND_ANY]			= "any",
	[NDVAL_BIND_REQUIRED]			= "required",
	NULL
};

const char * const commit_names[] = {
	[NDVAL_COMMIT_ASYNC]			= "async",
	[NDVAL_COMMIT_SYNC]			= "sync",
	NULL
};

const char * const on_peer_loss_names[] = {
	[NDVAL_ON_PEER_LOSS_CONTINUE]		= "continue",
	[NDVAL_ON_PEER_LOSS_SUSPEND]		= "suspend",
	NULL
};

const char * const value_kind_names[] = {
	[NDVAL_VALUE_KIND_RANDOM]		= "random",
	[NDVAL_VALUE_KIND_REALTIME]		= "realtime",
	[NDVAL_VALUE_KIND_MONOTONIC]		= "monotonic",
	[NDVAL_VALUE_KIND_BOOTTIME]		= "boottime",
	[NDVAL_VALUE_KIND_TAI]			= "tai",
	[NDVAL_VALUE_KIND_CYCLES]		= "cycles",
	[NDVAL_VALUE_KIND_AGREED]		= "agreed",
	NULL
};

const char * const on_divergence_names[] = {
	[NDVAL_ON_DIVERGENCE_FAIL]		= "fail",
	[NDVAL_ON_DIVERGENCE_REPORT]		= "report",
	NULL
};

const char * const membership_names[] = {
	[NDVAL_MEMBERSHIP_OUT]			= "out",
	[NDVAL_MEMBERSHIP_COUNTED]		= "counted",
	[NDVAL_MEMBERSHIP_IN_SYNC]		= "in-sync",
	NULL
};

const char * const switch_names[] = {
	[NDVAL_SWITCH_OFF]			= "off",
	[NDVAL_SWITCH_ON]			= "on",
	NULL
};

const char * const peer_state_names[] = {
	[NDVAL_PEER_STATE_DISCONNECTED]		= "disconnected",
	[NDVAL_PEER_STATE_CONNECTING]		= "connecting",
	[NDVAL_PEER_STATE_WAITING]		= "waiting",
	[NDVAL_PEER_STATE_BEHIND]		= "behind",
	[NDVAL_PEER_STATE_IN_SYNC]		= "in-sync",
	[NDVAL_PEER_STATE_REFUSED]		= "refused",
	NULL
};

const char * const link_state_names[] = {
	[NDVAL_LINK_STATE_HANDSHAKE]		= "handshake",
	[NDVAL_LINK_STATE_UP]			= "up",
	[NDVAL_LINK_STATE_RETIRED]		= "retired",
	[NDVAL_LINK_STATE_CLOSING]		= "closing",
	NULL
};

const char * const event_kind_names[] = {
	[NDVAL_EVENT_KIND_PAIR_NEW]		= "pair-new",
	[NDVAL_EVENT_KIND_PAIR_DEL]		= "pair-del",
	[NDVAL_EVENT_KIND_PAIR_CHANGE]		= "pair-change",
	[NDVAL_EVENT_KIND_PEER_CHANGE]		= "peer-change",
	[NDVAL_EVENT_KIND_LINK_UP]		= "link-up",
	[NDVAL_EVENT_KIND_LINK_DOWN]		= "link-down",
	[NDVAL_EVENT_KIND_STREAM_NEW]		= "stream-new",
	[NDVAL_EVENT_KIND_STREAM_DEL]		= "stream-del",
	[NDVAL_EVENT_KIND_INSTANCE_LOST]	= "instance-lost",
	[NDVAL_EVENT_KIND_INSTANCE_SET]		= "instance-set",
	[NDVAL_EVENT_KIND_DIVERGED]		= "diverged",
	[NDVAL_EVENT_KIND_VALUES_READ]		= "values-read",
	[NDVAL_EVENT_KIND_FENCED]		= "fenced",
	[NDVAL_EVENT_KIND_OP_DONE]		= "op-done",
	[NDVAL_EVENT_KIND_PEER_LOST]		= "peer-lost",
	[NDVAL_EVENT_KIND_FORCED]		= "forced",
	[NDVAL_EVENT_KIND_CLOCK_STEP]		= "clock-step",
	[NDVAL_EVENT_KIND_CLOCK_SKEW]		= "clock-skew",
	NULL
};

/* The word for a number; a kernel newer than this program may know more. */
const char *name_of(const char * const *names, __u32 number)
{
	__u32 i;

	for (i = 0; names[i]; i++) {
		if (i == number)
			return names[i];
	}
	return "unknown";
}

/* The number for a word. Return: false, there is no such word. */
bool number_of(const char * const *names, const char *name, __u64 *number)
{
	__u32 i;

	for (i = 0; names[i]; i++) {
		if (!strcmp(names[i], name)) {
			*number = i;
			return true;
		}
	}
	return false;
}
