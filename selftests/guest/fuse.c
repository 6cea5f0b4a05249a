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
struct trap {
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
	struct trap *trap = fuse_req_userdata(req);

	pthread_mutex_lock(&trap->lock);
	if (trap->prompt || trap->count == ARRAY_LEN(trap->held)) {
		answer(req, size);
	} else {
		trap->sizes[trap->count] = size;
		trap->held[trap->count++] = req;
		sem_post(&trap->asked);
	}
	pthread_mutex_unlock(&trap->lock);
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
static void trap_release(struct trap *trap, char *buffer UNUSED, size_t size UNUSED)
{
	pthread_mutex_lock(&trap->lock);
	trap->prompt = true;
	while (trap->count--)
		answer(trap->held[trap->count], trap->sizes[trap->count]);
	trap->count = 0;
	pthread_mutex_unlock(&trap->lock);
}

static void *late_serve(void *session)
{
	fuse_session_loop(session);
	return NULL;
}

static bool mount_late(struct trap *trap)
{
	char name[] = "late";
	char *argv[2] = { name };
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);

	run("modprobe fuse");
	memset(trap, 0, sizeof(*trap));
	sem_init(&trap->asked, 0, 0);
	pthread_mutex_init(&trap->lock, NULL);
	mkdir(MOUNT, 0700);
	trap->session = fuse_session_new(&args, &late_ops, sizeof(late_ops), trap);
	return trap->session && !fuse_session_mount(trap->session, MOUNT) &&
	       !pthread_create(&trap->thread, NULL, late_serve, trap->session);
}

static char *trap_set(struct trap *trap)
{
	char *buffer = MAP_FAILED;
	int file;

	if (!mount_late(trap))
		return NULL;
	file = open(MOUNT "/buffer", O_RDWR | O_CLOEXEC);
	if (file >= 0) {
		buffer = mmap(NULL, BUFFER, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
		close(file);
	}
	return buffer == MAP_FAILED ? NULL : buffer;
}

static void trap_end(struct trap *trap, char *buffer)
{
	trap_release(trap, buffer, BUFFER);
	munmap(buffer, BUFFER);
	/* The loop ends with the last user of the file system. */
	umount2(MOUNT, MNT_DETACH);
	pthread_join(trap->thread, NULL);
	fuse_session_destroy(trap->session);
	sem_destroy(&trap->asked);
}

static bool trap_has_caught(struct trap *trap)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += PATIENCE;
	return !sem_timedwait(&trap->asked, &end);
}

#include "sleeper.h"

TEST_F_TIMEOUT(sleeper, may_be_killed, TIMEOUT)
{
	int status;
	pid_t pid;

	pid = fork();
	if (!pid)
		_exit(get(self->fd, self->buffer, 100) == 100 ? 2 : 3);
	ASSERT_TRUE(trap_has_caught(&self->trap));
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
