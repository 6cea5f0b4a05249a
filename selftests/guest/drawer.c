// SPDX-License-Identifier: GPL-2.0-only
/*
 * drawer - draws bytes by libndval in one call, and again if that fails
 *
 *   drawer PAIR BYTES
 *
 * A hundred signals, one every few milliseconds, interrupt what they can; not more, for
 * each begins read_timeout_ms anew. After a failure it prints the errno and waits for
 * a line on standard input. In the end it prints a digest of the bytes. Exit: 0, or 2
 * if it could not begin.
 *
 * vm: helper=yes
 */
#include <errno.h>
#include <ndval.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#define SIGNAL_US	3000
#define SIGNALS		100

static void die(const char *what)
{
	fprintf(stderr, "drawer: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* The last one stops them. */
static void count_signal(int sig)
{
	static const struct itimerval never;
	static int count;

	(void)sig;
	if (++count == SIGNALS)
		setitimer(ITIMER_REAL, &never, NULL);
}

/* Without SA_RESTART: system calls end with EINTR. */
static void send_signals(void)
{
	struct itimerval every = { { 0, SIGNAL_US }, { 0, SIGNAL_US } };
	struct sigaction action = { .sa_handler = count_signal };

	if (sigaction(SIGALRM, &action, NULL) || setitimer(ITIMER_REAL, &every, NULL))
		die("signals");
}

static void await_line(void)
{
	char line[16];

	while (!fgets(line, sizeof(line), stdin)) {
		if (!ferror(stdin) || errno != EINTR)
			die("standard input");
		clearerr(stdin);
	}
}

/* FNV-1a: enough to tell different random bytes apart. */
static unsigned long long digest(const unsigned char *bytes, size_t length)
{
	unsigned long long sum = 0xcbf29ce484222325ULL;

	while (length--)
		sum = (sum ^ *bytes++) * 0x100000001b3ULL;
	return sum;
}

int main(int argc, char *argv[])
{
	size_t length = argc == 3 ? strtoul(argv[2], NULL, 0) : 0;
	unsigned char *bytes = malloc(length);
	struct ndval *ndval;

	if (!length || !bytes)
		die("bytes");
	setlinebuf(stdout);
	ndval = ndval_open(argv[1], NULL, 0);
	if (!ndval)
		die(argv[1]);
	send_signals();
	while (ndval_bytes(ndval, bytes, length)) {
		printf("%s\n", strerrorname_np(errno));
		/* What is there then is not to be used. */
		memset(bytes, 0, length);
		await_line();
	}
	printf("%016llx\n", digest(bytes, length));
	ndval_close(ndval);
	free(bytes);
	return 0;
}
