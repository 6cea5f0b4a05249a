// SPDX-License-Identifier: GPL-2.0-only
/*
 * A reader whose buffer is a file of FUSE, mapped, sleeps in the copy until the
 * file system answers. As with userfaultfd (uffd.c) it delays nobody: no other
 * instance, no peer, no netlink command, no removal.
 *
 * vm: libs="-lfuse3 -lpthread" cflags="-D_FILE_OFFSET_BITS=64 -I/usr/include/fuse3" timeout=200
 */
#define FUSE_USE_VERSION	35
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "kselftest_harness.h"
#include "common.h"

#define TIMEOUT		60
#define PATIENCE	20
#define BUFFER		(4 * CHUNK)
#define MUCH		MIB
#define MOUNT		"/tmp/late"
#define INODE		2

/* A file system with one file, "buffer", whose pages come when they may. */
struct late {
	struct fuse_session	*session;
	pthread_t		thread;
	sem_t			asked;		/* somebody sleeps for a page */
	pthread_mutex_t		lock;
	bool			prompt;		/* answer at once from now on */
	unsigned int		count;
	fuse_req_t		held[8];	/* what is not answered yet */
	size_t			sizes[8];
};

static void late_stat(struct stat *stat, fuse_ino_t ino)
{
	memset(stat, 0, sizeof(*stat));
	stat->st_ino = ino;
	stat->st_nlink = 1;
	stat->st_mode = ino == INODE ? S_IFREG | 0600 : S_IFDIR | 0700;
	stat->st_size = ino == INODE ? BUFFER : 0;
}

static void late_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {
		.ino = INODE, .attr_timeout = TIMEOUT, .entry_timeout = TIMEOUT,
	};

	if (parent != FUSE_ROOT_ID || strcmp(name, "buffer")) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	late_stat(&entry.attr, INODE);
	fuse_reply_entry(req, &entry);
}

static void late_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi UNUSED)
{
	struct stat stat;

	late_stat(&stat, ino);
	fuse_reply_attr(req, &stat, TIMEOUT);
}

static void late_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (ino == INODE)
		fuse_reply_open(req, fi);
	else
		fuse_reply_err(req, EISDIR);
}

static void answer(fuse_req_t req, size_t size)
{
	static const char zeros[BUFFER];

	fuse_reply_buf(req, zeros, size < sizeof(zeros) ? size : sizeof(zeros));
}

static void late_read(fuse_req_t req, fuse_ino_t ino UNUSED, size_t size, off_t at UNUSED,
		      struct fuse_file_info *fi UNUSED)
{
	struct late *late = fuse_req_userdata(req);

	pthread_mutex_lock(&late->lock);
	if (late->prompt || late->count == ARRAY_LEN(late->held)) {
		answer(req, size);
	} else {
		late->sizes[late->count] = size;
		late->held[late->count++] = req;
		sem_post(&late->asked);
	}
	pthread_mutex_unlock(&late->lock);
}

/* What comes back when the mapping goes; nobody wants it. */
static void late_write(fuse_req_t req, fuse_ino_t ino UNUSED, const char *buf UNUSED,
		       size_t size, off_t at UNUSED, struct fuse_file_info *fi UNUSED)
{
	fuse_reply_write(req, size);
}

static const struct fuse_lowlevel_ops late_ops = {
	.lookup		= late_lookup,
	.getattr	= late_getattr,
	.open		= late_open,
	.read		= late_read,
	.write		= late_write,
};

/* Answers all that is asked, now and from now on. */
static void late_answer(struct late *late)
{
	pthread_mutex_lock(&late->lock);
	late->prompt = true;
	while (late->count--)
		answer(late->held[late->count], late->sizes[late->count]);
	late->count = 0;
	pthread_mutex_unlock(&late->lock);
}

static void *late_serve(void *session)
{
	fuse_session_loop(session);
	return NULL;
}

static bool late_start(struct late *late)
{
	char name[] = "late";
	char *argv[2] = { name };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);

	memset(late, 0, sizeof(*late));
	sem_init(&late->asked, 0, 0);
	pthread_mutex_init(&late->lock, NULL);
	mkdir(MOUNT, 0700);
	late->session = fuse_session_new(&args, &late_ops, sizeof(late_ops), late);
	return late->session && !fuse_session_mount(late->session, MOUNT) &&
	       !pthread_create(&late->thread, NULL, late_serve, late->session);
}

