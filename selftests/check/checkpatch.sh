#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# checkpatch.pl --strict finds nothing in what we ship. Generated files follow
# their generator. Left out: what only holds for code inside a kernel tree, in
# uapi/ the macros that user space lacks, in programs also kernel types and
# names of the C library.
cd "$(dirname "$0")/../.." || exit 1

src=${NDVAL_LINUX_SOURCE:-$(selftests/vm/kernels.py source)} || exit 1
uapi=BIT_MACRO
compat=LINUX_VERSION_CODE,CONSTANT_COMPARISON
user=$uapi,PREFER_KERNEL_TYPES,PREFER_DEFINED_ATTRIBUTE_MACRO,ARRAY_SIZE,CAMELCASE
user=$user,STRCPY,STRNCPY,PREFER_FALLTHROUGH,CONSTANT_CONVERSION

list()
{
	find "$@" -type f \( -name '*.c' -o -name '*.h' \) ! -name '*_gen.[ch]' \
		! -name '*.mod.c' ! -name compat.h ! -path uapi/linux/ndval_netlink.h
}

# It keeps a cache in the directory it runs in, and reads its root's headers.
top=$PWD
scratch=$(mktemp -d)
mkdir "$scratch/include"
trap 'rm -rf "$scratch"' EXIT
set -o pipefail

status=0
check()
{
	local ignore=$1
	shift
	[ $# -gt 0 ] || return
	(cd "$scratch" && perl "$src/scripts/checkpatch.pl" --strict --no-tree --root="$scratch" --quiet \
		--no-summary --terse --show-types ${ignore:+--ignore "$ignore"} \
		-f "${@/#/$top/}" 2>&1) | sed "s|^$top/||" || status=1
}

mapfile -t files < <(list driver)
check "" "${files[@]}"
check $compat driver/compat.h
mapfile -t files < <(list uapi)
check $uapi "${files[@]}"
mapfile -t files < <(list tools selftests)
check "$user" "${files[@]}"
exit $status
