#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The man pages are well formed.
cd "$(dirname "$0")/../.." || exit 1
set -- Documentation/man/*.[1-8]
[ -e "$1" ] || { echo "no man pages"; exit 1; }
exec mandoc -T lint -W warning "$@"
