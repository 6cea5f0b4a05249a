#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The module builds without a warning (W=1) for every kernel.
cd "$(dirname "$0")/../.." || exit 1
exec /usr/bin/python3 selftests/vm/build.py module
