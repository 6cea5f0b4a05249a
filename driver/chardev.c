// SPDX-License-Identifier: GPL-2.0-only
/*
 * The device nodes: what a program does with an open file. One character
 * device over all minors; a file finds its pair when it is opened and its
 * stream when it is bound, once.
 */
#include "chardev.h"

#include <linux/cdev.h>
#include <linux/device.h>
#include <linux/fs.h>
#include <linux/kdev_t.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/stat.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/uio.h>

#include "cursor.h"
#include "journal.h"
#include "name.h"
#include "pair.h"
#include "propose.h"
#include "stream.h"
#include "sysfs.h"

/**
 * struct ndval_file - an open file
 * @pair: the pair, with a reference
 * @lock: serialises binding
 * @stream: the stream it is bound to, with a reference; NULL before. Set once,
 *	with release semantics, after @instance and @excl.
 * @instance: the instance it is bound to
 * @excl: for itself alone
 * @drops: members dropped before they stored what was delivered, as fsync told last
 * @journal_drops: the same of the stream's journal
 * @deaf: was polled when it could not be bound. Whoever polls by epoll would
 *	never be woken, so from then on poll says that a read gives an answer.
 */
struct ndval_file {
	struct ndval_pair	*pair;
	struct mutex		lock;	/* serialises binding */
	struct ndval_stream	*stream;
	unsigned int		instance;
	bool			excl;
	bool			deaf;
	u32			drops;
	u32			journal_drops;
};

static dev_t base;
static struct cdev cdev;
static struct class *class;

/* How long a caller is ready to wait for a mutex. */
enum patience {
	PATIENCE_NONE,		/* O_NONBLOCK, IOCB_NOWAIT */
	PATIENCE_SIGNAL,	/* until a signal */
	PATIENCE_ALL,		/* poll, which can't say that it was interrupted */
};

static enum patience patience_of(bool nowait)
{
	return nowait ? PATIENCE_NONE : PATIENCE_SIGNAL;
}

static int lock_with(struct mutex *lock, enum patience patience)
{
	switch (patience) {
	case PATIENCE_NONE:
		return mutex_trylock(lock) ? 0 : -EAGAIN;
	case PATIENCE_SIGNAL:
		return mutex_lock_interruptible(lock) ? -ERESTARTSYS : 0;
	default:
		mutex_lock(lock);
		return 0;
	}
}

static gfp_t gfp_of(enum patience patience)
{
	return patience == PATIENCE_NONE ? GFP_NOWAIT : GFP_KERNEL;
}

/* With what binding will want, so that it does not fail halfway. */
static struct ndval_stream *make_stream(struct ndval_pair *pair, const char *name,
					unsigned int instance, gfp_t gfp)
{
	struct ndval_stream *stream;
	struct ndval_parts parts;
	int err;

	err = ndval_parts_create(&parts, &pair->mem, gfp);
	if (err)
		return ERR_PTR(err);
	stream = ndval_stream_make(pair, name, 0, gfp);
	if (IS_ERR(stream))
		ndval_parts_destroy(&parts, &pair->mem);
	else
		ndval_parts_install(&parts, stream, instance);
	return stream;
}

/* The stream of a name, made if it is not there. */
static struct ndval_stream *get_stream(struct ndval_pair *pair, const char *name,
				       unsigned int instance, enum patience patience)
{
	struct ndval_stream *stream = ndval_stream_find(pair, name);
	int err;

	if (stream)
		return stream;
	err = lock_with(&pair->lock, patience);
	if (err)
		return ERR_PTR(err);
	stream = ndval_stream_find(pair, name);
	if (!stream)
		stream = make_stream(pair, name, instance, gfp_of(patience));
	mutex_unlock(&pair->lock);
	return stream;
}

static int bind_locked(struct ndval_file *file, const char *name,
		       unsigned int instance, bool excl, enum patience patience)
{
	struct ndval_stream *stream, *journal;
	int err;

	lockdep_assert_held(&file->lock);
	if (READ_ONCE(file->pair->dead))
		return -ENODEV;
	if (!ndval_pair_expects(file->pair, instance))
		return -ENXIO;
	for (;;) {
		stream = get_stream(file->pair, name, instance, patience);
		if (IS_ERR(stream))
			return PTR_ERR(stream);
		err = ndval_cursor_bind(stream, instance, excl, gfp_of(patience));
		if (!err)
			break;
		ndval_stream_put(stream);
		if (err != -ESTALE)	/* deleted meanwhile: make it again */
			return err;
	}
	file->instance = instance;
	file->excl = excl;
	file->drops = READ_ONCE(stream->drops);
	journal = ndval_stream_journal(stream);
	if (journal)
		file->journal_drops = READ_ONCE(journal->drops);
	ndval_stream_put(journal);
	/* Pairs with the acquire in bind_default(). */
	smp_store_release(&file->stream, stream);
	return 0;
}

