#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Installs the packages of selftests/packages that are missing, and the headers
# of the kernels that the tests run on. Quick and quiet when nothing is missing.

set -e
cd "$(dirname "$0")/.."

packages=$(sed 's/#.*//' selftests/packages)

missing()
{
	for package in $packages; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || :)
		[ "$status" = installed ] || echo "$package"
	done
}

wanted=$(missing)
if [ -n "$wanted" ]; then
	# shellcheck disable=SC2086 # a list
	set -- $wanted
	if [ "$(id -u)" -ne 0 ]; then
		echo "deps: not root; please install:" "$@" >&2
		exit 1
	fi
	echo "deps: installing" "$@"
	export DEBIAN_FRONTEND=noninteractive
	apt-get install -qq -y --no-install-recommends "$@" >/dev/null 2>&1 || {
		apt-get update -qq
		apt-get install -qq -y --no-install-recommends "$@" >/dev/null
	}
fi
exec /usr/bin/python3 selftests/vm/kernels.py headers
