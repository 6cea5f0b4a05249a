// SPDX-License-Identifier: GPL-2.0-only
/*
 * A module that was loaded anew knows nothing of the epochs that have been; the
 * other hosts of a pair may not either. What it is told here, it goes on from.
 *
 * A number belongs to a life of a pair, its incarnation, which the module
 * learns from a peer: it is given back then, not when the pair is made. A pair
 * without peers begins a new life each time, and is left out.
 */
#include "epoch.h"
#include "epochs.h"
#include "kernel.h"
#include "log.h"

#include <stdlib.h>
#include <string.h>

/* Told once, not each time that it is tried again. */
static int told_error;

static void tell_failure(int err)
{
	if (err && err != told_error)
		log_error("epochs of pairs cannot be kept in " EPOCHS_DIR ": %s", strerror(-err));
	else if (!err && told_error)
		log_info("epochs of pairs are kept in " EPOCHS_DIR " again");
	told_error = err;
}

/* What the module knows, and what the disk knows better. */
static int exchange(struct epochs *known, const struct epochs *stored)
{
	size_t i;
	int err = 0;

	for (i = 0; i < known->count && !err; i++) {
		struct epoch *epoch = &known->list[i];
		__u64 number = epochs_find(stored, epoch->pair, epoch->incarnation);

		if (number <= epoch->number)
			continue;
		err = kernel_raise_epoch(epoch->pair, epoch->incarnation, number);
		if (err) {
			log_warn("pair %s: %s", epoch->pair, kernel_message());
		} else {
			log_info("pair %s: epoch %llu has been, says " EPOCHS_DIR, epoch->pair,
				 number);
			epoch->number = number;
		}
	}
	return err;
}

static int keep(struct epochs *known)
{
	struct epochs stored;
	int err, err_kernel;

	err = epochs_make_directory(EPOCHS_DIR);
	if (err)
		return err;
	err = epochs_read(EPOCHS_DIR, &stored);
	if (!err) {
		err_kernel = exchange(known, &stored);
		err = epochs_store(EPOCHS_DIR, known);
		if (!err && err_kernel)
			kernel_ask_pairs_again();
	}
	epochs_free(&stored);
	return err;
}

/**
 * epochs_follow() - bring module and disk to the same state
 *
 * Call when kernel_pairs_changed(), which stays so if this fails.
 */
void epochs_follow(void)
{
	struct epochs known = { };
	int err;

	err = kernel_epochs(&known);
	if (!err && known.count) {
		err = keep(&known);
		tell_failure(err);
		if (err)
			kernel_ask_pairs_again();
	}
	epochs_free(&known);
}
