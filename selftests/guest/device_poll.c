// SPDX-License-Identifier: GPL-2.0-only
/*
 * poll, select, epoll and io_uring: readiness comes when a read would give
 * something, an error or the pair's removal is shown, and nobody is forgotten
 * who waits.
 *
 * vm: timeout=200 libs="-l:liburing.a"
 */
#include "kselftest_harness.h"

#include <liburing.h>
#include <sys/epoll.h>
#include <sys/select.h>

#include "common.h"

#define TIMEOUT	60
#define SOON	20000		/* ms */

/*
 * Instance 0 has read all that the window of two chunks can hold, and cannot
 * go on before instance 1 does.
 */
FIXTURE(poller) {
	int fd;
	int holder;
	char bytes[16 * KIB];
};

FIXTURE_SETUP(poller)
{
	ASSERT_TRUE(pair_new("p", "ring_size=8K instances=0,1 overflow=stall"));
	self->fd = node_open("p", O_NONBLOCK);
	self->holder = instance_open("p", "", 1, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->holder);
	ASSERT_EQ(8192, get(self->fd, self->bytes, sizeof(self->bytes)));
}

FIXTURE_TEARDOWN(poller)
{
	close(self->fd);
	close(self->holder);
	run("ndvalctl pair del p");
}

/* Makes room for one chunk. */
static void let_go(int holder)
{
	char chunk[CHUNK];

	get_all(holder, chunk, sizeof(chunk), sizeof(chunk));
}

/* Does so in a process of its own once this one sleeps. */
static pid_t let_go_later(int holder)
{
	pid_t waiter = getpid();
	pid_t pid = fork();

	if (pid)
		return pid;
	wait_until(task_sleeps(waiter), 20);
	let_go(holder);
	_exit(0);
}

static pid_t remove_later(const char *pair)
{
	pid_t waiter = getpid();
	pid_t pid = fork();

	if (pid)
		return pid;
	wait_until(task_sleeps(waiter), 20);
	_exit(run("ndvalctl pair del %s", pair));
}

TEST_F(poller, poll_is_ready_where_a_primary_could_issue)
{
	int fd;

	ASSERT_TRUE(pair_new("q", ""));
	fd = node_open("q", 0);
	EXPECT_EQ(POLLIN, poll_now(fd));
	/* Asking has consumed nothing. */
	EXPECT_EQ(0, position(fd));
	close(fd);
	ASSERT_EQ(0, run("ndvalctl pair del q"));
}

TEST_F_TIMEOUT(poller, poll_waits_until_there_is_something, TIMEOUT)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN };
	pid_t pid;

	ASSERT_EQ(0, poll(&p, 1, 0));
	pid = let_go_later(self->holder);
	ASSERT_EQ(1, poll(&p, 1, SOON));
	EXPECT_EQ(POLLIN, p.revents);
	EXPECT_EQ(4096, get(self->fd, self->bytes, sizeof(self->bytes)));
	EXPECT_EQ(0, poll(&p, 1, 0));
	waitpid(pid, NULL, 0);
}

TEST_F_TIMEOUT(poller, select_waits_until_there_is_something, TIMEOUT)
{
	struct timeval soon = { SOON / 1000, 0 };
	fd_set set;
	pid_t pid;

	FD_ZERO(&set);
	FD_SET(self->fd, &set);
	pid = let_go_later(self->holder);
	ASSERT_EQ(1, select(self->fd + 1, &set, NULL, NULL, &soon));
	EXPECT_TRUE(FD_ISSET(self->fd, &set));
	EXPECT_EQ(4096, get(self->fd, self->bytes, sizeof(self->bytes)));
	waitpid(pid, NULL, 0);
}

static int epoll_of(int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };
	int epoll_fd = epoll_create1(EPOLL_CLOEXEC);

	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -1 : epoll_fd;
}

/* The events of one file, 0 if none came in time. */
static uint32_t epoll_now(int epoll_fd, int timeout)
{
	struct epoll_event event;

	return epoll_wait(epoll_fd, &event, 1, timeout) == 1 ? event.events : 0;
}

TEST_F_TIMEOUT(poller, epoll_tells_each_time_there_is_something, TIMEOUT)
{
	int level = epoll_of(self->fd, EPOLLIN);
	int edge = epoll_of(self->fd, EPOLLIN | EPOLLET);
	int i;

	ASSERT_LE(0, level);
	ASSERT_LE(0, edge);
	for (i = 0; i < 20; i++) {
		pid_t pid;

		ASSERT_EQ(0, epoll_now(level, 0));
		ASSERT_EQ(0, epoll_now(edge, 0));
		pid = let_go_later(self->holder);
		ASSERT_EQ(EPOLLIN, epoll_now(i & 1 ? level : edge, SOON));
		ASSERT_EQ(EPOLLIN, epoll_now(i & 1 ? edge : level, SOON));
		ASSERT_EQ(EPOLLIN, epoll_now(level, 0));
		ASSERT_EQ(4096, get(self->fd, self->bytes, sizeof(self->bytes)));
		waitpid(pid, NULL, 0);
	}
	close(level);
	close(edge);
}

