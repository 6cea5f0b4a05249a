// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader whose buffer is a userfaultfd range sleeps in the copy as long as
 * the owner of the range likes. It delays nobody: no other instance, no peer,
 * no netlink command, no removal. What it copied counts only if nothing has
 * happened to its instance meanwhile.
 *
 * vm: timeout=200
 */
#include "kselftest_harness.h"

#include <linux/userfaultfd.h>
#include <pthread.h>

#include "common.h"

#define TIMEOUT		60
#define BUFFER		(4 * CHUNK)
#define MUCH		MIB

/* Members m1 and m2; the reader is instance 0 of web1 or, with @secondary, web2. */
FIXTURE(sleeper) {
	const char *pair;
	int uffd;
	int fd;
	int other;		/* instance 1 of the same pair */
	int peer;		/* instance 0 of the other pair */
	char *buffer;
	char *bytes;
	size_t size;
	pthread_t thread;
	ssize_t result;
	bool done;
};

FIXTURE_VARIANT(sleeper) {
	bool secondary;
};

FIXTURE_VARIANT_ADD(sleeper, of_the_primary) {
	.secondary = false,
};

FIXTURE_VARIANT_ADD(sleeper, of_a_secondary) {
	.secondary = true,
};

/* A descriptor for page faults of @size bytes at @memory, or -1. */
static int catch_faults(void *memory, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (unsigned long)memory, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0)
		return -1;
	if (ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &range)) {
		close(uffd);
		return -1;
	}
	return uffd;
}

/* True once somebody sleeps for a page of the range. */
static bool wait_for_fault(int uffd)
{
	struct pollfd p = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;

	return poll(&p, 1, 20000) == 1 && read(uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

/* Gives the range a page where it has none; also wakes who sleeps there. */
static void resolve(int uffd, char *memory, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += CHUNK) {
		struct uffdio_zeropage zero = {
			.range = { .start = (unsigned long)memory + at, .len = CHUNK },
		};

		ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	}
}

FIXTURE_SETUP(sleeper)
{
	ASSERT_TRUE(two_members("instances=0,1"));
	self->pair = variant->secondary ? "web2" : "web1";
	self->fd = node_open(self->pair, 0);
	self->other = instance_open(self->pair, "", 1, 0);
	self->peer = node_open(variant->secondary ? "web1" : "web2", 0);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->other);
	ASSERT_LE(0, self->peer);
	self->bytes = malloc(2 * MUCH);
	self->buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->buffer);
	self->uffd = catch_faults(self->buffer, BUFFER);
	ASSERT_LE(0, self->uffd);
}

FIXTURE_TEARDOWN(sleeper)
{
	close(self->uffd);
	close(self->fd);
	close(self->other);
	close(self->peer);
	munmap(self->buffer, BUFFER);
	free(self->bytes);
	two_members_end();
}

static void *read_into_range(void *arg)
{
	FIXTURE_DATA(sleeper) * self = arg;

	self->result = get(self->fd, self->buffer, self->size);
	__atomic_store_n(&self->done, true, __ATOMIC_SEQ_CST);
	return NULL;
}

/* Has the reader read @size bytes; true once it sleeps in its buffer. */
static bool put_to_sleep(FIXTURE_DATA(sleeper) * self, size_t size)
{
	self->size = size;
	return !pthread_create(&self->thread, NULL, read_into_range, self) &&
	       wait_for_fault(self->uffd);
}

static bool is_asleep(FIXTURE_DATA(sleeper) * self)
{
	return !__atomic_load_n(&self->done, __ATOMIC_SEQ_CST);
}

/* Lets the reader go on; returns what its read gives. */
static ssize_t wake_up(FIXTURE_DATA(sleeper) * self)
{
	resolve(self->uffd, self->buffer, BUFFER);
	if (!wait_until(!is_asleep(self), 20))
		return -ETIME;
	pthread_join(self->thread, NULL);
	return self->result;
}

TEST_F_TIMEOUT(sleeper, delays_no_other_instance_and_no_peer, TIMEOUT)
{
	size_t done;

	ASSERT_TRUE(put_to_sleep(self, 100));
	/* More than the window holds: the sleeper is lost on the way. */
	for (done = 0; done < MUCH; done += MUCH / 16) {
		ASSERT_TRUE(get_all(self->other, self->bytes + done, MUCH / 16, 10000));
		ASSERT_TRUE(get_all(self->peer, self->bytes + MUCH + done, MUCH / 16, 1000));
	}
	EXPECT_EQ(0, memcmp(self->bytes, self->bytes + MUCH, MUCH));
	EXPECT_TRUE(is_asleep(self));
	EXPECT_EQ(-EPIPE, wake_up(self));
	EXPECT_EQ(0, position(self->fd));
}

TEST_F_TIMEOUT(sleeper, gets_its_bytes_when_it_may_go_on, TIMEOUT)
{
	ASSERT_TRUE(put_to_sleep(self, BUFFER));
	ASSERT_TRUE(get_all(self->other, self->bytes, BUFFER, 1000));
	ASSERT_TRUE(get_all(self->peer, self->bytes + MUCH, BUFFER, 1000));
	EXPECT_TRUE(is_asleep(self));
	ASSERT_EQ(BUFFER, wake_up(self));
	EXPECT_EQ(0, memcmp(self->bytes, self->buffer, BUFFER));
	EXPECT_EQ(0, memcmp(self->bytes, self->bytes + MUCH, BUFFER));
}

