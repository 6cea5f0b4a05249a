#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# hostroot COMMAND [ARGUMENT..]
#
# Runs a program of the machine that the guest runs on, in the guest: that
# machine's root is mounted read-only over 9p, what is written goes to memory.
# Only the generic kernels have 9p. The guest's own /selftests is visible at the
# same place; /tmp is that machine's, since the tree may well be there.

set -e

if [ ! -e /run/hostroot/.ready ]; then
	mkdir -p /run/host /run/hostroot /run/upper
	modprobe 9pnet_virtio
	modprobe 9p
	modprobe overlay
	mount -t 9p -o trans=virtio,version=9p2000.L,ro,cache=loose,msize=1048576 host /run/host
	mount -t tmpfs tmpfs /run/upper
	mkdir /run/upper/data /run/upper/work
	mount -t overlay -o lowerdir=/run/host,upperdir=/run/upper/data,workdir=/run/upper/work \
		overlay /run/hostroot
	for dir in proc sys dev selftests; do
		[ -d "/$dir" ] || continue
		mkdir -p "/run/hostroot/$dir"
		mount --rbind "/$dir" "/run/hostroot/$dir"
	done
	: >/run/hostroot/.ready
fi
[ $# -gt 0 ] || exit 0
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
unset LD_LIBRARY_PATH
exec chroot /run/hostroot "$@"
