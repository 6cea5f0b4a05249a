#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# First process of a guest. The kernel hands its unknown parameters over as
# environment variables: vmhost=NAME vmaddr=ADDRESS.

export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=linux

/bin/busybox mount -t proc proc /proc
/bin/busybox --install -s
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
mkdir -p /dev/pts /dev/shm
mount -t devpts -o mode=620,ptmxmode=666 devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /run
mount -t debugfs debugfs /sys/kernel/debug 2>/dev/null
ln -sf /proc/self/fd /dev/fd
ln -sf /proc/self/fd/0 /dev/stdin
ln -sf /proc/self/fd/1 /dev/stdout
ln -sf /proc/self/fd/2 /dev/stderr

hostname "${vmhost:-guest}"
echo 1 >/proc/sys/kernel/sysrq

# An emulated processor is slow: it may look hung long before it is.
for setting in hung_task_timeout_secs=120 hung_task_panic=1 watchdog_thresh=30 \
	softlockup_panic=1 panic_on_oops=1 unknown_nmi_panic=1; do
	file=/proc/sys/kernel/${setting%=*}
	[ -e "$file" ] && echo "${setting#*=}" >"$file"
done

modprobe virtio_pci 2>/dev/null
modprobe virtio_console 2>/dev/null
modprobe virtio_net 2>/dev/null
modprobe virtio_rng 2>/dev/null

ip link set lo up
if [ -e /sys/class/net/eth0 ]; then
	ip link set eth0 up
	ip addr add "${vmaddr:-10.9.0.99}/24" dev eth0
fi

# The agents: one for the harness, one for a person's shell. What they run
# must not be what the kernel kills last.
port()
{
	name=
	until [ -n "$name" ]; do
		for dir in /sys/class/virtio-ports/*; do
			[ "$(cat "$dir/name" 2>/dev/null)" = "$1" ] && name=${dir##*/}
		done
		[ -n "$name" ] || usleep 20000
	done
	until [ -e "/dev/$name" ]; do usleep 20000; done
	echo "/dev/$name"
}

cd /root || exit
shell=$(port ndval.shell)
(while :; do agent "$shell" </dev/null >/dev/console 2>&1; sleep 1; done) &
main=$(port ndval.agent)
while :; do agent "$main" </dev/null >/dev/console 2>&1; sleep 1; done
