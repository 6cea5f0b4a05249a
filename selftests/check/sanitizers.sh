#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The tools, built with ASan and UBSan, pass their tests that need no kernel and
# lose no memory in them. In hosts/test_ndvalctl.py and hosts/test_ndvald.py the
# second host runs such a build.
cd "$(dirname "$0")/../.." || exit 1

ASAN_OPTIONS=$(PYTHONPATH=selftests/vm /usr/bin/python3 -c \
	'import build; build.tools("asan"); print(build.ASAN_OPTIONS)') || exit 1
export ASAN_OPTIONS

FLAGS=$(PYTHONPATH=selftests/vm /usr/bin/python3 -c \
	'import build; print(build.VARIANTS["asan"])') || exit 1
make -s -C tools/lib O="$PWD/build/asan/lib" CFLAGS="$FLAGS" test || exit 1
make -s -C tools/ndvald O="$PWD/build/asan/ndvald" CFLAGS="$FLAGS" test >build/asan/tls.log 2>&1 || {
	cat build/asan/tls.log
	exit 1
}
NDVALCTL=$PWD/build/asan/ndvalctl/ndvalctl tools/ndvalctl/test.sh || exit 1
NDVALD=$PWD/build/asan/ndvald/ndvald selftests/check/ndvald-config.sh
