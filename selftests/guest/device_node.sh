#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Nodes and the module: the default pair, parameters, who may open a node, what
# becomes of it with its pair, and when the module may go.
#
# vm: module=no timeout=200
. ./lib.sh
plan 63

loaded()
{
	[ -d /sys/module/ndval ]
}

# said TEXT: is it in the kernel's log since the last 'forget'?
said()
{
	dmesg | grep -q "ndval: .*$1"
}

forget()
{
	dmesg -c >/dev/null
}

# attributes FILE: kind, mode, owner, group.
attributes()
{
	stat -c '%F %a %u %g' "$1"
}

# -- modprobe ndval alone -----------------------------------------------------------

must modprobe ndval
is "the default node is there after modprobe alone" \
	"$(attributes /dev/ndval)" "character special file 600 0 0"
is "it gives bytes at once" "$(head -c 16 /dev/ndval | wc -c)" 16
is "its pair is a primary without peers" "$(get default role) $(get default health)" \
	"primary standalone"
first=$(head -c 32 /dev/ndval | xxd -p)
second=$(head -c 32 /dev/ndval | xxd -p)
[ -n "$first" ] && [ "$first" != "$second" ]
is "readers one after the other get other bytes" $? 0

# -- rmmod --------------------------------------------------------------------------

exec 3</dev/ndval
refused "the module stays while a file is open" rmmod ndval
is "and the file can be read" "$(dd bs=16 count=1 <&3 2>/dev/null | wc -c)" 16
exec 3<&-
check "it goes when the file is closed" rmmod ndval
check "with its node" gone default

must modprobe ndval host=h
two_members
two_pairs web
must sum web1 100000 >/dev/null
must sum web2 100000 >/dev/null
check "pairs, streams and links do not hold it" rmmod ndval
gone web1 && gone web2
is "their nodes go too" $? 0

must modprobe ndval host=h
two_members
two_pairs web
for node in /dev/ndval /dev/ndval-web1 /dev/ndval-web2; do
	dd bs=777 if=$node of=/dev/null 2>/dev/null &
done
for pair in default web1 web2; do
	must wait_for 10 above $pair issued 0
done
i=0
bad=
while [ $i -lt 10 ]; do
	rmmod ndval 2>/dev/null && bad="$bad $i"
	i=$((i + 1))
done
is "it stays while floods of reads run" "$bad" ""
before=$(get web2 issued)
check "which go on" wait_for 10 above web2 issued "$before"
end_jobs
check "it goes after them" rmmod ndval

# -- parameters ---------------------------------------------------------------------

must modprobe ndval default_pair=0
is "default_pair=0 leaves the default node out" "$(ls /dev/ndval* 2>/dev/null)" ""
is "and the pair" "$(ls /sys/class/ndval)" ""
must ndvalctl pair add default
check "which can be made later" test -c /dev/ndval
must rmmod ndval

# bad_parameter NAME PARAMETER PATTERN
bad_parameter()
{
	forget
	modprobe ndval "$2" 2>/dev/null
	rc=$?
	if loaded; then
		rmmod ndval
		not_ok "$1 is not loaded with" "exit $rc, loaded"
		not_ok "$1 is named in the log"
		return
	fi
	is "$1 is not loaded with" "$rc" 1
	if said "$3"; then
		ok "$1 is named in the log"
	else
		dmesg | tail -5 | sed 's/^/# /'
		not_ok "$1 is named in the log"
	fi
}

long=123456789012345678901234567890123456789012345678901234567890123
bad_parameter "a host's name with a slash" host=a/b host
bad_parameter "a host's name with an exclamation mark" host=a!b host
bad_parameter "a host's name that starts with a dot" host=.. host
bad_parameter "a host's name of 64 bytes" host=${long}4 host
bad_parameter "a host's name that is not ASCII" "host=$(printf 'caf\303\251')" host
bad_parameter "another word for hibernate" hibernate=maybe hibernate
forget
must modprobe ndval host=$long
is "a host's name may have 63 bytes" "$(cat /sys/module/ndval/parameters/host)" $long
must rmmod ndval