TEST_F_TIMEOUT(poller, poll_waits_on_a_secondary_until_values_come, TIMEOUT)
{
	struct pollfd p = { .events = POLLIN };
	pid_t pid;

	ASSERT_TRUE(two_members(""));
	ASSERT_EQ(0, run("ndvalctl link detach --member m1 --peer m2"));
	p.fd = instance_open("web2", "fresh", 0, O_NONBLOCK);
	ASSERT_LE(0, p.fd);
	ASSERT_EQ(0, poll(&p, 1, 0));
	ASSERT_EQ(-EAGAIN, get(p.fd, self->bytes, 1));
	pid = fork();
	if (!pid) {
		wait_until(task_sleeps(getppid()), 20);
		_exit(run("ndvalctl link attach --member m1 --peer m2 --unix-pair m2"));
	}
	/* Nobody has read: to poll is to ask for values. */
	ASSERT_EQ(1, poll(&p, 1, SOON));
	EXPECT_EQ(POLLIN, p.revents);
	EXPECT_EQ(16, get(p.fd, self->bytes, 16));
	waitpid(pid, NULL, 0);
	close(p.fd);
	two_members_end();
}

TEST_F(poller, poll_shows_an_error_when_the_instance_is_lost)
{
	ASSERT_EQ(POLLIN, poll_now(self->holder));
	ASSERT_EQ(0, sys_set("p", "overflow", "drop"));
	ASSERT_EQ(1, get(self->fd, self->bytes, 1));
	EXPECT_EQ(POLLIN | POLLERR, poll_now(self->holder));
	EXPECT_EQ(-EPIPE, get(self->holder, self->bytes, 1));
	EXPECT_EQ(POLLIN | POLLERR, poll_now(self->holder));
	ASSERT_EQ(0, run("ndvalctl instance set p --instance 1 --at 8192"));
	EXPECT_EQ(POLLIN, poll_now(self->holder));
}

TEST_F(poller, poll_shows_an_error_when_the_instance_is_not_expected_any_more)
{
	ASSERT_EQ(0, sys_set("p", "instances", "0"));
	EXPECT_EQ(POLLIN | POLLERR, poll_now(self->holder));
	EXPECT_EQ(-ENXIO, get(self->holder, self->bytes, 1));
}

TEST_F(poller, poll_shows_an_error_when_binding_is_required)
{
	int fd = node_open("p", 0);

	ASSERT_EQ(0, sys_set("p", "bind", "required"));
	EXPECT_EQ(POLLIN | POLLERR, poll_now(fd));
	EXPECT_EQ(-ENXIO, get(fd, self->bytes, 1));
	/* Who is bound goes on. */
	EXPECT_EQ(POLLIN, poll_now(self->holder));
	close(fd);
}

TEST_F_TIMEOUT(poller, poll_and_select_wake_when_the_pair_is_removed, TIMEOUT)
{
	struct pollfd p = { .fd = self->fd, .events = POLLIN };
	fd_set read_set, except_set;
	pid_t pid = remove_later("p");
	int status;

	ASSERT_EQ(1, poll(&p, 1, SOON));
	EXPECT_EQ(POLLIN | POLLERR | POLLHUP, p.revents);
	EXPECT_EQ(-ENODEV, get(self->fd, self->bytes, 1));
	waitpid(pid, &status, 0);
	EXPECT_EQ(0, status);
	FD_ZERO(&read_set);
	FD_ZERO(&except_set);
	FD_SET(self->fd, &read_set);
	FD_SET(self->fd, &except_set);
	EXPECT_EQ(1, select(self->fd + 1, &read_set, NULL, &except_set, NULL));
	EXPECT_TRUE(FD_ISSET(self->fd, &read_set));
}

TEST_F_TIMEOUT(poller, epoll_entries_survive_the_removal_of_the_pair, TIMEOUT)
{
	int epoll_fd = epoll_of(self->fd, EPOLLIN);
	int holder_fd = epoll_of(self->holder, EPOLLIN);
	pid_t pid = remove_later("p");
	int i, status;

	ASSERT_LE(0, epoll_fd);
	ASSERT_EQ(EPOLLIN | EPOLLERR | EPOLLHUP, epoll_now(epoll_fd, SOON));
	waitpid(pid, &status, 0);
	ASSERT_EQ(0, status);
	/* A pair of that name comes and goes: these files are the old one's. */
	for (i = 0; i < 3; i++) {
		ASSERT_TRUE(pair_new("p", ""));
		ASSERT_EQ(EPOLLIN | EPOLLERR | EPOLLHUP, epoll_now(epoll_fd, 0));
		ASSERT_EQ(EPOLLIN | EPOLLERR | EPOLLHUP, epoll_now(holder_fd, 0));
		ASSERT_EQ(-ENODEV, get(self->fd, self->bytes, 1));
		ASSERT_EQ(0, run("ndvalctl pair del p"));
	}
	/* The file goes before the entry, then the other way around. */
	close(self->fd);
	EXPECT_EQ(0, epoll_now(epoll_fd, 0));
	close(epoll_fd);
	close(holder_fd);
	self->fd = open("/dev/null", O_RDONLY);
}

