#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# ndvald's unit is as closed as the documentation says.
cd "$(dirname "$0")/../.." || exit 1
version=$(systemd-analyze --version 2>/dev/null | sed -nE 's/^systemd ([0-9]+).*/\1/p')
[ "$version" = 252 ] || {
	echo "what the documentation says is of systemd 252, here is ${version:-none}"
	exit 4
}
level=$(systemd-analyze security --offline=yes tools/ndvald/ndvald.service 2>/dev/null |
	sed -nE 's/.*Overall exposure level.*: ([0-9.]+).*/\1/p')
for file in Documentation/admin-guide.rst Documentation/man/ndvald.8; do
	grep -q "exposure level of $level\( \|\.$\)" $file || {
		echo "$file does not say that the unit's exposure level is ${level:-unknown}"
		exit 1
	}
done
