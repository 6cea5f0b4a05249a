#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# ndvald's TLS handshake: both sides in one process, good and bad keys and
# certificates, changed and replayed bytes. No module is needed.
cd "$(dirname "$0")/../.." || exit 1
out=$(make -s -C tools/ndvald test 2>&1) || {
	echo "$out"
	exit 1
}
