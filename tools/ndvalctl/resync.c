// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "args.h"
#include "model.h"
#include "ndvalctl.h"
#include "nl.h"
#include "show.h"

int resync_main(int argc, char *argv[])
{
	const char *name;
	struct pair pair;
	struct nl *nl;

	no_options(argc, argv);
	name = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);

	nl = open_kernel();
	nl_request(nl, NDVAL_CMD_RESYNC, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
	if (nl_call(nl, NULL, NULL))
		die_kernel(nl);
	if (json_wanted) {
		if (get_pair(nl, name, &pair))
			die_kernel(nl);
		json_pair(NULL, &pair);
	}
	nl_close(nl);
	return EXIT_SUCCESS;
}
