// SPDX-License-Identifier: GPL-2.0-only
/*
 * ndval gives redundant copies of an application the same nondeterministic
 * values. Module parameters, start and end.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/workqueue.h>
#include <linux/ndval_netlink.h>

#include "chardev.h"
#include "host.h"
#include "link.h"
#include "member.h"
#include "mem.h"
#include "name.h"
#include "netlink.h"
#include "pair.h"
#include "ring.h"

/* Most works at the same time: some wait, none for another. */
#define WORKERS		16

/* Share of the memory that all pairs together may use by default. */
#define TOTAL_SHARE	16

static char *host = "";
module_param(host, charp, 0444);
MODULE_PARM_DESC(host, "name of the host's own member; usually ndvald gives it");

static bool default_pair = true;
module_param(default_pair, bool, 0444);
MODULE_PARM_DESC(default_pair, "make the pair \"default\" with the node /dev/ndval");

static unsigned long total_max;
module_param(total_max, ulong, 0444);
MODULE_PARM_DESC(total_max, "most bytes of memory for all pairs; 0: 1/16 of RAM");

static char *hibernate = "refuse";
module_param(hibernate, charp, 0444);
MODULE_PARM_DESC(hibernate, "refuse, or allow hibernation, which writes values to disk");

static int make_default_pair(void)
{
	struct ndval_pair_args args = {
		.name	= NDVAL_DEFAULT,
		.mode	= 0600,
		.uid	= GLOBAL_ROOT_UID,
		.gid	= GLOBAL_ROOT_GID,
	};
	struct ndval_pair *pair;

	args.member = ndval_member_find(NULL);
	pair = ndval_pair_new(&args, NULL);
	ndval_member_put(args.member);
	if (IS_ERR(pair))
		return PTR_ERR(pair);
	ndval_pair_put(pair);
	return 0;
}

static int __init ndval_init(void)
{
	bool allow = !strcmp(hibernate, "allow");
	int err;

	if (!allow && strcmp(hibernate, "refuse")) {
		pr_err("parameter hibernate is refuse or allow\n");
		return -EINVAL;
	}
	ndval_mem_set_total_max(total_max ?:
				((u64)totalram_pages() << PAGE_SHIFT) / TOTAL_SHARE);
	ndval_wq = alloc_workqueue("ndval", WQ_UNBOUND, WORKERS);
	if (!ndval_wq)
		return -ENOMEM;
	err = ndval_member_init(host);
	if (err)
		goto err_wq;
	err = ndval_chardev_init();
	if (err)
		goto err_member;
	err = ndval_pair_init();
	if (err)
		goto err_chardev;
	err = ndval_host_init(allow);
	if (err)
		goto err_pair;
	if (default_pair) {
		err = make_default_pair();
		if (err)
			goto err_host;
	}
	/* Last: once it is there, others make pairs and attach links. */
	err = ndval_netlink_init();
	if (err)
		goto err_host;
	return 0;

err_host:
	ndval_host_exit();
err_pair:
	ndval_pair_exit();
err_chardev:
	ndval_chardev_exit();
err_member:
	ndval_member_exit();
err_wq:
	destroy_workqueue(ndval_wq);
	return err;
}

/*
 * No file is open, or the module could not go. First nobody may start
 * anything (family), then what runs by itself ends (links), then pairs go.
 */
static void __exit ndval_exit(void)
{
	ndval_netlink_exit();
	ndval_link_exit();
	ndval_host_exit();
	ndval_pair_exit();
	ndval_chardev_exit();
	ndval_member_exit();
	destroy_workqueue(ndval_wq);
	rcu_barrier();
	WARN(ndval_chunks_live() || ndval_mem_total(),
	     "ndval: leak: %ld pages still in use, %llu bytes charged\n",
	     ndval_chunks_live(), ndval_mem_total());
}

module_init(ndval_init);
module_exit(ndval_exit);

MODULE_DESCRIPTION("The same nondeterministic values for redundant copies of an application");
MODULE_AUTHOR("The ndval developers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
MODULE_ALIAS_GENL_FAMILY(NDVAL_FAMILY_NAME);
MODULE_SOFTDEP("pre: tls");
