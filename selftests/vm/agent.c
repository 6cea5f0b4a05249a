// SPDX-License-Identifier: GPL-2.0-only
/*
 * agent - runs commands in a guest for the harness outside
 *
 *   agent PORT
 *
 * PORT is a virtio serial port.  Any number of commands run at the same time,
 * each known by a number that the harness chose; bytes are carried unchanged
 * both ways and the end of a command is told the moment it ends, so nothing has
 * to be polled, quoted or escaped.  A frame is 12 bytes, little-endian, and
 * then LENGTH bytes:
 *
 *   u32 length, u32 number, u32 type
 *
 *   to the guest                          from the guest
 *   'x' run payload with sh -c            'h' hello: the kernel's release
 *   't' the same on a terminal;           'o' bytes from its stdout
 *       empty: an interactive bash        'e' bytes from its stderr
 *   'i' bytes for its stdin               'z' it ended: "exit N"
 *   'c' close its stdin                       or "signal N"
 *   'w' window size: u16 rows, columns
 *   'k' kill its session: u8 signal
 *   'K' kill every process of the guest
 *
 * A command is the leader of a session of its own.  It has ended when its first
 * process has, even if something it left behind still holds its stdout.
 */
#define _GNU_SOURCE
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_JOBS	256
#define MAX_FRAME	1048576

struct frame {
	__u32 length;
	__u32 number;
	__u32 type;
};

/* One running command. in, out and err are -1 once closed. */
struct job {
	__u32 number;
	pid_t pid;
	int in;
	int out;
	int err;
	int close_in;		/* close stdin once the queue is written */
	char *queue;		/* bytes for stdin that did not fit in yet */
	size_t queued;
	size_t written;		/* of the queue */
};

static struct job jobs[MAX_JOBS];
static int port = -1;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void write_all(const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(port, p, len);

		if (n < 0 && (errno == EINTR || errno == EAGAIN)) {
			struct pollfd pfd = { .fd = port, .events = POLLOUT };

			/* Nobody listens: what is said now is lost. */
			if (poll(&pfd, 1, -1) == 1 && (pfd.revents & POLLHUP))
				return;
			continue;
		}
		if (n < 0)
			return;
		p += n;
		len -= n;
	}
}

static void say(__u32 number, char type, const void *data, __u32 len)
{
	struct frame head = { .length = len, .number = number, .type = type };

	write_all(&head, sizeof(head));
	write_all(data, len);
}

static struct job *find_job(__u32 number)
{
	for (int i = 0; i < MAX_JOBS; i++)
		if (jobs[i].pid && jobs[i].number == number)
			return &jobs[i];
	return NULL;
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void close_in(struct job *job)
{
	close_fd(&job->in);
	free(job->queue);
	job->queue = NULL;
	job->queued = 0;
	job->written = 0;
}

static void run_child(const char *command)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	if (command[0])
		execl("/bin/sh", "sh", "-c", command, NULL);
	else
		execl("/bin/bash", "-bash", NULL);
	_exit(127);
}

static void start_on_terminal(struct job *job, const char *command)
{
	int master;

	job->pid = forkpty(&master, NULL, NULL, NULL);
	if (job->pid == 0)
		run_child(command);
	job->out = master;
	job->in = dup(master);
	job->err = -1;
}

static void start_on_pipes(struct job *job, const char *command)
{
	int in[2], out[2], err[2];

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		die("agent: pipe");
	job->pid = fork();
	if (job->pid == 0) {
		setsid();
		dup2(in[0], 0);
		dup2(out[1], 1);
		dup2(err[1], 2);
		run_child(command);
	}
	close(in[0]);
	close(out[1]);
	close(err[1]);
	job->in = in[1];
	job->out = out[0];
	job->err = err[0];
}

static void set_nonblock(int fd)
{
	if (fd >= 0) {
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		fcntl(fd, F_SETFD, FD_CLOEXEC);
	}
}

