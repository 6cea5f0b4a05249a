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

struct trap {
	int uffd;
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

static char *trap_set(struct trap *trap)
{
	char *buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (buffer == MAP_FAILED)
		return NULL;
	trap->uffd = catch_faults(buffer, BUFFER);
	return trap->uffd < 0 ? NULL : buffer;
}

static bool trap_has_caught(struct trap *trap)
{
	struct pollfd p = { .fd = trap->uffd, .events = POLLIN };
	struct uffd_msg msg;

	return poll(&p, 1, 20000) == 1 &&
	       read(trap->uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	       msg.event == UFFD_EVENT_PAGEFAULT;
}

/* Gives the range a page where it has none; also wakes who sleeps there. */
static void trap_release(struct trap *trap, char *memory, size_t size)
{
	size_t at;

	for (at = 0; at < size; at += CHUNK) {
		struct uffdio_zeropage zero = {
			.range = { .start = (unsigned long)memory + at, .len = CHUNK },
		};

		ioctl(trap->uffd, UFFDIO_ZEROPAGE, &zero);
	}
}

static void trap_end(struct trap *trap, char *buffer)
{
	close(trap->uffd);
	munmap(buffer, BUFFER);
}

#include "sleeper.h"

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
	trap_release(&self->trap, self->buffer, CHUNK);
	ASSERT_TRUE(get_all(self->other, self->bytes, BUFFER, BUFFER));
	ASSERT_TRUE(put_to_sleep(self, 3 * CHUNK));
	ASSERT_EQ(0, run("timeout 20 ndvalctl instance set %s --at 10", self->pair));
	ASSERT_EQ(CHUNK, wake_up(self));
	EXPECT_EQ(0, memcmp(self->bytes, self->buffer, CHUNK));
	EXPECT_EQ(10, position(self->fd));
}

TEST_F_TIMEOUT(sleeper, keeps_what_it_was_given_before_a_removal, TIMEOUT)
{
	trap_release(&self->trap, self->buffer, CHUNK);
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
