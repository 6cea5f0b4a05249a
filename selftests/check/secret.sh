#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# No message, trace event or file of the module can show value data: none of the
# ways to print bytes is used in it.
cd "$(dirname "$0")/../.." || exit 1
ls driver/*.c >/dev/null || exit 1
if grep -nE '%\*?ph|%p?E[a-z]|%\*pE|print_hex|hex_dump|TRACE_EVENT|trace_printk|seq_write|bin2hex' \
	driver/*.[ch]; then
	echo "driver/ has a way to print bytes"
	exit 1
fi
