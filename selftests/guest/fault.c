// SPDX-License-Identifier: GPL-2.0-only
/*
 * Allocations that fail one after the other; fault.h tells how tests use it.
 *
 * vm: helper=yes
 */
#include "fault.h"

#include <dirent.h>

#include "common.h"

/* Beyond this the operation would never come to an end. */
#define NTH_MAX		5000

static bool put(const char *attribute, const char *file, const char *value)
{
	char path[128];
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", attribute, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = write(fd, value, strlen(value));
	close(fd);
	return len == (ssize_t)strlen(value);
}

/*
 * Nothing fails but what fail-nth says, in silence: the harness takes a stack
 * in the log for what it is. Allocations that may sleep, and single pages, are
 * left out unless told otherwise.
 */
bool fault_kinds(enum fault_kind kind)
{
	static const char * const attributes[] = {
		"failslab", "fail_page_alloc", "fail_usercopy",
	};
	size_t i;

	for (i = 0; i < ARRAY_LEN(attributes); i++)
		if (!put(attributes[i], "probability", "0") ||
		    !put(attributes[i], "verbose", "0"))
			return false;
	/* With the filter, only caches fail that were marked, and none is. */
	return put("failslab", "ignore-gfp-wait", "N") &&
	       put("failslab", "cache-filter", kind == FAULT_PAGES ? "Y" : "N") &&
	       put("fail_page_alloc", "ignore-gfp-wait", "N") &&
	       put("fail_page_alloc", "ignore-gfp-highmem", "N") &&
	       put("fail_page_alloc", "min-order", "0");
}

/*
 * Has the stack grow now to what will be needed of it: a task whose stack can't
 * grow for want of memory is killed.
 */
static void grow_stack(void)
{
	char stack[256 * KIB];

	/* Not memset(), which the compiler would leave out. */
	explicit_bzero(stack, sizeof(stack));
}

/**
 * fault_open() - get ready to let a task's allocations fail
 * @fault: set
 * @task: its name in /proc
 *
 * Return: false if there is no such task, or the kernel can't do it.
 */
bool fault_open(struct fault *fault, const char *task)
{
	char path[64];

	*fault = (struct fault){ .fd = -1 };
	grow_stack();
	if (!fault_kinds(FAULT_ALL))
		return false;
	snprintf(path, sizeof(path), "/proc/%s/fail-nth", task);
	fault->fd = open(path, O_RDWR | O_CLOEXEC);
	return fault->fd >= 0;
}

void fault_close(struct fault *fault)
{
	close(fault->fd);
	fault->fd = -1;
}

/* The number itself is copied from user memory, which may be what fails. */
static void set(struct fault *fault, unsigned int nth)
{
	char text[16];
	int tries, len;

	len = snprintf(text, sizeof(text), "%u", nth);
	for (tries = 0; tries < 4; tries++)
		if (pwrite(fault->fd, text, len, 0) == len)
			return;
	/* A task that has ended needs no more. */
}

/**
 * fault_next() - go on to the next allocation
 * @fault: the task's
 *
 * Return: false if the last operation did not come so far.
 */
bool fault_next(struct fault *fault)
{
	if ((fault->nth && !fault->reached) || fault->nth == NTH_MAX)
		return false;
	fault->nth++;
	return true;
}

/* From here on allocations count. */
void fault_arm(struct fault *fault)
{
	set(fault, fault->nth);
}

/**
 * fault_disarm() - nothing fails any more
 * @fault: the task's
 *
 * Return: whether something did.
 */
bool fault_disarm(struct fault *fault)
{
	char left[16] = "1";

	/*
	 * If there is one left, reading uses it up, and fails. A task that has
	 * ended, for which it fails too, did so for its failure.
	 */
	if (pread(fault->fd, left, sizeof(left) - 1, 0) <= 0)
		left[0] = errno == ESRCH ? '0' : '1';
	fault->left = atoi(left);
	fault->reached = !fault->left;
	set(fault, 0);
	fault->injected += fault->reached;
	return fault->reached;
}

/* Calls @fn with each task of which the name begins with @name. */
static void each_task(const char *name, void (*fn)(int tid, void *data), void *data)
{
	char path[288], comm[32];
	struct dirent *entry;
	DIR *proc = opendir("/proc");
	FILE *file;

	while (proc && (entry = readdir(proc))) {
		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		snprintf(path, sizeof(path), "/proc/%s/comm", entry->d_name);
		file = fopen(path, "re");
		if (!file)
			continue;
		if (fgets(comm, sizeof(comm), file) && !strncmp(comm, name, strlen(name)))
			fn(atoi(entry->d_name), data);
		fclose(file);
	}
	if (proc)
		closedir(proc);
}

static void take_tid(int tid, void *data)
{
	*(int *)data = tid;
}

/* Number of a thread of a link, "rx" or "tx"; -1 if there is none. */
int fault_thread(const char *what, unsigned int link)
{
	char name[32];
	int tid = -1;

	snprintf(name, sizeof(name), "ndval-%s/%u\n", what, link);
	each_task(name, take_tid, &tid);
	return tid;
}

/* Of so many failures, those are left that did not happen yet. */
#define WORKERS_TIMES	1000000

static void mark_worker(int tid, void *data)
{
	const unsigned int *percent = data;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/make-it-fail", tid);
	file = fopen(path, "we");
	if (!file)
		return;
	fputs(*percent ? "1" : "0", file);
	fclose(file);
}

/**
 * fault_workers() - let so many of the allocations of the kernel's workers fail
 * @percent: how many; 0 ends it
 *
 * Workers that are made later are not among them.
 *
 * Return: false if the kernel can't do it.
 */
bool fault_workers(unsigned int percent)
{
	char number[16], times[16];

	each_task("kworker/", mark_worker, &percent);
	snprintf(number, sizeof(number), "%u", percent);
	snprintf(times, sizeof(times), "%u", WORKERS_TIMES);
	return fault_kinds(FAULT_ALL) && put("failslab", "task-filter", "Y") &&
	       (!percent || put("failslab", "times", times)) &&
	       put("failslab", "probability", number);
}

/* Allocations of workers that have failed. */
unsigned int fault_workers_failed(void)
{
	FILE *file = fopen("/sys/kernel/debug/failslab/times", "re");
	unsigned int left = WORKERS_TIMES;

	if (file && fscanf(file, "%u", &left) != 1)
		left = WORKERS_TIMES;
	if (file)
		fclose(file);
	return WORKERS_TIMES - left;
}
