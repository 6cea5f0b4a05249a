#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# sparse, with its endian checks, finds nothing in our files. What it says about
# the kernel's headers is not ours.
cd "$(dirname "$0")/../.." || exit 1
exec /usr/bin/python3 selftests/vm/build.py sparse
