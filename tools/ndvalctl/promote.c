// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>

#include "args.h"
#include "model.h"
#include "ndvalctl.h"
#include "nl.h"
#include "show.h"

int promote_main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "new", no_argument, NULL, 'n' },
		{ }
	};
	const char *name;
	bool new = false;
	struct pair pair;
	struct nl *nl;

	while (next_option(argc, argv, "", options) == 'n')
		new = true;
	name = next_argument(argc, argv, "PAIR");
	no_more_arguments(argc, argv);

	nl = open_kernel();
	nl_request(nl, NDVAL_CMD_PROMOTE, 0);
	nl_put_str(nl, NDVAL_A_PAIR_NAME, name);
	if (new)
		nl_put_flag(nl, NDVAL_A_PAIR_NEW);
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
