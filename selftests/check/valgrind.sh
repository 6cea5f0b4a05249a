#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# memcheck finds nothing in ndvalctl and ndvald where these need no kernel: help,
# wrong command lines, configurations. hosts/test_valgrind.py has the rest.
cd "$(dirname "$0")/../.." || exit 1
PYTHONPATH=selftests/vm /usr/bin/python3 -c 'import build; build.tools()' || exit 1

# A finding is said on stderr, which the tests compare, and is an exit status
# that none of them expects.
memcheck="valgrind -q --error-exitcode=99 --leak-check=full --vgdb=no"
export BRIEF=1

NDVALCTL="$memcheck ./ndvalctl" tools/ndvalctl/test.sh >build/valgrind-ndvalctl.log 2>&1 &
NDVALD="$memcheck tools/ndvald/ndvald" selftests/check/ndvald-config.sh
status=$?
wait $! || { cat build/valgrind-ndvalctl.log; status=1; }
exit $status
