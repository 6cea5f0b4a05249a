// SPDX-License-Identifier: GPL-2.0-only
/*
 * Commands whose end is awaited; operation.h tells which.
 *
 * vm: helper=yes
 */
#include "operation.h"

#include <poll.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>

#include "common.h"

static int take_operation(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_PAIR_MAX + 1];
	struct operation *operation = data;

	nl_parse(nlh, tb, NDVAL_A_PAIR_MAX);
	operation->id = nl_u32(tb[NDVAL_A_PAIR_OPERATION]);
	return MNL_CB_OK;
}

static int take_end(const struct nlmsghdr *nlh, void *data)
{
	const struct nlattr *tb[NDVAL_A_EVENT_MAX + 1];
	struct operation *operation = data;

	nl_parse(nlh, tb, NDVAL_A_EVENT_MAX);
	if (nl_u32(tb[NDVAL_A_EVENT_KIND]) == NDVAL_EVENT_KIND_OP_DONE &&
	    nl_u32(tb[NDVAL_A_EVENT_OPERATION]) == operation->id) {
		operation->done = true;
		operation->error = nl_u32(tb[NDVAL_A_EVENT_ERROR]);
	}
	return MNL_CB_OK;
}

/* @nl hears events. 0, or why not, a negative errno. */
int operation_begin(struct nl *nl, __u8 cmd, const char *pair, struct operation *operation)
{
	*operation = (struct operation){ 0 };
	nl_request(nl, cmd, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, pair);
	return nl_call(nl, take_operation, operation);
}

/* Looks at one event, if one comes in time. False if events can't be had. */
bool operation_hear(struct nl *nl, struct operation *operation, int timeout_ms)
{
	return !file_is_ready(nl_fd(nl), POLLIN, timeout_ms) ||
	       !nl_receive_event(nl, take_end, operation);
}

/* The errno with which it has ended; -1 if it does not end. */
int operation_end(struct nl *nl, struct operation *operation)
{
	while (!operation->done)
		if (!file_is_ready(nl_fd(nl), POLLIN, PATIENCE_MS) ||
		    nl_receive_event(nl, take_end, operation))
			return -1;
	return operation->error;
}
