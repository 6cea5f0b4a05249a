#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# ndvald takes good configurations and tells every fault of bad ones, with the
# line and what to do. No module is needed: ndvald --check. NDVALD is the command
# to test, with what it is to run under; BRIEF=1 leaves out all files but the first
# of those that have the same fault.
cd "$(dirname "$0")/../.." || exit 1
[ -n "$NDVALD" ] || make -s -C tools/ndvald ndvald || exit 1

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
conf=$tmp/ndvald.conf
status=0
declare -A seen

ndvald()
{
	# shellcheck disable=SC2086 # words
	${NDVALD:-tools/ndvald/ndvald} "$@"
}

fail()
{
	echo "FAILED: $*"
	sed 's/^/    file:   /' "$conf"
	sed 's/^/    output: /' "$tmp/out"
	status=1
}

check()
{
	cat >"$conf"
	ndvald --check -c "$conf" >"$tmp/out" 2>&1 </dev/null
	rc=$?
}

# good WHAT: the file on stdin is right.
good()
{
	check
	[ "$rc $(cat "$tmp/out")" = "0 $conf: ok" ] || fail "$1 (exit $rc)"
}

# bad WHAT TEXT..: the file on stdin has just these faults, each "LINE: words".
bad()
{
	local what=$1 text kind=${2%%\'*}
	shift
	[ -z "$BRIEF" ] || [ -z "${seen[$kind]}" ] || return
	seen[$kind]=yes
	check
	[ $rc -eq 2 ] || fail "$what: exit $rc instead of 2"
	[ "$(wc -l <"$tmp/out")" -eq $# ] || fail "$what: not $# errors"
	for text; do
		grep -qF "ndvald.conf:$text" "$tmp/out" || fail "$what: no '$text'"
	done
}

# Faultless files but for the last line, which is line 6.
peer()
{
	printf '%s\n' '[host]' 'name = a' '[peer b]' 'security = none' 'address = 10.9.0.9' "$1"
}

pair()
{
	printf '%s\n' '[host]' 'name = a' '' '' '[pair web]' "$1"
}

long63=$(printf 'n%.0s' {1..63})

good "the shipped example" <tools/ndvald/ndvald.conf
good "the smallest" <<<$'[host]\nname = a'
good "no newline at the end" < <(printf '[host]\nname = a')
good "carriage returns" < <(printf '[host]\r\nname = a\r\n')
good "everything" <<E
; comment
# comment
[host]
  name=$long63          # indented, and a comment behind
listen = 0.0.0.0:7391, [::]:7391
listen = 10.9.0.1
[peer b]
address = 10.9.0.2 10.9.1.2:7000   ; two
address = [fe80::1%eth0]:1, ::1, b.example.org, b.example.org:65535
security = none
[ peer c.d_e-f ]
security : none
address = any
[pair web]
peers = b,
peers = c.d_e-f
group = group
owner = root
owner_group = 0
mode = 0640
ring_size = 64M
retain = 67108864
prefetch = 32m
max_streams = 65536
memory_max = 1G
overflow = stall
journal_size = 16M
instances = 0,2-3, 7
read_timeout_ms = 0
peer_timeout_ms = 600000
inspect = on
bind = required
commit = async
on_peer_loss = suspend
on_divergence = report
[pair default]
instances =
[pair x]
instances = none
ring_size = 8K
prefetch = 4096
retain = 0
memory_max = 65536
journal_size = 8192
E

for address in 10.9.0.300 10.9.0 1.2.3.4: 1.2.3.4:0 1.2.3.4:65536 1.2.3.4:x ::1::2 '[::1' \
		'[::1]7' '[10.9.0.1]:7' .b -b 'b!' ':7' 10.9.0.9:7391; do
	bad "address $address" "6: address '$address'" < <(peer "address = $address")
done
bad "nine addresses" "6: address 'i9' is one too many: use 8 at most" \
	< <(peer "address = b2 c3 d4 e5 f6 g7 h8 i9")
bad "security twice" "6: security is set already, at line 4: remove one" \
	< <(peer "security = none")
bad "listen on a name" "6: listen 'a.example': use an address of this host" <<E
[peer b]
address = any
security = none
[host]
name = a
listen = a.example
E
bad "listen none and an address" "3: listen has 'none' and addresses" <<E
[host]
name = a
listen = none, 10.9.0.1
E

for name in .x a/b a!b ../x "${long63}n" $'n\xc3\xb6'; do
	bad "host $name" "2: name '" < <(printf '[host]\nname = %s\n' "$name")
	bad "peer $name" "3: peer '" < <(printf '[host]\nname = a\n[peer %s]\n' "$name")
	bad "pair $name" "3: pair '" < <(printf '[host]\nname = a\n[pair %s]\n' "$name")
done

while read -r key values; do
	for value in $values; do
		bad "$key = $value" "6: $key cannot be '$value': use " < <(pair "$key = $value")
	done
done <<E
ring_size       0 4K 4096 8191 12K 100000 128M 8KB K -8192 0x2000 18446744073709551616 16E
journal_size    0 4K 8191 12K 32M -1
retain          -1 x 65M 1T
prefetch        -1 x 33M
max_streams     0 65537 1K -1 1.5
memory_max      0 65535 -1 18446744073709551615 9007199254740992K 99999999999999999999
overflow        Drop none 0
bind            yes 1
commit          yes 1
on_peer_loss    stop 0
on_divergence   ignore 1
inspect         yes 1
instances       8 0,8 0-8 3-1 0- ,0 0, a -1
read_timeout_ms -1 2147483648 1s
peer_timeout_ms 0 99 600001
mode            1000 8 0x1ff rw -1
owner           no-such-user -1 4294967295
owner_group     no-such-group -1 4294967295
E
bad "retain over ring_size" "5: retain of [pair web] is more" \
	< <(pair $'retain = 16K\nring_size = 8K')
bad "prefetch over half the ring" "5: prefetch of [pair web] is more" \
	< <(pair $'prefetch = 8K\nring_size = 8K')
bad "retain over the default ring_size" "5: retain of [pair web] is more" \
	< <(pair "retain = 512K")
bad "unknown peer" "6: peers of [pair web] names 'z', but there is no [peer z]" \
	< <(pair "peers = z")
bad "own name" "6: peers of [pair web] names this host itself" < <(pair "peers = a")
bad "peer twice" "6: peers names 'z' twice" "6: peers of [pair web] names 'z'" \
	< <(pair "peers = z z")
bad "group" "6: group '.g': a name must not start with ." < <(pair "group = .g")
bad "empty value" "6: 'mode' has no value" < <(pair "mode =")
bad "long line" "6: the line has more than 190 bytes" < <(pair "peers = $long63 $long63 $long63")
bad "NUL" "3: a NUL byte" < <(printf '[host]\nname = a\nx\0y\n')

bad "many faults at once" \
	"1: 'name' is in no section" \
	"3: unknown key 'nmae' in [host]: use name or listen" \
	"4: [peer b] has no address: add" \
	"5: security 'psk': encrypted links are not in this version yet" \
	"4: [peer b] has no 'security': encrypted links are not in this version yet" \
	"6: unknown key 'adress' in [peer b]: use address or security" \
	"7: [peer b] is there already, at line 4" \
	"9: [host] is there already, at line 2" \
	"10: unknown section" \
	"11: a section is [host]" \
	"13: unknown key 'rign_size' in [pair web]: there are peers, group, owner" \
	"14: 'word' is neither [SECTION] nor KEY = VALUE" \
	"15: [pair web] is there already, at line 12" <<E
name = a
[host]
nmae = a
[peer b]
security = psk
adress = 10.9.0.2
[peer b]
this = is not looked at, its section is faulty
[host]
[foo]
[peer c
[pair web]
rign_size = 8K
word
[pair web]
E
bad "no host" "1: there is no [host]" <<E
[peer b]
security = none
address = any
E
bad "host without a name" "1: [host] has no name" <<<'[host]'
bad "peer with the host's name" "3: [peer a] has the name of this host itself" <<E
[host]
name = a
[peer a]
security = none
address = any
E
bad "plain is not said" "3: [peer b] has no 'security'" <<E
[host]
name = a
[peer b]
address = any
E
bad "control characters" '2: name '\''\x1b[31mred'\' < <(printf '[host]\nname = \033[31mred\n')

check <tools/ndvald/ndvald.conf
for arguments in "--check -c $tmp/none" "--nonsense" "--check more" "-c"; do
	# shellcheck disable=SC2086
	ndvald $arguments >"$tmp/out" 2>&1 </dev/null
	rc=$?
	[ $rc -eq 2 ] || fail "ndvald $arguments: exit $rc instead of 2"
done
exit $status
