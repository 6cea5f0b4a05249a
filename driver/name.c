// SPDX-License-Identifier: GPL-2.0-only
/*
 * Names of pairs, members and streams. Those of pairs and members become file
 * and device names, so they have no slash and do not start with a dot.
 */
#include "name.h"

#include <linux/ctype.h>
#include <linux/string.h>

static const char *check(const char *name, const char *punctuation)
{
	size_t len = strlen(name);
	size_t i;

	if (!len)
		return "a name must not be empty";
	if (len >= NDVAL_NAME_SIZE)
		return "a name has at most 63 bytes";
	if (name[0] == '.' || name[0] == '/')
		return "a name must not start with . or /";
	for (i = 0; i < len; i++) {
		if (isascii(name[i]) && isalnum(name[i]))
			continue;
		if (!strchr(punctuation, name[i]))
			return "a name has letters, digits and . _ - (a stream's also : /)";
	}
	return NULL;
}

/**
 * ndval_name_check() - Is this a name for a pair or a member?
 * @name: the name
 *
 * Return: NULL if so, else a sentence that says why not.
 */
const char *ndval_name_check(const char *name)
{
	return check(name, "._-");
}

/**
 * ndval_name_check_stream() - Is this a name for a stream?
 * @name: the name
 *
 * Return: NULL if so, else a sentence that says why not.
 */
const char *ndval_name_check_stream(const char *name)
{
	return check(name, "._-:/");
}
