#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The bytes pass the tests of FIPS 140-2 as those of /dev/urandom do: of 8,000
# blocks of 20,000 bits (20 MB) at most 0.3 % fail. Good bytes fail at 0.08 %.
#
# vm: timeout=200 programs=rngtest
. ./lib.sh
plan 3

blocks=8000
allowed=24

# failures FILE: how many blocks fail.
failures()
{
	rngtest -c $blocks 2>&1 <"$1" | sed -n 's/.*FIPS 140-2 failures: //p'
}

# passes NAME FILE
passes()
{
	count=$(failures "$2")
	echo "# $2: ${count:-no result} of $blocks blocks failed"
	if [ -n "$count" ] && [ "$count" -le $allowed ]; then
		ok "$1"
	else
		not_ok "$1" "more than $allowed failed"
	fi
}

passes "bytes of a pair pass rngtest" /dev/ndval
passes "bytes of /dev/urandom pass it in the same run" /dev/urandom
count=$(failures /dev/zero)
is "rngtest would see it if they were bad" "$count" $blocks
finish