/* Binds a file by its first use, unless it is bound. */
static int bind_default(struct ndval_file *file, enum patience patience)
{
	int err;

	/* Pairs with the release in bind_locked(). */
	if (smp_load_acquire(&file->stream))
		return 0;
	err = lock_with(&file->lock, patience);
	if (err)
		return err;
	if (!file->stream) {
		if (ndval_pair_setting(file->pair, NDVAL_SET_BIND) ==
		    NDVAL_BIND_REQUIRED)
			err = READ_ONCE(file->pair->dead) ? -ENODEV : -ENXIO;
		else
			err = bind_locked(file, NDVAL_DEFAULT, 0, false, patience);
	}
	mutex_unlock(&file->lock);
	return err;
}

static int ndval_open(struct inode *inode, struct file *filp)
{
	struct ndval_file *file;
	struct ndval_pair *pair;

	pair = ndval_pair_find_minor(iminor(inode));
	if (!pair)
		return -ENODEV;
	if (READ_ONCE(pair->dead)) {
		ndval_pair_put(pair);
		return -ENODEV;
	}
	file = kzalloc(sizeof(*file), GFP_KERNEL_ACCOUNT);
	if (!file) {
		ndval_pair_put(pair);
		return -ENOMEM;
	}
	file->pair = pair;
	mutex_init(&file->lock);
	filp->private_data = file;
	filp->f_mode |= FMODE_NOWAIT;
	return stream_open(inode, filp);
}

static int ndval_release(struct inode *inode, struct file *filp)
{
	struct ndval_file *file = filp->private_data;

	if (file->stream) {
		ndval_cursor_unbind(file->stream, file->instance, file->excl);
		ndval_stream_put(file->stream);
	}
	ndval_pair_put(file->pair);
	mutex_destroy(&file->lock);
	kfree(file);
	return 0;
}

static ssize_t ndval_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	struct ndval_file *file = iocb->ki_filp->private_data;
	bool nowait = (iocb->ki_flags & IOCB_NOWAIT) ||
		      (iocb->ki_filp->f_flags & O_NONBLOCK);
	int err;

	err = bind_default(file, patience_of(nowait));
	if (err)
		return err;
	return ndval_cursor_read(file->stream, file->instance, to, nowait);
}

/*
 * Output commit. The range says nothing: what was delivered counts. Two calls on
 * one file at the same time may both tell of a member that was dropped.
 */
static int ndval_fsync(struct file *filp, loff_t start, loff_t end, int datasync)
{
	struct ndval_file *file = filp->private_data;
	struct ndval_stream *journal;
	int err;

	err = bind_default(file, PATIENCE_SIGNAL);
	if (err)
		return err;
	err = ndval_cursor_commit(file->stream, file->instance, &file->drops);
	if (err)
		return err;
	journal = ndval_stream_journal(file->stream);
	if (journal)
		err = ndval_cursor_commit(journal, file->instance, &file->journal_drops);
	ndval_stream_put(journal);
	return err;
}

static __poll_t ndval_poll(struct file *filp, poll_table *wait)
{
	struct ndval_file *file = filp->private_data;
	__poll_t mask;
	int err;

	err = bind_default(file, PATIENCE_ALL);
	if (err)
		WRITE_ONCE(file->deaf, true);
	if (READ_ONCE(file->deaf))
		return EPOLLERR | EPOLLIN | EPOLLRDNORM |
		       (READ_ONCE(file->pair->dead) ? EPOLLHUP : 0);
	poll_wait(filp, &file->stream->wq, wait);
	mask = ndval_cursor_poll(file->stream, file->instance);
	/*
	 * Who waits for values is not to be told of commit: io_uring asks for
	 * EPOLLPRI with every read, and would take it for a reason to try.
	 */
	if (poll_requested_events(wait) & EPOLLIN)
		mask &= ~EPOLLPRI;
	return mask;
}

