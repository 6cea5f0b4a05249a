/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the tests in C share: pairs are made and tuned with ndvalctl and sysfs,
 * as an administrator does it; then they are read.
 *
 * Nothing sleeps for a fixed time: wait_until() polls.
 */
#ifndef NDVAL_TEST_COMMON_H
#define NDVAL_TEST_COMMON_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/ndval.h>
#include <linux/ndval_netlink.h>

#define UNUSED		__attribute__((unused))

/* The harness' limit for one test, in s, is too little for a slow kernel. */
#ifdef TEST_TIMEOUT_DEFAULT
#undef TEST_TIMEOUT_DEFAULT
#define TEST_TIMEOUT_DEFAULT	120
#endif

#define CHUNK		4096
#define KIB		1024UL
#define MIB		(1024UL * KIB)
#define ARRAY_LEN(a)	(sizeof(a) / sizeof((a)[0]))

/* A number that the environment may give. */
static UNUSED __u64 from_environment(const char *name, __u64 otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

/* So many rounds of a test, fewer on a slower kernel; NDVAL_ROUNDS chooses. */
static UNUSED __u64 rounds_of(__u64 number)
{
	return from_environment("NDVAL_ROUNDS", number / from_environment("NDVAL_SLOWER", 1));
}

static UNUSED double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Polls until @condition is true; false after @limit seconds. */
#define wait_until(condition, limit)					\
	({								\
		double end_ = seconds() + (limit);			\
		bool met_;						\
									\
		while (!(met_ = (condition)) && seconds() < end_)	\
			usleep(5000);					\
		met_;							\
	})

/* A command line, run without a word; returns its exit status. */
static UNUSED __attribute__((format(printf, 1, 2))) int run(const char *fmt, ...)
{
	char what[1024], line[1100];
	va_list args;
	int status;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	snprintf(line, sizeof(line), "{ %s; } >/dev/null 2>&1", what);
	status = system(line);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/*
 * Copies of most tests read as they like, each its own way; link_check.c is
 * about those that may not.
 */
static UNUSED const char *reads_its_own_way(const char *settings)
{
	return strstr(settings, "on_divergence=") ? "" : "on_divergence=report";
}

/*
 * Makes a pair; one that is there already goes first. The harness does not
 * tear down after a failed assertion, and the next test is to start afresh.
 */
static UNUSED bool pair_new(const char *name, const char *settings)
{
	return !run("if [ -e /dev/ndval-%s ]; then ndvalctl pair del %s; fi;"
		    "ndvalctl pair add %s %s %s", name, name, name, settings,
		    reads_its_own_way(settings));
}

/* ndvalctl commands, a line each, all of them; true if they went well. */
static UNUSED __attribute__((format(printf, 1, 2))) bool batch(const char *fmt, ...)
{
	FILE *lines = popen("exec ndvalctl batch --keep-going >/dev/null 2>&1", "we");
	va_list args;

	if (!lines)
		return false;
	va_start(args, fmt);
	vfprintf(lines, fmt, args);
	va_end(args);
	return !pclose(lines);
}

/* A file of a pair in sysfs. */
static UNUSED void sys_path(char *path, size_t size, const char *pair, const char *file)
{
	if (!strcmp(pair, "default"))
		snprintf(path, size, "/sys/class/ndval/ndval/%s", file);
	else
		snprintf(path, size, "/sys/class/ndval/ndval-%s/%s", pair, file);
}

/* The number in a file of a pair in sysfs, -1 if there is none. */
static UNUSED long long sys_get(const char *pair, const char *file)
{
	char path[256], text[64];
	ssize_t len;
	int fd;

	sys_path(path, sizeof(path), pair, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return -1;
	text[len] = '\0';
	return strtoll(text, NULL, 10);
}

/* Writes a setting; returns 0 or an errno. */
static UNUSED int sys_set(const char *pair, const char *file, const char *value)
{
	char path[256];
	int fd, err = 0;

	sys_path(path, sizeof(path), pair, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	if (write(fd, value, strlen(value)) < 0)
		err = errno;
	close(fd);
	return err;
}

/* Opens the node of a pair. */
static UNUSED int node_open(const char *pair, int flags)
{
	char path[128];

	if (!strcmp(pair, "default"))
		return open("/dev/ndval", O_RDONLY | O_CLOEXEC | flags);
	snprintf(path, sizeof(path), "/dev/ndval-%s", pair);
	return open(path, O_RDONLY | O_CLOEXEC | flags);
}

/* NDVAL_IOC_BIND; returns 0 or an errno. */
static UNUSED int node_bind(int fd, const char *stream, unsigned int instance,
			    unsigned int flags)
{
	struct ndval_binding bind = { .instance = instance, .flags = flags };

	/* Not a string operation: 64 bytes without a NUL are a test too. */
	memcpy(bind.stream, stream, strnlen(stream, sizeof(bind.stream)));
	return ioctl(fd, NDVAL_IOC_BIND, &bind) ? errno : 0;
}

/* An open file of an instance in a stream; -1 and errno if it can't be had. */
static UNUSED int instance_open(const char *pair, const char *stream,
				unsigned int instance, int flags)
{
	int fd = node_open(pair, flags);
	int err;

	if (fd < 0)
		return -1;
	/* One that does not block does not wait for a lock either. */
	wait_until((err = node_bind(fd, stream, instance, 0)) != EAGAIN, 20);
	if (!err)
		return fd;
	close(fd);
	errno = err;
	return -1;
}

static UNUSED long long position(int fd)
{
	struct ndval_info info;

	return ioctl(fd, NDVAL_IOC_INFO, &info) ? -1 : (long long)info.position;
}

/*
 * Has a file bound by its first use. One that does not block gives up if another
 * holds the pair's lock just then, as links and reports do, and no stream is made.
 */
static UNUSED bool node_ready(int fd)
{
	return wait_until(position(fd) >= 0, 20);
}

/*
 * read(), with an errno as a negative number. Past the compiler, which would
 * refuse the bad buffers that are given here on purpose.
 */
static UNUSED ssize_t get(int fd, void *to, size_t size)
{
	ssize_t len = syscall(SYS_read, fd, to, size);

	return len < 0 ? -errno : len;
}

/*
 * Reads all of it in calls of at most @step bytes; false if that fails. A file
 * that does not block may have nothing for a moment, while a link's thread
 * holds a lock: it is polled.
 */
static UNUSED bool get_all(int fd, void *to, size_t size, size_t step)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char *at = to;

	while (size) {
		ssize_t len = read(fd, at, size < step ? size : step);

		if (len < 0 && errno == EAGAIN && poll(&p, 1, 5000) == 1)
			continue;
		if (len <= 0)
			return false;
		at += len;
		size -= len;
	}
	return true;
}

/* Does the task sleep in the kernel, as a reader does that waits? */
static UNUSED bool task_sleeps(pid_t tid)
{
	char path[64], text[512];
	char *state;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	state = strrchr(text, ')');
	return state && state[2] == 'S';
}

/* What poll() says at once of a file: events, or -errno. */
static UNUSED int poll_now(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) < 0 ? -errno : p.revents;
}

/* Memory that other processes share. */
static UNUSED void *shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

/* Removes what two_members() makes. */
static UNUSED void two_members_end(void)
{
	batch("pair del web1\npair del web2\nlink detach --member m1 --peer m2\n"
	      "member del m1\nmember del m2\n");
}

/*
 * Members m1 and m2 of this kernel, joined by a socketpair, with a pair of
 * group "web": web1 of m1, the primary, and web2 of m2. True once values flow.
 */
static UNUSED bool two_members(const char *settings)
{
	const char *more = reads_its_own_way(settings);

	if (sys_get("web1", "epoch") >= 0)
		two_members_end();
	return batch("member add m1\nmember add m2\n"
		     "link attach --member m1 --peer m2 --unix-pair m2\n"
		     "pair add web1 --group web --member m1 --peer m2 %s\n"
		     "pair add web2 --group web --member m2 --peer m1 %s\n"
		     "promote web1 --new\n%s %s\n",
		     settings, settings, *more ? "pair set web1" : "", more) &&
	       wait_until(sys_get("web2", "epoch") == 1, 20);
}

#endif /* NDVAL_TEST_COMMON_H */