must modprobe ndval total_max=262144
must ndvalctl pair set default instances=0,1 ring_size=1M
must ndvalctl pair add other instances=0,1 ring_size=1M on_divergence=report
ndvalctl read default -n 400K >/tmp/default 2>/tmp/why
is "total_max limits all pairs together" $? 1
like "and reads say so" "$(cat /tmp/why)" "*memory*"
[ "$(get default memory)" -le 262144 ] && [ "$(get default memory)" -gt 200000 ]
is "it is used up to there" $? 0
refused "another pair has its share of that only" ndvalctl read other -n 100K
remove default
check "and can go on when the first one is gone" ndvalctl read other -n 100K
must rmmod ndval

# -- owner, group, mode -------------------------------------------------------------

must modprobe ndval
must ndvalctl pair add mine --owner 1000 --owner-group 65534 --mode 0640
is "a node has owner, group and mode of its pair" \
	"$(attributes /dev/ndval-mine)" "character special file 640 1000 65534"
is "they are in its uevent" "$(sed -n 's/^DEV[A-Z]/&/p' "$(sys mine uevent)" | sort | tr '\n' ' ')" \
	"DEVGID=65534 DEVMODE=0640 DEVNAME=ndval-mine DEVTYPE=ndval DEVUID=1000 "
check "its owner may read it" setpriv --reuid=1000 --regid=1000 --clear-groups \
	dd if=/dev/ndval-mine bs=16 count=1
check "so may its group" setpriv --reuid=1001 --regid=65534 --clear-groups \
	dd if=/dev/ndval-mine bs=16 count=1
refused "others may not" setpriv --reuid=1001 --regid=1001 --clear-groups \
	dd if=/dev/ndval-mine bs=16 count=1
must ndvalctl pair set mine max_streams=5
is "settings do not change that" \
	"$(attributes /dev/ndval-mine)" "character special file 640 1000 65534"
check "a node may be nobody's" ndvalctl pair add closed --mode 0
is "and has no mode then" "$(attributes /dev/ndval-closed)" "character special file 0 0 0"
refused "a mode has permission bits only" ndvalctl pair add bits --mode 4755
refused "a mode has four digits at most" ndvalctl pair add bits --mode 10000
refused "a mode is octal" ndvalctl pair add bits --mode 0888
refused "an owner is known" ndvalctl pair add bits --owner nobody-of-that-name
refused "an owner is no -1" ndvalctl pair add bits --owner 4294967295
check "none of those is there" gone bits

# -- the node goes with the pair ------------------------------------------------------

numbers=$(stat -c '0x%t 0x%T' /dev/ndval-mine)
# shellcheck disable=SC2086 # two numbers
must mknod /tmp/copy c $((${numbers% *})) $((${numbers#* }))
check "a node by another name is the same" dd if=/tmp/copy bs=16 count=1
remove mine
check "the node goes with its pair" gone mine
is "a copy of it is no device any more" \
	"$(dd if=/tmp/copy bs=16 count=1 2>&1 | grep -o 'No such device')" "No such device"
must ndvalctl pair add mine
like "nor is it the next pair's" "$(dd if=/tmp/copy bs=16 count=1 2>&1)" "*No such device*"
exec 3</dev/ndval-mine
remove mine
must ndvalctl pair add mine
like "a file of a removed pair is not the next one's" "$(dd bs=16 count=1 2>&1 <&3)" \
	"*No such device*"
exec 3<&-
check "the next one has a node that works" dd if=/dev/ndval-mine bs=16 count=1

# -- names ------------------------------------------------------------------------------

bad=
for name in "" ${long}4 a/b /a a!b . .. .a "a b" "a:b" "a*" "$(printf 'caf\303\251')" \
	"$(printf 'a\nb')" "a%s"; do
	ndvalctl pair add "$name" >/dev/null 2>&1 && bad="$bad '$name'"
done
is "pairs have no names that are none" "$bad" ""
is "nor nodes of them" "$(find /dev -name 'ndval*' | sort | tr '\n' ' ')" \
	"/dev/ndval /dev/ndval-closed /dev/ndval-mine "
must ndvalctl pair add $long
check "a name of 63 bytes makes a node that works" dd if=/dev/ndval-$long bs=16 count=1
remove $long
refused "a name is not used twice" ndvalctl pair add mine
refused "an unknown pair cannot be removed" ndvalctl pair del unknown
refused "nor tuned" ndvalctl pair set unknown max_streams=5
refused "nor shown" ndvalctl pair show unknown
refused "nor read" ndvalctl read unknown -n 1
check "the module goes at the end" rmmod ndval
finish