static void start(__u32 number, int terminal, const char *command)
{
	struct job *job = NULL;

	for (int i = 0; i < MAX_JOBS && !job; i++)
		if (!jobs[i].pid)
			job = &jobs[i];
	if (!job) {
		say(number, 'e', "agent: too many commands\n", 25);
		say(number, 'z', "exit 126", 8);
		return;
	}
	memset(job, 0, sizeof(*job));
	job->number = number;
	if (terminal)
		start_on_terminal(job, command);
	else
		start_on_pipes(job, command);
	if (job->pid < 0)
		die("agent: fork");
	set_nonblock(job->in);
	set_nonblock(job->out);
	set_nonblock(job->err);
}

/* Writes what the command's stdin takes; the rest waits for POLLOUT. */
static void feed(struct job *job)
{
	while (job->written < job->queued && job->in >= 0) {
		ssize_t n = write(job->in, job->queue + job->written,
				  job->queued - job->written);

		if (n < 0) {
			if (errno != EAGAIN)
				close_in(job);
			return;
		}
		job->written += n;
	}
	job->queued = 0;
	job->written = 0;
	if (job->close_in)
		close_in(job);
}

static void enqueue(struct job *job, const char *data, size_t len)
{
	if (job->in < 0)
		return;
	job->queue = realloc(job->queue, job->queued + len);
	if (!job->queue)
		die("agent: memory");
	memcpy(job->queue + job->queued, data, len);
	job->queued += len;
	feed(job);
}

/*
 * Passes on what can be read now: at most four buffers, so that a command that
 * never stops writing starves nobody. That is also more than a pipe holds, so
 * that nothing is lost after the writer's end. A terminal's end is EIO.
 */
static void drain(struct job *job, int *fd, char type)
{
	static char buf[65536];

	for (int i = 0; i < 4 && *fd >= 0; i++) {
		ssize_t n = read(*fd, buf, sizeof(buf));

		if (n > 0) {
			say(job->number, type, buf, n);
			continue;
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 || errno != EAGAIN)
			close_fd(fd);
		return;
	}
}

/* A child that has not run yet has no session. */
static void signal_job(const struct job *job, int sig)
{
	if (kill(-job->pid, sig))
		kill(job->pid, sig);
}

static void kill_jobs(void)
{
	for (int i = 0; i < MAX_JOBS; i++)
		if (jobs[i].pid)
			signal_job(&jobs[i], SIGKILL);
}

/* True for init, its subshells, and agents. */
static int is_ours(const char *pid)
{
	char path[64], line[64] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%.16s/cmdline", pid);
	file = fopen(path, "r");
	if (file) {
		/* Arguments end in a zero byte: the second one is /init. */
		size_t n = fread(line, 1, sizeof(line) - 1, file);

		fclose(file);
		if (!strcmp(line, "agent"))
			return 1;
		return n > strlen(line) + 1 && !strcmp(line + strlen(line) + 1, "/init");
	}
	return 0;
}

