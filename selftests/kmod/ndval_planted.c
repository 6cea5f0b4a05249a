// SPDX-License-Identifier: GPL-2.0-only
/*
 * Mistakes, made on purpose, one for each thing that the debug kernels are to
 * catch: modprobe ndval_planted mistake=NAME. See selftests/hosts/test_debug_kernel.py.
 * Where the mistake is an allocation that has to fail, loading fails with ENOMEM.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

static char *mistake = "";
module_param(mistake, charp, 0444);
MODULE_PARM_DESC(mistake, "which one");

static DEFINE_SPINLOCK(spin);
static DEFINE_MUTEX(outer);
static DEFINE_MUTEX(inner);

/* A number that the compiler does not know. */
static unsigned int hidden(unsigned int number)
{
	OPTIMIZER_HIDE_VAR(number);
	return number;
}

static int write_beyond(void)
{
	char *memory = kmalloc(16, GFP_KERNEL);

	if (!memory)
		return -EIO;
	OPTIMIZER_HIDE_VAR(memory);
	WRITE_ONCE(memory[hidden(16)], 'x');
	kfree(memory);
	return 0;
}

static int read_freed_page(void)
{
	u8 *page = (u8 *)__get_free_page(GFP_KERNEL);

	if (!page)
		return -EIO;
	free_page((unsigned long)page);
	OPTIMIZER_HIDE_VAR(page);
	READ_ONCE(page[hidden(16)]);
	return 0;
}

static int lock_the_other_way_round(void)
{
	mutex_lock(&outer);
	mutex_lock(&inner);
	mutex_unlock(&inner);
	mutex_unlock(&outer);

	mutex_lock(&inner);
	mutex_lock(&outer);
	mutex_unlock(&outer);
	mutex_unlock(&inner);
	return 0;
}

static int sleep_under_a_spinlock(void)
{
	spin_lock(&spin);
	mutex_lock(&outer);
	mutex_unlock(&outer);
	spin_unlock(&spin);
	return 0;
}

static int leak(void)
{
	char *memory = kmalloc(1000, GFP_KERNEL);

	if (!memory)
		return -EIO;
	OPTIMIZER_HIDE_VAR(memory);
	return 0;
}

static int shift_too_far(void)
{
	return (1 << hidden(70)) == 12345 ? -EIO : 0;
}

static int index_too_high(void)
{
	static int numbers[16];

	return READ_ONCE(numbers[hidden(16)]) == 12345 ? -EIO : 0;
}

static void ring(struct timer_list *timer)
{
}

static int free_active_timer(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return -EIO;
	timer_setup(timer, ring, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
	return 0;
}

static int count_from_nothing(void)
{
	refcount_t count = REFCOUNT_INIT(0);

	refcount_inc(&count);
	return 0;
}

static int delete_twice(void)
{
	LIST_HEAD(list);
	LIST_HEAD(item);

	list_add(&item, &list);
	list_del(&item);
	list_del(&item);
	return 0;
}

static unsigned int raced;

static int race_a_little(void *done)
{
	unsigned long end = jiffies + 2 * HZ;

	while (time_before(jiffies, end)) {
		raced++;
		barrier();	/* in memory, each time */
		cond_resched();
	}
	complete_all(done);
	return 0;
}

static struct task_struct *racer(unsigned int cpu, struct completion *done)
{
	struct task_struct *task = kthread_create(race_a_little, done, "ndval-race/%u", cpu);

	if (!IS_ERR(task)) {
		kthread_bind(task, cpu);
		wake_up_process(task);
	}
	return task;
}

/* On the first two processors. */
static int race(void)
{
	static DECLARE_COMPLETION(one_done);
	static DECLARE_COMPLETION(other_done);
	struct task_struct *one, *other;

	if (!cpu_online(0) || !cpu_online(1))
		return -ENXIO;
	one = racer(0, &one_done);
	other = racer(1, &other_done);
	if (!IS_ERR(one))
		wait_for_completion(&one_done);
	if (!IS_ERR(other))
		wait_for_completion(&other_done);
	return IS_ERR(one) || IS_ERR(other) ? -EIO : 0;
}

#ifdef CONFIG_FAULT_INJECTION
static int fail_to_allocate(void)
{
	void *memory;

	current->fail_nth = 1;
	memory = kmalloc(16, GFP_KERNEL);
	current->fail_nth = 0;
	kfree(memory);
	return memory ? 0 : -ENOMEM;
}

static int fail_to_get_a_page(void)
{
	unsigned long page;

	current->fail_nth = 1;
	page = __get_free_page(GFP_KERNEL);
	current->fail_nth = 0;
	free_page(page);
	return page ? 0 : -ENOMEM;
}
#endif

static const struct {
	const char	*name;
	int		(*make)(void);
} mistakes[] = {
	{ "write-beyond",	write_beyond },
	{ "read-freed-page",	read_freed_page },
	{ "lock-order",		lock_the_other_way_round },
	{ "atomic-sleep",	sleep_under_a_spinlock },
	{ "leak",		leak },
	{ "shift",		shift_too_far },
	{ "index",		index_too_high },
	{ "active-timer",	free_active_timer },
	{ "refcount",		count_from_nothing },
	{ "list",		delete_twice },
	{ "race",		race },
#ifdef CONFIG_FAULT_INJECTION
	{ "kmalloc",		fail_to_allocate },
	{ "page",		fail_to_get_a_page },
#endif
};

static int __init planted_init(void)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(mistakes); i++)
		if (!strcmp(mistake, mistakes[i].name))
			return mistakes[i].make();
	return -EINVAL;
}

static void __exit planted_exit(void)
{
}

module_init(planted_init);
module_exit(planted_exit);

MODULE_DESCRIPTION("Mistakes for the debug kernels to catch");
MODULE_LICENSE("GPL");