static long ioctl_bind(struct ndval_file *file, void __user *arg, bool nowait)
{
	struct ndval_binding bind;
	int err;

	if (copy_from_user(&bind, arg, sizeof(bind)))
		return -EFAULT;
	if (bind.instance >= NDVAL_INSTANCES || (bind.flags & ~NDVAL_BIND_EXCL) ||
	    strnlen(bind.stream, sizeof(bind.stream)) == sizeof(bind.stream))
		return -EINVAL;
	if (!*bind.stream)
		strscpy(bind.stream, NDVAL_DEFAULT, sizeof(bind.stream));
	if (ndval_name_check_stream(bind.stream))
		return -EINVAL;
	err = lock_with(&file->lock, patience_of(nowait));
	if (err)
		return err;
	if (file->stream)
		err = -EBUSY;
	else
		err = bind_locked(file, bind.stream, bind.instance,
				  bind.flags & NDVAL_BIND_EXCL,
				  patience_of(nowait));
	mutex_unlock(&file->lock);
	return err;
}

static void fill_info(struct ndval_file *file, struct ndval_info *info)
{
	struct ndval_stream *stream = file->stream;
	struct ndval_pair *pair = file->pair;

	strscpy(info->pair, pair->name, sizeof(info->pair));
	strscpy(info->stream, stream->name, sizeof(info->stream));
	info->instance = file->instance;
	mutex_lock(&pair->lock);
	info->role = pair->role;
	info->health = ndval_pair_health(pair);
	info->incarnation = pair->incarnation;
	info->epoch = pair->epoch;
	info->epoch_id = pair->epoch_id;
	mutex_unlock(&pair->lock);
	spin_lock(&stream->lock);
	if (ndval_stream_state(stream, file->instance) == -EPIPE)
		info->flags |= NDVAL_INFO_LOST;
	if (!stream->id)
		info->flags |= NDVAL_INFO_ASKED;
	info->position = READ_ONCE(stream->cursors[file->instance].pos);
	info->tail = stream->ring.tail;
	info->head = stream->ring.head;
	info->committed = ndval_stream_committed(stream);
	spin_unlock(&stream->lock);
}

static void fill_journal_info(struct ndval_file *file, struct ndval_info *info)
{
	struct ndval_stream *journal = ndval_stream_journal(file->stream);

	if (!journal)
		return;
	spin_lock(&journal->lock);
	if (ndval_stream_state(journal, file->instance) == -EPIPE)
		info->flags |= NDVAL_INFO_JOURNAL_LOST;
	info->journal_position = READ_ONCE(journal->cursors[file->instance].pos);
	info->journal_tail = journal->ring.tail;
	info->journal_head = journal->ring.head;
	info->journal_committed = ndval_stream_committed(journal);
	spin_unlock(&journal->lock);
	ndval_stream_put(journal);
}

static long ioctl_info(struct ndval_file *file, void __user *arg, bool nowait)
{
	struct ndval_info info = {};
	int err;

	err = bind_default(file, patience_of(nowait));
	if (err)
		return err;
	if (READ_ONCE(file->pair->dead))
		return -ENODEV;
	fill_info(file, &info);
	fill_journal_info(file, &info);
	return copy_to_user(arg, &info, sizeof(info)) ? -EFAULT : 0;
}

/* The journal of the file's stream, made if it is not there. */
static struct ndval_stream *get_journal(struct ndval_file *file, bool nowait)
{
	struct ndval_stream *journal = ndval_stream_journal(file->stream);
	enum patience patience = patience_of(nowait);
	int err;

	if (journal)
		return journal;
	err = lock_with(&file->pair->lock, patience);
	if (err)
		return ERR_PTR(err);
	journal = ndval_stream_make_journal(file->stream, 0, gfp_of(patience));
	mutex_unlock(&file->pair->lock);
	return journal;
}

/* Delivers the next record to a file; ndval_propose() says how. */
static int propose(struct ndval_file *file, struct ndval_proposal *proposal,
		   struct ndval_drawn *drawn, bool nowait,
		   int (*give)(const struct ndval_drawn *drawn, void __user *to),
		   void __user *to)
{
	struct ndval_stream *journal = get_journal(file, nowait);
	int err;

	if (IS_ERR(journal))
		return PTR_ERR(journal);
	err = ndval_propose(journal, file->instance, proposal, drawn, nowait, give, to);
	ndval_stream_put(journal);
	return err;
}

