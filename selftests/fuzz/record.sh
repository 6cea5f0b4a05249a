#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Runs in a guest, with the programs in /fuzz: makes the first inputs of the
# fuzzers in /fuzz/new/TARGET, see record.c.
cd /fuzz || exit 1
./record calls new/calls || exit 1
./record link new/link || exit 1
rmmod ndval && modprobe ndval host=fuzz || exit 1

# An administrator's day. What is refused is worth as much as what is not.
ip link add nlmon0 type nlmon && ip link set nlmon0 up || exit 1
./record netlink new/netlink &
recorder=$!
until grep -q '^' /proc/net/packet && [ "$(wc -l </proc/net/packet)" -gt 1 ]; do
	usleep 10000
done
while read -r line; do
	# shellcheck disable=SC2086
	ndvalctl $line
	[ "$line" != "instance set web1 --journal-at 8" ] || ./record requests -
done >/dev/null 2>&1 <<'LINES'
member add m1
member add m2
pair add web1 --group web --member m1 --peer m2
pair add web2 --group web --member m2 --peer m1 ring_size=8KiB overflow=stall instances=0-3
link attach --member m1 --peer m2 --unix-pair m2
pair add new mode=0640 owner=user read_timeout_ms=5
pair add solo memory_max=1MiB bind=required
promote web1 --new
pair set web1 inspect=on
read web1 -n 5000
values web1 --at 0 --length 64
clock web1
clock web2 cycles
agree web1 value
agree web2 other
status
stream list
instance list
instance get solo
instance set web1 --stream default --at 0
instance set web1 --journal-at 0
instance set web1 --at 0 --journal-at 64
instance set web1 --journal-at 8
stream list --json
instance list --json
peer add web1 m3
peer del web1 m3
peer list
link list
pair set web1 journal_size=8KiB on_divergence=report
resync web2
pair set web1 prefetch=0 retain=0 ring_size=64KiB max_streams=9 memory_max=2MiB peer_timeout_ms=999
pair set solo overflow=stall instances=none
stream del web1 default
stream del solo worker/1
promote solo --new
pair list
member list
pair del web2
pair del new
link detach --member m1 --peer m2
member del m2
LINES
kill $recorder
wait $recorder
exit 0
