#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# gcc -fanalyzer finds nothing in the tools. They are compiled as their Makefiles
# do it, into objects of their own.
cd "$(dirname "$0")/../.." || exit 1

status=0
for tool in lib ndvalctl ndvald; do
	make -s -k -j "$(nproc)" -C tools/$tool O="$PWD/build/analyzer/$tool" \
		CFLAGS="-O2 -g -fanalyzer -Werror" || status=1
done
exit $status