/* Which kind of record a clock's readings are; 0, there is no such clock. */
static u32 kind_of_clock(u32 clock)
{
	switch (clock) {
	case CLOCK_REALTIME:
		return NDVAL_VALUE_KIND_REALTIME;
	case CLOCK_MONOTONIC:
		return NDVAL_VALUE_KIND_MONOTONIC;
	case CLOCK_BOOTTIME:
		return NDVAL_VALUE_KIND_BOOTTIME;
	case CLOCK_TAI:
		return NDVAL_VALUE_KIND_TAI;
	case NDVAL_CLOCK_CYCLES:
		return NDVAL_VALUE_KIND_CYCLES;
	default:
		return 0;
	}
}

static int give_reading(const struct ndval_drawn *drawn, void __user *to)
{
	bool cycles = drawn->record.kind == NDVAL_VALUE_KIND_CYCLES;
	struct ndval_clock __user *clock = to;
	u64 frequency = cycles ? drawn->reading.steps * MSEC_PER_SEC : NSEC_PER_SEC;

	if (put_user(drawn->reading.value, &clock->value) ||
	    put_user(cycles ? 0 : drawn->reading.steps, &clock->steps) ||
	    put_user(frequency, &clock->frequency))
		return -EFAULT;
	return 0;
}

static long ioctl_clock(struct ndval_file *file, void __user *arg, bool nowait)
{
	struct ndval_proposal *proposal;
	struct ndval_drawn drawn = {};
	struct ndval_clock clock;
	u32 kind;
	int err;

	if (copy_from_user(&clock, arg, sizeof(clock)))
		return -EFAULT;
	kind = kind_of_clock(clock.clock);
	if (!kind || clock.flags)
		return -EINVAL;
	err = bind_default(file, patience_of(nowait));
	if (err)
		return err;
	proposal = ndval_proposal_create(&file->pair->mem, kind, 0, file->instance,
					 gfp_of(patience_of(nowait)));
	if (IS_ERR(proposal))
		return PTR_ERR(proposal);
	err = propose(file, proposal, &drawn, nowait, give_reading, arg);
	ndval_proposal_put(proposal);
	memzero_explicit(&drawn, sizeof(drawn));
	return err;
}

/**
 * struct agreed - the result of NDVAL_IOC_AGREE
 * @drawn: the record
 * @out: where its value goes
 * @size: room there
 */
struct agreed {
	struct ndval_drawn	drawn;
	void __user		*out;
	u32			size;
};

static int give_agreed(const struct ndval_drawn *drawn, void __user *to)
{
	const struct agreed *agreed = container_of(drawn, struct agreed, drawn);
	struct ndval_agreement __user *agreement = to;
	u32 length = drawn->record.length;

	if (put_user(length, &agreement->out_length))
		return -EFAULT;
	if (length > agreed->size)
		return -ENOBUFS;
	return copy_to_user(agreed->out, drawn->agreed, length) ? -EFAULT : 0;
}

static int agree(struct ndval_file *file, const struct ndval_agreement *agreement,
		 void __user *arg, bool nowait)
{
	gfp_t gfp = gfp_of(patience_of(nowait));
	struct ndval_proposal *proposal;
	struct agreed agreed = {
		.out	= u64_to_user_ptr(agreement->out),
		.size	= agreement->out_size,
	};
	int err;

	proposal = ndval_proposal_create(&file->pair->mem, NDVAL_VALUE_KIND_AGREED,
					 agreement->in_length, file->instance, gfp);
	if (IS_ERR(proposal))
		return PTR_ERR(proposal);
	agreed.drawn.agreed = kmalloc(NDVAL_AGREED_MAX, gfp | __GFP_ACCOUNT | __GFP_NOWARN);
	if (!agreed.drawn.agreed)
		err = ndval_mem_error(gfp);
	else if (copy_from_user(proposal->value, u64_to_user_ptr(agreement->in),
				agreement->in_length))
		err = -EFAULT;
	else
		err = propose(file, proposal, &agreed.drawn, nowait, give_agreed, arg);
	kfree_sensitive(agreed.drawn.agreed);
	ndval_proposal_put(proposal);
	return err;
}

static long ioctl_agree(struct ndval_file *file, void __user *arg, bool nowait)
{
	struct ndval_agreement agreement;
	int err;

	if (copy_from_user(&agreement, arg, sizeof(agreement)))
		return -EFAULT;
	if (agreement.flags)
		return -EINVAL;
	if (agreement.in_length > NDVAL_AGREED_MAX)
		return -EMSGSIZE;
	err = bind_default(file, patience_of(nowait));
	return err ?: agree(file, &agreement, arg, nowait);
}