static void late_end(struct late *late)
{
	late_answer(late);
	/* The loop ends with the last user of the file system. */
	umount2(MOUNT, MNT_DETACH);
	pthread_join(late->thread, NULL);
	fuse_session_destroy(late->session);
	sem_destroy(&late->asked);
}

/* True once somebody sleeps for a page. */
static bool late_is_asked(struct late *late)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE;
	return !sem_timedwait(&late->asked, &end);
}

/* Members m1 and m2; the reader is instance 0 of web1 or, with @secondary, web2. */
FIXTURE(sleeper) {
	struct late late;
	const char *pair;
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

FIXTURE_SETUP(sleeper)
{
	int file;

	run("modprobe fuse");
	ASSERT_TRUE(two_members("instances=0,1"));
	self->pair = variant->secondary ? "web2" : "web1";
	self->fd = node_open(self->pair, 0);
	self->other = instance_open(self->pair, "", 1, 0);
	self->peer = node_open(variant->secondary ? "web1" : "web2", 0);
	ASSERT_LE(0, self->fd);
	ASSERT_LE(0, self->other);
	ASSERT_LE(0, self->peer);
	self->bytes = malloc(2 * MUCH);
	ASSERT_TRUE(late_start(&self->late));
	file = open(MOUNT "/buffer", O_RDWR | O_CLOEXEC);
	ASSERT_LE(0, file);
	self->buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
	ASSERT_NE(MAP_FAILED, self->buffer);
	close(file);
}

FIXTURE_TEARDOWN(sleeper)
{
	late_answer(&self->late);
	munmap(self->buffer, BUFFER);
	late_end(&self->late);
	close(self->fd);
	close(self->other);
	close(self->peer);
	free(self->bytes);
	two_members_end();
}

static void *read_into_file(void *arg)
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
	return !pthread_create(&self->thread, NULL, read_into_file, self) &&
	       late_is_asked(&self->late);
}

static bool is_asleep(FIXTURE_DATA(sleeper) * self)
{
	return !__atomic_load_n(&self->done, __ATOMIC_SEQ_CST);
}

/* Lets the reader go on; returns what its read gives. */
static ssize_t wake_up(FIXTURE_DATA(sleeper) * self)
{
	late_answer(&self->late);
	if (!wait_until(!is_asleep(self), PATIENCE))
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
	EXPECT_TRUE(is_asleep(self));
	ASSERT_EQ(BUFFER, wake_up(self));
	EXPECT_EQ(0, memcmp(self->bytes, self->buffer, BUFFER));
}

TEST_F_TIMEOUT(sleeper, delays_no_command, TIMEOUT)
{
	ASSERT_TRUE(put_to_sleep(self, 100));
	EXPECT_EQ(0, run("timeout 20 ndvalctl status"));
	EXPECT_EQ(0, run("timeout 20 ndvalctl stream list %s", self->pair));
	EXPECT_EQ(0, run("timeout 20 ndvalctl pair set %s ring_size=64K", self->pair));
	EXPECT_EQ(0, run("timeout 20 cat /sys/class/ndval/ndval-%s/memory", self->pair));
	EXPECT_EQ(0, run("timeout 20 ndvalctl link detach --member m1 --peer m2"));
	EXPECT_EQ(0, run("timeout 20 ndvalctl link attach --member m1 --peer m2 --unix-pair m2"));
	EXPECT_TRUE(is_asleep(self));
	EXPECT_EQ(100, wake_up(self));
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

TEST_F_TIMEOUT(sleeper, may_be_killed, TIMEOUT)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(get(self->fd, self->buffer, 100) == 100 ? 2 : 3);
	ASSERT_TRUE(late_is_asked(&self->late));
	ASSERT_EQ(0, waitpid(pid, &status, WNOHANG));
	ASSERT_EQ(0, kill(pid, SIGKILL));
	/* The page has not come yet. */
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_TRUE(WIFSIGNALED(status));
	/* It has got nothing, so this is the first read. */
	EXPECT_EQ(0, position(self->fd));
	EXPECT_EQ(100, get(self->fd, self->bytes, 100));
	EXPECT_EQ(100, get(self->other, self->bytes + 100, 100));
	EXPECT_EQ(0, memcmp(self->bytes, self->bytes + 100, 100));
}

TEST_HARNESS_MAIN
