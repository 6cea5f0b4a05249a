// SPDX-License-Identifier: GPL-2.0-only
/*
 * The file is written anew and renamed into place, and file and directory are
 * synced before anybody is told that it is stored. A lock on the directory
 * keeps two writers from losing each other's lines.
 */
#include "epochs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_NAME	"epochs"
#define NEW_NAME	"epochs.new"

#define STRING(x)	STRING_(x)
#define STRING_(x)	#x

/**
 * epochs_make_directory() - make the directory and those above it
 * @directory: an absolute path
 *
 * Return: 0, also if it is there, or a negative errno.
 */
int epochs_make_directory(const char *directory)
{
	char path[256];
	char *slash;

	if (snprintf(path, sizeof(path), "%s", directory) >= (int)sizeof(path))
		return -ENAMETOOLONG;
	for (slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(path, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static struct epoch *find_pair(const struct epochs *epochs, const char *pair)
{
	size_t i;

	for (i = 0; i < epochs->count; i++) {
		if (!strcmp(epochs->list[i].pair, pair))
			return &epochs->list[i];
	}
	return NULL;
}

/**
 * epochs_add() - enter an epoch
 * @epochs: where to
 * @epoch: which; it takes the place of a lower one of the pair, or of whichever
 *	of another life
 *
 * Return: 1, 0 if this was known already, or -ENOMEM.
 */
int epochs_add(struct epochs *epochs, const struct epoch *epoch)
{
	struct epoch *known = find_pair(epochs, epoch->pair);
	struct epoch *list;

	if (known && known->incarnation == epoch->incarnation &&
	    known->number >= epoch->number)
		return 0;
	if (!known) {
		list = reallocarray(epochs->list, epochs->count + 1, sizeof(*list));
		if (!list)
			return -ENOMEM;
		epochs->list = list;
		known = &list[epochs->count++];
	}
	*known = *epoch;
	return 1;
}

/* A line that is none of ours is left out, and is gone when the file is written. */
static int read_lines(FILE *file, struct epochs *epochs)
{
	char *line = NULL;
	size_t size = 0;
	int err = 0;

	while (err >= 0 && getline(&line, &size, file) > 0) {
		struct epoch epoch;

		if (sscanf(line, "%16llx %llu %" STRING(NDVAL_NAME_MAX) "s",
			   &epoch.incarnation, &epoch.number, epoch.pair) == 3)
			err = epochs_add(epochs, &epoch);
	}
	if (err >= 0)
		err = ferror(file) ? -EIO : 0;
	free(line);
	return err;
}

static int read_file(int directory, struct epochs *epochs)
{
	int fd = openat(directory, FILE_NAME, O_RDONLY | O_CLOEXEC);
	FILE *file;
	int err;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	file = fdopen(fd, "r");
	if (!file) {
		err = -errno;
		close(fd);
		return err;
	}
	err = read_lines(file, epochs);
	fclose(file);
	return err;
}

static int open_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/**
 * epochs_read() - what is on disk
 * @directory: where
 * @epochs: result, for epochs_free() in any case; empty if there is no file
 *
 * Return: 0 or a negative errno; -ENOENT, there is no directory.
 */
int epochs_read(const char *directory, struct epochs *epochs)
{
	int fd = open_directory(directory);
	int err;

	memset(epochs, 0, sizeof(*epochs));
	if (fd < 0)
		return fd;
	err = read_file(fd, epochs);
	close(fd);
	return err;
}

static int write_lines(int fd, const struct epochs *epochs)
{
	FILE *file = fdopen(fd, "w");
	size_t i;
	int err = 0;

	if (!file) {
		err = -errno;
		close(fd);
		return err;
	}
	for (i = 0; i < epochs->count; i++) {
		const struct epoch *epoch = &epochs->list[i];

		fprintf(file, "%016llx %llu %s\n", epoch->incarnation, epoch->number,
			epoch->pair);
	}
	if (fflush(file) || fsync(fd))
		err = -errno;
	if (fclose(file) && !err)
		err = -errno;
	return err;
}

static int write_file(int directory, const struct epochs *epochs)
{
	int fd = openat(directory, NEW_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = write_lines(fd, epochs);
	if (!err && renameat(directory, NEW_NAME, directory, FILE_NAME))
		err = -errno;
	if (err)
		unlinkat(directory, NEW_NAME, 0);
	else if (fsync(directory))
		err = -errno;
	return err;
}

static int store_locked(int directory, const struct epochs *news)
{
	struct epochs all = { };
	bool changed = false;
	size_t i;
	int err;

	err = read_file(directory, &all);
	for (i = 0; i < news->count && err >= 0; i++) {
		err = epochs_add(&all, &news->list[i]);
		changed |= err > 0;
	}
	if (err >= 0)
		err = changed ? write_file(directory, &all) : 0;
	epochs_free(&all);
	return err;
}

/**
 * epochs_store() - put epochs on disk, beside those that are there
 * @directory: where
 * @news: which; lower numbers than those on disk change nothing
 *
 * Return: 0 when they are on the disk, or a negative errno; -ENOENT, there is no
 * directory.
 */
int epochs_store(const char *directory, const struct epochs *news)
{
	int fd = open_directory(directory);
	int err;

	if (fd < 0)
		return fd;
	while ((err = flock(fd, LOCK_EX) ? -errno : 0) == -EINTR)
		;
	if (!err)
		err = store_locked(fd, news);
	close(fd);
	return err;
}

/* The highest number of a pair in this life; 0 for none. */
__u64 epochs_find(const struct epochs *epochs, const char *pair, __u64 incarnation)
{
	const struct epoch *known = find_pair(epochs, pair);

	return known && known->incarnation == incarnation ? known->number : 0;
}

void epochs_free(struct epochs *epochs)
{
	free(epochs->list);
	memset(epochs, 0, sizeof(*epochs));
}
