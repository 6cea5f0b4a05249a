// SPDX-License-Identifier: GPL-2.0-only
/*
 * ndvald - keeps a link to every configured peer
 *
 * Process model: one process, one thread of ours, one epoll loop (loop.c), all
 * descriptors non-blocking and close-on-exec. Nothing here sleeps but the
 * loop: what has to be done later has a deadline, and each turn of the loop
 * asks everybody for the next one. Host names are resolved by threads of the C
 * library (target.c). Requests to the kernel (kernel.c) are synchronous: no
 * command of the module waits for a peer or for the network.
 *
 *	listen.c, admit.c	accept		\
 *	peer.c			connects	 > greet.c -> kernel.c: link-attach
 *
 * A connection belongs to ndvald from connect() or accept() to the end of the
 * greeting, which is inside TLS (session.c) unless the peer's section says
 * security = none; then to the kernel alone (ktls.c), which reports on the
 * link by events. Handshakes go on side by side, each when its connection is
 * ready for the next step. Links are made anew from time to time (rekey.c).
 * Nothing is kept in ndvald that the kernel does not know better: it may be
 * killed and started again at any time without disturbing a link. What a power
 * cut must not take, the epochs of pairs, goes to the disk (epoch.c).
 *
 * SIGHUP reads the configuration and the files with keys again, SIGTERM and
 * SIGINT end the process and leave the links up.
 */
#include "config.h"
#include "epoch.h"
#include "greet.h"
#include "kernel.h"
#include "listen.h"
#include "log.h"
#include "loop.h"
#include "notify.h"
#include "peer.h"
#include "privilege.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define EXIT_CONFIG	2
#define ASK_AGAIN_MS	1000	/* when the kernel could not list its links or pairs */

static const char *config_path = CONFIG_PATH;
static struct config *config;
static bool stop_requested;
static bool reload_requested;

