// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/ndval.h>
#include <ndval.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "args.h"
#include "json.h"
#include "ndvalctl.h"
#include "node.h"

/* Standard input to its end; a byte more than may be offered is seen. */
static size_t read_input(char value[NDVAL_AGREED_MAX + 1])
{
	size_t length = fread(value, 1, NDVAL_AGREED_MAX + 1, stdin);

	if (ferror(stdin))
		die("cannot read standard input: %s", strerror(errno));
	return length;
}

static void print_agreed(const struct place *place, const char *value, size_t length, bool hex)
{
	if (json_wanted) {
		json_begin_object(NULL);
		json_place(place);
		json_number("length", length);
		json_begin_hex("data");
		put_hex(value, length);
		json_end_hex();
		json_end_object();
	} else if (hex) {
		put_hex(value, length);
	} else {
		fwrite(value, 1, length, stdout);
	}
}

int agree_main(int argc, char *argv[])
{
	static const struct option options[] = {
		{ "stream", required_argument, NULL, 's' },
		{ "instance", required_argument, NULL, 'i' },
		{ "hex", no_argument, NULL, 'x' },
		{ }
	};
	struct place place = { .stream = "default" };
	char input[NDVAL_AGREED_MAX + 1], agreed[NDVAL_AGREED_MAX];
	const char *value;
	struct ndval *ndval;
	bool hex = false;
	size_t length;
	int option;

	while ((option = next_option(argc, argv, "", options)) != -1) {
		if (option == 'x')
			hex = true;
		else
			parse_place_option(option, &place);
	}
	place.pair = next_argument(argc, argv, "PAIR");
	value = maybe_argument(argc, argv);
	no_more_arguments(argc, argv);
	length = value ? strlen(value) : read_input(input);
	if (length > NDVAL_AGREED_MAX)
		die_usage("the value has %d bytes at most", NDVAL_AGREED_MAX);

	ndval = open_place(&place);
	if (ndval_agree(ndval, value ? value : input, length, agreed, sizeof(agreed), &length))
		die_node(place.pair, "", errno);
	print_agreed(&place, agreed, length, hex);
	/* What came as bytes goes as bytes. */
	if (!json_wanted && (value || hex))
		putchar('\n');
	ndval_close(ndval);
	return EXIT_SUCCESS;
}
