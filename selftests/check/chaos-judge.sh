#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The judge of chaos between guests finds each kind of violation.
cd "$(dirname "$0")/../hosts" || exit 1
exec "${PYTHON:-/usr/bin/python3}" chaos_plants.py
