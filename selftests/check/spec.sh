#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# What is generated from the netlink specs is what is checked in.
cd "$(dirname "$0")/../.." || exit 1
exec Documentation/netlink/regen.sh --check
