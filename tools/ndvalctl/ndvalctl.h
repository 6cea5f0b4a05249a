/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef NDVALCTL_H
#define NDVALCTL_H

struct nl;

/* Exit codes; 0 is success. Part of the interface, see ndvalctl(8). */
enum {
	EXIT_REFUSED	= 1,	/* the kernel refused, or something else failed */
	EXIT_USAGE	= 2,
	EXIT_NO_MODULE	= 3,
};

/**
 * struct command - a command or subcommand
 * @name: as typed
 * @main: argv[0] is @name; returns the exit code
 * @usage: what comes after the name
 * @help: the first line says what it does, the rest is for --help
 */
struct command {
	const char	*name;
	int		(*main)(int argc, char *argv[]);
	const char	*usage;
	const char	*help;
};

int run_ndvalctl(int argc, char *argv[]);
int run_command(const struct command *commands, int argc, char *argv[]);
_Noreturn void show_help(void);
_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void die_kernel(const struct nl *nl);
struct nl *open_kernel(void);

int agree_main(int argc, char *argv[]);
int batch_main(int argc, char *argv[]);
int clock_main(int argc, char *argv[]);
int demote_main(int argc, char *argv[]);
int instance_main(int argc, char *argv[]);
int key_main(int argc, char *argv[]);
int link_main(int argc, char *argv[]);
int link_attach_main(int argc, char *argv[]);
int member_main(int argc, char *argv[]);
int monitor_main(int argc, char *argv[]);
int outdate_main(int argc, char *argv[]);
int pair_main(int argc, char *argv[]);
int peer_main(int argc, char *argv[]);
int promote_main(int argc, char *argv[]);
int read_main(int argc, char *argv[]);
int resync_main(int argc, char *argv[]);
int status_main(int argc, char *argv[]);
int stream_main(int argc, char *argv[]);
int switchover_main(int argc, char *argv[]);
int uuid_main(int argc, char *argv[]);
int values_main(int argc, char *argv[]);

#endif /* NDVALCTL_H */
