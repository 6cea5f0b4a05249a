#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# ndvalctl says of every wrong command line what is wrong with it.
cd "$(dirname "$0")/../.." || exit 1
PYTHONPATH=selftests/vm /usr/bin/python3 -c 'import build; build.tools()' || exit 1
exec tools/ndvalctl/test.sh