/* Also what has left its session: daemons. Kernel threads have no cmdline. */
static void kill_all(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	kill_jobs();
	while (proc && (entry = readdir(proc))) {
		int pid = atoi(entry->d_name);

		if (isdigit(entry->d_name[0]) && pid > 1 && pid != getpid() &&
		    !is_ours(entry->d_name))
			kill(pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		for (int i = 0; i < MAX_JOBS; i++) {
			struct job *job = &jobs[i];
			char end[32];

			if (job->pid != pid)
				continue;
			drain(job, &job->out, 'o');
			drain(job, &job->err, 'e');
			close_in(job);
			close_fd(&job->out);
			close_fd(&job->err);
			if (WIFSIGNALED(status))
				sprintf(end, "signal %d", WTERMSIG(status));
			else
				sprintf(end, "exit %d", WEXITSTATUS(status));
			job->pid = 0;
			say(job->number, 'z', end, strlen(end));
		}
	}
}

static void handle(const struct frame *head, char *data)
{
	struct job *job = find_job(head->number);

	data[head->length] = 0;
	switch (head->type) {
	case 'x':
	case 't':
		start(head->number, head->type == 't', data);
		break;
	case 'i':
		if (job)
			enqueue(job, data, head->length);
		break;
	case 'c':
		if (job) {
			job->close_in = 1;
			feed(job);
		}
		break;
	case 'w':
		if (job && job->out >= 0 && head->length == 4) {
			struct winsize size = { 0 };

			memcpy(&size.ws_row, data, 2);
			memcpy(&size.ws_col, data + 2, 2);
			ioctl(job->out, TIOCSWINSZ, &size);
		}
		break;
	case 'k':
		if (job)
			signal_job(job, data[0]);
		break;
	case 'K':
		kill_all();
		break;
	}
}

static void greet(void)
{
	struct utsname name;

	uname(&name);
	say(0, 'h', name.release, strlen(name.release));
}

/*
 * Reads frames. When the other side has gone (it is another process for an
 * interactive shell) what it started is ended, and the port polled slowly until
 * somebody comes: a closed port reports POLLHUP all the time.
 */
static void listen_to_port(void)
{
	static char buf[MAX_FRAME + sizeof(struct frame) + 1];
	static char payload[MAX_FRAME + 1];
	static size_t have;
	ssize_t n = read(port, buf + have, sizeof(buf) - have);

	if (n == 0 || (n < 0 && errno == EPIPE)) {
		struct pollfd pfd = { .fd = port, .events = POLLIN };

		kill_jobs();
		have = 0;
		while (poll(&pfd, 1, 0) == 1 && (pfd.revents & POLLHUP))
			usleep(100000);
		greet();
		return;
	}
	if (n < 0)
		return;
	have += n;
	for (;;) {
		struct frame head;

		if (have < sizeof(head))
			return;
		memcpy(&head, buf, sizeof(head));
		if (head.length > MAX_FRAME)
			die("agent: oversized frame");
		if (have < sizeof(head) + head.length)
			return;
		memcpy(payload, buf + sizeof(head), head.length);
		have -= sizeof(head) + head.length;
		memmove(buf, buf + sizeof(head) + head.length, have);
		handle(&head, payload);
	}
}

/* True if something was there to wait for and happened. */
static void wait_for_events(int signals)
{
	struct pollfd pfds[2 + 3 * MAX_JOBS];
	struct job *owner[2 + 3 * MAX_JOBS];
	int n = 0;

	pfds[n++] = (struct pollfd){ .fd = port, .events = POLLIN };
	pfds[n++] = (struct pollfd){ .fd = signals, .events = POLLIN };
	for (int i = 0; i < MAX_JOBS; i++) {
		struct job *job = &jobs[i];

		if (!job->pid)
			continue;
		for (int k = 0; k < 3; k++)
			owner[n + k] = job;
		pfds[n++] = (struct pollfd){ .fd = job->out, .events = POLLIN };
		pfds[n++] = (struct pollfd){ .fd = job->err, .events = POLLIN };
		pfds[n++] = (struct pollfd){ .fd = job->queued ? job->in : -1,
					     .events = POLLOUT };
	}
	if (poll(pfds, n, -1) < 0)
		return;
	for (int i = 2; i < n; i += 3) {
		if (pfds[i].revents)
			drain(owner[i], &owner[i]->out, 'o');
		if (pfds[i + 1].revents)
			drain(owner[i], &owner[i]->err, 'e');
		if (pfds[i + 2].revents)
			feed(owner[i]);
	}
	if (pfds[1].revents) {
		struct signalfd_siginfo info;

		if (read(signals, &info, sizeof(info)) > 0)
			reap();
	}
	if (pfds[0].revents)
		listen_to_port();
}

int main(int argc, char **argv)
{
	sigset_t mask;
	int signals;

	if (argc != 2) {
		fprintf(stderr, "usage: agent PORT\n");
		return 2;
	}
	port = open(argv[1], O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (port < 0)
		die(argv[1]);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigprocmask(SIG_BLOCK, &mask, NULL);
	signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	signal(SIGPIPE, SIG_IGN);
	greet();
	for (;;)
		wait_for_events(signals);
}
