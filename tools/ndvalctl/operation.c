// SPDX-License-Identifier: GPL-2.0-only
/*
 * Operations: what the kernel cannot finish at once. The command answers with
 * an id, the event op-done with this id reports the end. Call
 * nl_join_events() before the request, or the event may be gone before one
 * listens.
 */
#include "operation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "json.h"
#include "ndvalctl.h"
#include "nl.h"

struct started {
	__u16	type;
	__u32	operation;
};

static int read_operation(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PAIR_MAX + 1];
	struct started *started = data;

	nl_parse(nlh, tb, NDVAL_A_PAIR_MAX);
	started->operation = nl_u32(tb[started->type]);
	return MNL_CB_OK;
}

/**
 * try_operation() - send the request
 * @nl: with a request
 * @type: attribute of the reply that has the id
 * @operation: the id; 0, the kernel had nothing left to do
 *
 * Return: 0, or a negative errno if it is refused.
 */
int try_operation(struct nl *nl, __u16 type, __u32 *operation)
{
	struct started started = { .type = type };
	int err = nl_call(nl, read_operation, &started);

	*operation = started.operation;
	return err;
}

/**
 * start_operation() - send the request, end the program if it is refused
 * @nl: with a request
 * @type: attribute of the reply that has the id
 *
 * Return: the id; 0, the kernel had nothing left to do.
 */
__u32 start_operation(struct nl *nl, __u16 type)
{
	__u32 operation;

	if (try_operation(nl, type, &operation))
		die_kernel(nl);
	return operation;
}

struct wait {
	__u32	operation;
	bool	done;
	__u32	error;
	char	reason[OPERATION_REASON_SIZE];
};

static int check_event(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	struct wait *wait = data;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	if (!tb[NDVAL_A_EVENT_KIND] || nl_u32(tb[NDVAL_A_EVENT_KIND]) != NDVAL_EVENT_KIND_OP_DONE ||
	    nl_u32(tb[NDVAL_A_EVENT_OPERATION]) != wait->operation)
		return MNL_CB_OK;

	wait->done = true;
	wait->error = nl_u32(tb[NDVAL_A_EVENT_ERROR]);
	snprintf(wait->reason, sizeof(wait->reason), "%s", nl_str(tb[NDVAL_A_EVENT_REASON]));
	return MNL_CB_STOP;
}

/**
 * end_operation() - wait for the end
 * @nl: after nl_join_events()
 * @operation: from try_operation()
 * @reason: OPERATION_REASON_SIZE bytes: why it failed
 *
 * Return: 0 or the errno with which it ended.
 */
int end_operation(struct nl *nl, __u32 operation, char *reason)
{
	struct wait wait = { .operation = operation, .done = !operation };

	while (!wait.done) {
		int err = nl_receive_event(nl, check_event, &wait);

		if (err == -ENOBUFS)
			die("operation %u runs, but events were lost: look whether it is done",
			    operation);
		if (err && err != -EINTR)
			die("operation %u runs, but waiting for its end failed: %s", operation,
			    strerror(-err));
	}
	snprintf(reason, OPERATION_REASON_SIZE, "%s",
		 wait.reason[0] ? wait.reason : strerror(wait.error));
	return wait.error;
}

/**
 * wait_operation() - wait for the end; end the program if it is a failure
 * @nl: after nl_join_events()
 * @operation: from start_operation()
 */
void wait_operation(struct nl *nl, __u32 operation)
{
	char reason[OPERATION_REASON_SIZE];

	if (end_operation(nl, operation, reason))
		die("%s", reason);
}

/* What --json says of an operation on an object. */
void json_operation(const char *key, const char *object, __u32 operation, bool done)
{
	json_begin_object(NULL);
	json_string(key, object);
	json_number("operation", operation);
	json_bool("done", done || !operation);
	json_end_object();
}