static void signal_ready(struct watch *watch, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(watch->fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload_requested = true;
	else
		stop_requested = true;
}

/* Blocked before any thread of the C library starts, so that none gets one. */
static int watch_signals(void)
{
	static struct watch watch;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	watch.fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (watch.fd < 0)
		return -errno;
	watch.ready = signal_ready;
	return loop_add(&watch, EPOLLIN);
}

/* Return: 0, also when there is no module yet, or a negative errno. */
static int open_kernel(void)
{
	int err;

	err = kernel_open(config->host);
	if (err == -ENOENT) {
		log_warn("%s; waiting until it is loaded", kernel_message());
		return 0;
	}
	if (err) {
		log_error("%s", kernel_message());
		return err;
	}
	log_info("this host is %s", config->host);
	kernel_make_pairs(config);
	return 0;
}

/* Return: 0 or a negative errno: ndvald cannot go on. */
static int follow_kernel(void)
{
	int err = 0;

	switch (kernel_take_change()) {
	case KERNEL_CAME:
		err = open_kernel();
		break;
	case KERNEL_WENT:
		if (kernel_is_open())
			log_warn("the ndval module was unloaded; waiting until it is loaded");
		peers_module_gone();
		kernel_close();
		break;
	case KERNEL_SAME:
		break;
	}
	if (kernel_links_changed())
		peers_refresh_links();
	if (kernel_pairs_changed())
		epochs_follow();
	return err;
}

/* Return: the new configuration in full use, or NULL and nothing has changed. */
static struct config *take_new_config(void)
{
	struct config *new = config_read(config_path);

	if (!new)
		return NULL;
	if (strcmp(new->host, config->host)) {
		log_error("%s:%d: %s cannot become %s: stop ndvald, unload the module, then start",
			  config_path, new->host_line, config->host, new->host);
	} else if (listen_update(new)) {
		listen_update(config);
	} else {
		return new;
	}
	config_free(new);
	return NULL;
}

/* Return: 0 or a negative errno: ndvald cannot go on. */
static int reload(void)
{
	struct config *new;
	int err = 0;

	notify_reloading();
	new = take_new_config();
	if (new) {
		config_free(config);
		config = new;
		err = peers_update(config);
		if (kernel_is_open())
			kernel_make_pairs(config);
		log_info("%s is in use", config_path);
	} else {
		log_error("%s is refused, the configuration stays as it was", config_path);
	}
	notify("READY=1");
	return err;
}

/* Return: 0 to end well, or a negative errno. */
static int run(void)
{
	int64_t now, next;
	int err = 0;

	while (!stop_requested && !err) {
		now = loop_now();
		greet_expire(now);
		next = peers_tick(now);
		if (greet_deadline() < next)
			next = greet_deadline();
		if ((kernel_links_changed() || kernel_pairs_changed()) &&
		    now + ASK_AGAIN_MS < next)
			next = now + ASK_AGAIN_MS;
		err = loop_wait(next);
		if (!err)
			err = follow_kernel();
		if (!err && reload_requested) {
			reload_requested = false;
			err = reload();
		}
	}
	if (err)
		log_error("cannot go on: %s", strerror(-err));
	return err;
}

static int start(void)
{
	int err;

	err = loop_init();
	if (!err)
		err = watch_signals();
	if (err) {
		log_error("%s", strerror(-err));
		return err;
	}
	err = kernel_watch_module();
	if (err) {
		log_error("%s", kernel_message());
		return err;
	}
	err = listen_update(config);
	if (err)
		return err;
	err = open_kernel();
	if (err)
		return err;
	err = peers_update(config);
	if (err) {
		log_error("%s", strerror(-err));
		return err;
	}
	if (kernel_pairs_changed())
		epochs_follow();
	return 0;
}

static void usage(FILE *file)
{
	fprintf(file,
		"Usage: ndvald [-v] [-c FILE]\n"
		"       ndvald --check [-c FILE]\n"
		"Keep a link of the ndval module to every configured peer.\n"
		"\n"
		"  -c, --config FILE  read FILE instead of " CONFIG_PATH "\n"
		"      --check        check the configuration and exit\n"
		"  -v, --verbose      tell of every attempt to connect\n"
		"  -h, --help         show this\n"
		"\n"
		"Exit status: 0 if all is well, 1 on failure, 2 for errors in the\n"
		"configuration or on the command line. See ndvald(8), ndvald.conf(5).\n");
}

static void parse_arguments(int argc, char *argv[], bool *check)
{
	static const struct option options[] = {
		{ "config",  required_argument, NULL, 'c' },
		{ "check",   no_argument,       NULL, 'C' },
		{ "verbose", no_argument,       NULL, 'v' },
		{ "help",    no_argument,       NULL, 'h' },
		{ }
	};
	bool verbose = false;
	int option;

	while ((option = getopt_long(argc, argv, "c:vh", options, NULL)) != -1) {
		switch (option) {
		case 'c':
			config_path = optarg;
			break;
		case 'C':
			*check = true;
			break;
		case 'v':
			verbose = true;
			break;
		case 'h':
			usage(stdout);
			exit(EXIT_SUCCESS);
		default:
			usage(stderr);
			exit(EXIT_CONFIG);
		}
	}
	if (optind < argc) {
		usage(stderr);
		exit(EXIT_CONFIG);
	}
	log_init(verbose);
}

int main(int argc, char *argv[])
{
	bool check = false;
	int err;

	parse_arguments(argc, argv, &check);
	err = privilege_drop();
	if (err) {
		log_error("cannot drop privileges: %s", strerror(-err));
		return EXIT_FAILURE;
	}
	config = config_read(config_path);
	if (!config)
		return EXIT_CONFIG;
	if (check) {
		printf("%s: ok\n", config_path);
		config_free(config);
		return EXIT_SUCCESS;
	}

	err = start();
	if (!err) {
		notify("READY=1");
		err = run();
		notify("STOPPING=1");
	}
	listen_close_all();
	greet_cancel_accepted();
	peers_free();
	kernel_close();
	config_free(config);
	return err ? EXIT_FAILURE : EXIT_SUCCESS;
}
