#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Every header of driver/ and uapi/ compiles alone, and twice.
cd "$(dirname "$0")/../.." || exit 1
exec /usr/bin/python3 selftests/vm/build.py headers