/* -- io_uring ------------------------------------------------------------------- */

FIXTURE(uring) {
	struct io_uring ring;
	int fd;
	int holder;
	char bytes[16 * KIB];
};

FIXTURE_SETUP(uring)
{
	ASSERT_TRUE(pair_new("u", "ring_size=8K instances=0,1 overflow=stall"));
	self->fd = node_open("u", 0);
	self->holder = instance_open("u", "", 1, 0);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->holder);
	ASSERT_EQ(0, io_uring_queue_init(8, &self->ring, 0));
}

FIXTURE_TEARDOWN(uring)
{
	io_uring_queue_exit(&self->ring);
	close(self->fd);
	close(self->holder);
	run("ndvalctl pair del u");
}

static void submit_read(struct io_uring *ring, int fd, void *to, size_t size)
{
	io_uring_prep_read(io_uring_get_sqe(ring), fd, to, size, -1);
	io_uring_submit(ring);
}

/* The result of what ends next; -ETIME if nothing does within @seconds. */
static int next_result(struct io_uring *ring, int seconds)
{
	struct __kernel_timespec limit = { .tv_sec = seconds };
	struct io_uring_cqe *cqe;
	int err = io_uring_wait_cqe_timeout(ring, &cqe, &limit);
	int res;

	if (err)
		return err;
	res = cqe->res;
	io_uring_cqe_seen(ring, cqe);
	return res;
}

TEST_F_TIMEOUT(uring, reads_what_can_be_had_at_once, TIMEOUT)
{
	char other[8000];

	submit_read(&self->ring, self->fd, self->bytes, 8000);
	ASSERT_EQ(8000, next_result(&self->ring, 20));
	ASSERT_TRUE(get_all(self->holder, other, sizeof(other), 1000));
	EXPECT_EQ(0, memcmp(other, self->bytes, sizeof(other)));
}

TEST_F_TIMEOUT(uring, waits_for_what_cannot, TIMEOUT)
{
	int i;

	ASSERT_EQ(8192, get(self->fd, self->bytes, 8192));
	for (i = 0; i < 5; i++) {
		submit_read(&self->ring, self->fd, self->bytes, 4096);
		ASSERT_EQ(-ETIME, next_result(&self->ring, 0));
		let_go(self->holder);
		ASSERT_EQ(4096, next_result(&self->ring, 20));
	}
	EXPECT_EQ(8192 + 5 * 4096, position(self->fd));
}

TEST_F_TIMEOUT(uring, polls_and_then_reads, TIMEOUT)
{
	struct io_uring_sqe *sqe;

	ASSERT_EQ(8192, get(self->fd, self->bytes, 8192));
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_poll_add(sqe, self->fd, POLLIN);
	sqe->flags |= IOSQE_IO_LINK;
	submit_read(&self->ring, self->fd, self->bytes, 100);
	ASSERT_EQ(-ETIME, next_result(&self->ring, 0));
	let_go(self->holder);
	ASSERT_EQ(POLLIN, next_result(&self->ring, 20));
	ASSERT_EQ(100, next_result(&self->ring, 20));
}

TEST_F_TIMEOUT(uring, sees_ENODEV_when_the_pair_is_removed, TIMEOUT)
{
	ASSERT_EQ(8192, get(self->fd, self->bytes, 8192));
	submit_read(&self->ring, self->fd, self->bytes, 100);
	io_uring_prep_poll_add(io_uring_get_sqe(&self->ring), self->fd, POLLIN);
	io_uring_submit(&self->ring);
	ASSERT_EQ(-ETIME, next_result(&self->ring, 0));
	ASSERT_EQ(0, run("ndvalctl pair del u"));
	/* In either order. */
	ASSERT_EQ(-ENODEV + (POLLIN | POLLERR | POLLHUP),
		  next_result(&self->ring, 20) + next_result(&self->ring, 20));
}

TEST_F_TIMEOUT(uring, lets_go_of_a_read_that_is_cancelled, TIMEOUT)
{
	struct io_uring_sqe *sqe;
	int first, second;

	ASSERT_EQ(8192, get(self->fd, self->bytes, 8192));
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_read(sqe, self->fd, self->bytes, 100, -1);
	io_uring_sqe_set_data64(sqe, 7);
	io_uring_submit(&self->ring);
	ASSERT_EQ(-ETIME, next_result(&self->ring, 0));
	sqe = io_uring_get_sqe(&self->ring);
	io_uring_prep_cancel64(sqe, 7, 0);
	io_uring_submit(&self->ring);
	first = next_result(&self->ring, 20);
	second = next_result(&self->ring, 20);
	EXPECT_TRUE((!first && (second == -ECANCELED || second == -EINTR)) ||
		    (!second && (first == -ECANCELED || first == -EINTR)));
	let_go(self->holder);
	EXPECT_EQ(100, get(self->fd, self->bytes, 100));
	EXPECT_EQ(8292, position(self->fd));
}

TEST_HARNESS_MAIN