TEST_F_TIMEOUT(sleeper, delays_no_reader_of_its_instance_that_does_not_wait, TIMEOUT)
{
	int fd = node_open(self->pair, O_NONBLOCK);
	struct iovec iov = { self->bytes, 16 };
	struct ndval_info info;

	ASSERT_TRUE(put_to_sleep(self, 100));
	EXPECT_EQ(-EAGAIN, get(fd, self->bytes, 16));
	EXPECT_EQ(-1, preadv2(self->fd, &iov, 1, -1, RWF_NOWAIT));
	EXPECT_EQ(EAGAIN, errno);
	EXPECT_EQ(POLLIN, poll_now(fd));
	EXPECT_EQ(0, ioctl(fd, NDVAL_IOC_INFO, &info));
	EXPECT_TRUE(is_asleep(self));
	EXPECT_EQ(100, wake_up(self));
	close(fd);
}

TEST_F_TIMEOUT(sleeper, delays_no_command, TIMEOUT)
{
	ASSERT_TRUE(put_to_sleep(self, 100));
	EXPECT_EQ(0, run("timeout 20 ndvalctl status"));
	EXPECT_EQ(0, run("timeout 20 ndvalctl instance list %s", self->pair));
	EXPECT_EQ(0, run("timeout 20 ndvalctl stream list %s", self->pair));
	EXPECT_EQ(0, run("timeout 20 ndvalctl pair set %s ring_size=64K", self->pair));
	EXPECT_EQ(0, run("timeout 20 ndvalctl pair set %s instances=0-2", self->pair));
	EXPECT_EQ(0, run("timeout 20 cat /sys/class/ndval/ndval-%s/memory", self->pair));
	EXPECT_EQ(0, run("timeout 20 ndvalctl link detach --member m1 --peer m2"));
	EXPECT_EQ(0, run("timeout 20 ndvalctl link attach --member m1 --peer m2 --unix-pair m2"));
	EXPECT_TRUE(is_asleep(self));
	EXPECT_EQ(100, wake_up(self));
}

TEST_F_TIMEOUT(sleeper, delays_no_repositioning_and_obeys_it, TIMEOUT)
{
	ASSERT_TRUE(get_all(self->other, self->bytes, 8192, 8192));
	ASSERT_TRUE(put_to_sleep(self, 100));
	ASSERT_EQ(0, run("timeout 20 ndvalctl instance set %s --at 50", self->pair));
	EXPECT_TRUE(is_asleep(self));
	/* The copy from offset 0 does not count; it is made again from 50. */
	ASSERT_EQ(100, wake_up(self));
	EXPECT_EQ(0, memcmp(self->bytes + 50, self->buffer, 100));
	EXPECT_EQ(150, position(self->fd));
}

TEST_F_TIMEOUT(sleeper, does_not_join_bytes_from_before_and_after_it_is_put, TIMEOUT)
{
	/* The first chunk goes to a page that is there. */
	resolve(self->uffd, self->buffer, CHUNK);
	ASSERT_TRUE(get_all(self->other, self->bytes, BUFFER, BUFFER));
	ASSERT_TRUE(put_to_sleep(self, 3 * CHUNK));
	ASSERT_EQ(0, run("timeout 20 ndvalctl instance set %s --at 10", self->pair));
	ASSERT_EQ(CHUNK, wake_up(self));
	EXPECT_EQ(0, memcmp(self->bytes, self->buffer, CHUNK));
	EXPECT_EQ(10, position(self->fd));
}

TEST_F_TIMEOUT(sleeper, delays_no_removal_and_gets_ENODEV, TIMEOUT)
{
	ASSERT_TRUE(put_to_sleep(self, 100));
	ASSERT_EQ(0, run("timeout 20 ndvalctl pair del %s", self->pair));
	EXPECT_EQ(-1, sys_get(self->pair, "memory"));
	/* The name is free at once, and the new pair is another. */
	EXPECT_EQ(0, run("timeout 20 ndvalctl pair add %s", self->pair));
	EXPECT_EQ(0, run("timeout 20 ndvalctl read %s -n 100", self->pair));
	EXPECT_TRUE(is_asleep(self));
	EXPECT_EQ(-ENODEV, wake_up(self));
}

TEST_F_TIMEOUT(sleeper, keeps_what_it_was_given_before_a_removal, TIMEOUT)
{
	resolve(self->uffd, self->buffer, CHUNK);
	ASSERT_TRUE(get_all(self->other, self->bytes, CHUNK, CHUNK));
	ASSERT_TRUE(put_to_sleep(self, 3 * CHUNK));
	ASSERT_EQ(0, run("timeout 20 ndvalctl pair del %s", self->pair));
	EXPECT_EQ(CHUNK, wake_up(self));
	EXPECT_EQ(0, memcmp(self->bytes, self->buffer, CHUNK));
	EXPECT_EQ(-ENODEV, get(self->fd, self->bytes, 1));
}

TEST_F_TIMEOUT(sleeper, may_be_killed, TIMEOUT)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid) {
		/* Ranges are not inherited: one of its own. */
		char *buffer = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (catch_faults(buffer, CHUNK) < 0)
			_exit(1);
		_exit(get(self->fd, buffer, 100) == 100 ? 2 : 3);
	}
	ASSERT_TRUE(wait_until(task_sleeps(pid), 20));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	/* It has got nothing, so this is the first read. */
	EXPECT_EQ(0, position(self->fd));
	EXPECT_EQ(100, get(self->fd, self->bytes, 100));
	EXPECT_EQ(100, get(self->other, self->bytes + 100, 100));
	EXPECT_EQ(0, memcmp(self->bytes, self->bytes + 100, 100));
}

TEST_HARNESS_MAIN
