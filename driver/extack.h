/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVAL_EXTACK_H
#define NDVAL_EXTACK_H

#include <linux/netlink.h>

/* Says why a command is refused; @why lives as long as the module. */
static inline void ndval_extack(struct netlink_ext_ack *extack, const char *why)
{
	if (extack)
		extack->_msg = why;
}

#endif /* NDVAL_EXTACK_H */
