// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "epochs.h"
#include "failover.h"
#include "model.h"
#include "ndvalctl.h"
#include "nl.h"
#include "show.h"

static const struct way_out refusals[] = {
	{ EALREADY, "There is nothing to do." },
	{ EBUSY,
	  "'ndvalctl switchover @' there hands the pair over without a loss. If the primary\n"
	  "is to be taken out of service, stop it or detach its link first." },
	{ EEXIST, "'ndvalctl promote @', without --new, takes the pair over as it is." },
	{ EINPROGRESS, "'ndvalctl monitor' shows its end." },
	{ ENODATA,
	  "Wait until this member has a link to the primary ('ndvalctl status @'). If the\n"
	  "pair is new, or all its values are lost, 'ndvalctl promote @ --new' begins anew." },
	{ EPERM,
	  "Promote a member that is up to date. If there is none any more,\n"
	  "'ndvalctl promote @ --force' goes on from what is here: values that were delivered\n"
	  "may be lost or change." },
	{ ESTALE, "'ndvalctl resync @' discards what is here and obtains it anew." },
	{ EUCLEAN,
	  "Promote a member that is in sync ('ndvalctl status @' on each). If there is none\n"
	  "any more, 'ndvalctl promote @ --force' goes on from what is here: values that were\n"
	  "delivered may be lost or change." },
	{ }
};

static const struct way_out failures[] = {
	{ EBUSY,
	  "If the primary lives, 'ndvalctl switchover @' there hands the pair over. If it is\n"
	  "dead, wait until the others have noticed (peer_timeout_ms), and try again." },
	{ ESTALE, "Promote the member that knows the newer epoch ('ndvalctl status @' there)." },
	{ ETIMEDOUT,
	  "'ndvalctl status @' shows which; 'ndvalctl link detach --peer PEER' goes on\n"
	  "without what it may have more." },
	{ ECANCELED, "Nothing was changed by it." },
	{ }
};

/* So that the number is not used twice after a power cut of all hosts. */
static void keep_epoch(const struct pair *pair)
{
	struct epochs epochs = { };
	struct epoch epoch = { .incarnation = pair->incarnation, .number = pair->epoch };
	int err;

	if (!pair->incarnation || !pair->peers)
		return;
	snprintf(epoch.pair, sizeof(epoch.pair), "%s", pair->name);
	err = epochs_add(&epochs, &epoch);
	if (err >= 0)
		err = epochs_store(EPOCHS_DIR, &epochs);
	epochs_free(&epochs);
	/* Without the directory there is no ndvald here. */
	if (err < 0 && err != -ENOENT)
		die("%s is promoted, but its epoch cannot be kept in " EPOCHS_DIR ": %s",
		    pair->name, strerror(-err));
}

static void put_flag(struct nl *nl, bool wanted, __u16 type)
{
	if (wanted)
		nl_put_flag(nl, type);
}

int promote_main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "new", no_argument, NULL, 'n' },
		{ "force", no_argument, NULL, 'f' },
		{ "fenced", no_argument, NULL, 'F' },
		{ }
	};
	bool new = false, force = false, fenced = false;
	const char *name;
	struct pair pair;
	struct nl *nl;
	int option;

	while ((option = next_option(argc, argv, "", options)) != -1) {
		new |= option == 'n';
		force |= option == 'f';
		fenced |= option == 'F';
	}
	name = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);
	if (new && force)
		die_usage("--new and --force exclude each other");

	nl = open_kernel();
	nl_request(nl, NDVAL_CMD_PROMOTE, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
	put_flag(nl, new, NDVAL_A_PAIR_NEW);
	put_flag(nl, force, NDVAL_A_PAIR_FORCE);
	put_flag(nl, fenced, NDVAL_A_PAIR_FENCED);
	start_and_end_move(nl, name, refusals, failures);
	if (get_pair(nl, name, &pair))
		die_kernel(nl);
	keep_epoch(&pair);
	if (json_wanted)
		json_pair(NULL, &pair);
	nl_close(nl);
	return EXIT_SUCCESS;
}
