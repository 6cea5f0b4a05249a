// SPDX-License-Identifier: GPL-2.0-only
/*
 * What happens to the host as a whole: its generator becomes ready, it is
 * cloned as a virtual machine, hibernated or rebooted.
 *
 * A clone of a virtual machine is another host that has the same memory. If
 * both went on, each would draw its own values for the same positions, and
 * both would encrypt with the same keys and nonces. So nothing more is sent
 * on any link, members and pairs get new identities, and every pair is fenced
 * with its values wiped, until an administrator says which of the two counts.
 */
#include "host.h"

#include <linux/debugfs.h>
#include <linux/notifier.h>
#include <linux/random.h>
#include <linux/reboot.h>
#include <linux/suspend.h>
#include <linux/workqueue.h>

#include "flow.h"
#include "knobs.h"
#include "link.h"
#include "member.h"
#include "pair.h"
#include "stream.h"

/* How often to try again what wanted the generator or memory, in ms. */
#define RETRY_MS	100

struct workqueue_struct *ndval_wq;
static bool hibernation_allowed;
static bool cloned;

/* All of the pair's streams, for the one that lacks memory. */
static void give_up_retained(struct ndval_pair *pair)
{
	struct ndval_stream *stream;

	list_for_each_entry(stream, &pair->stream_list, list)
		ndval_stream_progress(stream);
	WRITE_ONCE(pair->tight, false);
}

static void update_streams(struct ndval_pair *pair)
{
	struct ndval_stream *stream;
	struct ndval_flow *flow;

	mutex_lock(&pair->lock);
	if (pair->tight)
		give_up_retained(pair);
	list_for_each_entry(stream, &pair->stream_list, list) {
		ndval_stream_fill_ahead(stream, GFP_KERNEL);
		spin_lock(&stream->lock);
		stream->starved = false;
		list_for_each_entry(flow, &stream->flows, list)
			ndval_flow_update(flow);
		ndval_stream_wake(stream);
		spin_unlock(&stream->lock);
	}
	mutex_unlock(&pair->lock);
}

static void retry_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(retry, retry_work);

/* Only readers wait for the generator themselves; links are woken from here. */
static void retry_work(struct work_struct *work)
{
	struct ndval_pair *pair;
	u32 minor = 0;

	if (!rng_is_initialized()) {
		ndval_host_retry();
		return;
	}
	while ((pair = ndval_pair_next(&minor))) {
		update_streams(pair);
		ndval_pair_put(pair);
		minor++;
	}
}

/**
 * ndval_host_retry() - Try again, soon, what could not be filled or stored.
 *
 * The kernel's generator was not ready, or there was no memory.
 *
 * Context: any.
 */
void ndval_host_retry(void)
{
	queue_delayed_work(ndval_wq, &retry, msecs_to_jiffies(RETRY_MS));
}

/**
 * ndval_host_retry_pair() - There was no memory for what somebody needs of a pair.
 * @pair: the pair; if it was a limit that refused it, all of its streams give up what
 *	they only retain
 *
 * Context: any.
 */
void ndval_host_retry_pair(struct ndval_pair *pair)
{
	if (ndval_mem_is_full(&pair->mem, NDVAL_CHUNK_COST))
		WRITE_ONCE(pair->tight, true);
	ndval_host_retry();
}

static void fence_all(bool new_ids)
{
	struct ndval_pair *pair;
	u32 minor = 0;

	while ((pair = ndval_pair_next(&minor))) {
		mutex_lock(&pair->lock);
		ndval_pair_fence(pair, new_ids);
		mutex_unlock(&pair->lock);
		ndval_pair_put(pair);
		minor++;
	}
}

/**
 * ndval_host_is_cloned() - Was a clone noticed and not yet dealt with?
 *
 * Until then no link may send.
 */
bool ndval_host_is_cloned(void)
{
	return READ_ONCE(cloned);
}

static void clone_work(struct work_struct *work)
{
	pr_warn("this virtual machine was cloned: all pairs are fenced until resync\n");
	ndval_link_kill_all("this host was cloned");
	ndval_member_new_ids();
	fence_all(true);
	WRITE_ONCE(cloned, false);
}

static DECLARE_WORK(clone_notice, clone_work);

/* Sets a flag and leaves the rest to work, as the notifier chain demands. */
static int __maybe_unused on_clone(struct notifier_block *nb, unsigned long action,
				   void *data)
{
	WRITE_ONCE(cloned, true);
	queue_work(ndval_wq, &clone_notice);
	return NOTIFY_DONE;
}

static int on_suspend(struct notifier_block *nb, unsigned long action, void *data)
{
	if (action != PM_HIBERNATION_PREPARE || hibernation_allowed)
		return NOTIFY_DONE;
	pr_warn("hibernation refused: it would write values to disk, and bring them back later (module parameter hibernate=allow)\n");
	return NOTIFY_BAD;
}

/* Values do not outlive the boot, also not in memory that kexec hands on. */
static int on_reboot(struct notifier_block *nb, unsigned long action, void *data)
{
	fence_all(false);
	return NOTIFY_DONE;
}

static struct notifier_block clone_nb __maybe_unused = { .notifier_call = on_clone };
static struct notifier_block suspend_nb = { .notifier_call = on_suspend };
static struct notifier_block reboot_nb = { .notifier_call = on_reboot };

static int register_clone_notice(void)
{
#if NDVAL_HAVE_VMFORK
	return register_random_vmfork_notifier(&clone_nb);
#else
	return 0;
#endif
}

static void unregister_clone_notice(void)
{
#if NDVAL_HAVE_VMFORK
	unregister_random_vmfork_notifier(&clone_nb);
#endif
}

#ifdef NDVAL_TEST_KNOBS
u32 ndval_broken_mask;
static struct dentry *knobs;

static void add_knobs(void)
{
	knobs = debugfs_create_dir("ndval", NULL);
	debugfs_create_u32("broken", 0600, knobs, &ndval_broken_mask);
}

static void remove_knobs(void)
{
	debugfs_remove(knobs);
}
#else
static void add_knobs(void)
{
}

static void remove_knobs(void)
{
}
#endif

/**
 * ndval_host_init() - Start to listen to what happens to the host.
 * @allow_hibernation: do not refuse hibernation
 *
 * Return: 0 or a negative errno.
 */
int ndval_host_init(bool allow_hibernation)
{
	int err;

	hibernation_allowed = allow_hibernation;
	err = register_clone_notice();
	if (err)
		return err;
	err = register_pm_notifier(&suspend_nb);
	if (err)
		goto err_clone;
	err = register_reboot_notifier(&reboot_nb);
	if (err)
		goto err_pm;
	add_knobs();
	return 0;

err_pm:
	unregister_pm_notifier(&suspend_nb);
err_clone:
	unregister_clone_notice();
	return err;
}

/**
 * ndval_host_exit() - The opposite of ndval_host_init().
 */
void ndval_host_exit(void)
{
	remove_knobs();
	unregister_reboot_notifier(&reboot_nb);
	unregister_pm_notifier(&suspend_nb);
	unregister_clone_notice();
	cancel_work_sync(&clone_notice);
	cancel_delayed_work_sync(&retry);
}
