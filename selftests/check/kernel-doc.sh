#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# Every kernel-doc comment is well formed, and every function that other files
# may call has one.
cd "$(dirname "$0")/../.." || exit 1

tools=$(find /usr/lib/linux-kbuild-6.12* -name kernel-doc -path '*scripts*' 2>/dev/null |
	sort -V | tail -n 1)
[ -n "$tools" ] || { echo "kernel-doc is missing (package linux-kbuild-6.12)"; exit 1; }

status=0
for file in driver/*.c uapi/linux/ndval.h; do
	case $file in *_gen.c) continue ;; esac
	"$tools" -none -Werror "$file" 2>&1 || status=1
done

# Functions declared in headers are defined with a comment that names them.
for header in driver/*.h; do
	case $header in *_gen.h | */compat.h) continue ;; esac
	grep -oE '\bndval_[a-z0-9_]+\([^)]*' "$header" | sed 's/(.*//' | sort -u |
	while read -r name; do
		file=$(grep -lE "^[a-z].*\b$name\(" driver/*.c | head -n 1)
		[ -n "$file" ] || continue
		grep -qE "^ \* $name\(\)" "$file" || { echo "$file: $name() has no kernel-doc"; false; }
	done || status=1
done
exit $status