static long ndval_ioctl(struct file *filp, unsigned int cmd, unsigned long arg)
{
	struct ndval_file *file = filp->private_data;
	bool nowait = filp->f_flags & O_NONBLOCK;

	switch (cmd) {
	case NDVAL_IOC_BIND:
		return ioctl_bind(file, (void __user *)arg, nowait);
	case NDVAL_IOC_INFO:
		return ioctl_info(file, (void __user *)arg, nowait);
	case NDVAL_IOC_CLOCK:
		return ioctl_clock(file, (void __user *)arg, nowait);
	case NDVAL_IOC_AGREE:
		return ioctl_agree(file, (void __user *)arg, nowait);
	default:
		return -ENOTTY;
	}
}

static const struct file_operations ndval_fops = {
	.owner		= THIS_MODULE,
	.open		= ndval_open,
	.release	= ndval_release,
	.read_iter	= ndval_read_iter,
	.poll		= ndval_poll,
	.fsync		= ndval_fsync,
	.unlocked_ioctl	= ndval_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
	.llseek		= NDVAL_NO_LLSEEK,
};

static struct ndval_pair *to_pair(const struct device *dev)
{
	return container_of(dev, struct ndval_pair, dev);
}

static char *node_devnode(NDVAL_DEVNODE_CONST struct device *dev, umode_t *mode,
			  kuid_t *uid, kgid_t *gid)
{
	const struct ndval_pair *pair = to_pair(dev);

	/*
	 * NULL when the node is removed: only the name is asked for then. The
	 * type, which is added anyway, keeps 0000 from meaning the default.
	 */
	if (mode)
		*mode = pair->mode | S_IFCHR;
	if (uid)
		*uid = pair->uid;
	if (gid)
		*gid = pair->gid;
	return NULL;
}

static void node_release(struct device *dev)
{
	ndval_pair_free(to_pair(dev));
}

static const struct device_type node_type = {
	.name		= "ndval",
	.groups		= ndval_sysfs_groups,
	.devnode	= node_devnode,
	.release	= node_release,
};

/**
 * ndval_chardev_prepare() - Make a new pair's device, not added yet.
 * @pair: the pair; from now on freed by dropping its last reference
 *
 * The minor number is set by whoever adds the device.
 */
void ndval_chardev_prepare(struct ndval_pair *pair)
{
	struct device *dev = &pair->dev;

	device_initialize(dev);
	dev->class = class;
	dev->type = &node_type;
	dev_set_drvdata(dev, pair);
	device_set_pm_not_required(dev);
}

/**
 * ndval_chardev_add() - Make a pair's node.
 * @pair: the pair, whose minor number is set
 *
 * Context: process, sleeps.
 * Return: 0 or a negative errno.
 */
int ndval_chardev_add(struct ndval_pair *pair)
{
	struct device *dev = &pair->dev;
	int err;

	dev->devt = MKDEV(MAJOR(base), pair->minor);
	if (strcmp(pair->name, NDVAL_DEFAULT))
		err = dev_set_name(dev, "ndval-%s", pair->name);
	else
		err = dev_set_name(dev, "ndval");
	return err ?: device_add(dev);
}

/**
 * ndval_chardev_init() - Reserve the minors and make the class.
 *
 * Return: 0 or a negative errno.
 */
int ndval_chardev_init(void)
{
	int err;

	err = alloc_chrdev_region(&base, 0, NDVAL_MINORS, "ndval");
	if (err)
		return err;
	class = ndval_class_create("ndval");
	if (IS_ERR(class)) {
		err = PTR_ERR(class);
		goto err_region;
	}
	cdev_init(&cdev, &ndval_fops);
	cdev.owner = THIS_MODULE;
	err = cdev_add(&cdev, base, NDVAL_MINORS);
	if (err)
		goto err_class;
	return 0;

err_class:
	class_destroy(class);
err_region:
	unregister_chrdev_region(base, NDVAL_MINORS);
	return err;
}

/**
 * ndval_chardev_exit() - The opposite of ndval_chardev_init().
 */
void ndval_chardev_exit(void)
{
	cdev_del(&cdev);
	class_destroy(class);
	unregister_chrdev_region(base, NDVAL_MINORS);
}
