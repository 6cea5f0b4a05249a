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
	"3: unknown key 'nmae' in [host]: use name, listen, security, key_file, ca," \
	"4: [peer b] has no address: add" \
	"5: security = psk needs a key: make one with 'ndvalctl key gen FILE'" \
	"6: unknown key 'adress' in [peer b]: use address, security, key_file, rekey_after" \
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
bad "nothing to encrypt with" "3: [peer b] has no key to encrypt with: make one with 'ndvalctl key" <<E
[host]
name = a
[peer b]
address = any
E

# Keys and certificates.
make -s -C tools/ndvalctl ndvalctl || exit 1
tools/ndvalctl/ndvalctl key gen "$tmp/good.key" || exit 1
tools/ndvald/test/certificates.sh "$tmp" || exit 1
x509=$(printf '%s\n' "ca = $tmp/ca.crt" "certificate = $tmp/a.crt" "key = $tmp/a.key")
both=$(printf '%s\n' "$x509" "key_file = $tmp/good.key")
b=$'[peer b]\naddress = any'

# host LINES: these are the lines of a host from line 3 on, and there is a peer.
host()
{
	printf '%s\n' '[host]' 'name = a' "$@" "$b"
}

# keyed LINES: a host with a key for all, and these lines of a peer from line 6 on.
keyed()
{
	printf '%s\n' '[host]' "name = a" "key_file = $tmp/good.key" '[peer b]' \
		'address = 10.9.0.2' "$@"
}

good "a key for all" < <(keyed)
good "a key for one" < <(host; echo "key-file = $tmp/good.key")
good "certificates" < <(host "$x509")
good "all kinds" < <(host "$both" 'security = x509' 'rekey_after = 10'
	printf '%s\n' 'rekey_after = 2592000' 'rekey_messages = 1000' \
		'[peer c]' 'address = any' 'security = psk' \
		'[peer d]' 'address = vsock:3:7391' 'security = none' \
		'[peer e]' 'address = any' "key_file = $tmp/one.psk")
good "vsock" < <(host 'listen = vsock:any:7391 0.0.0.0'
	printf '%s\n' 'security = none' 'address = vsock:4294967294:0')

bad "security" "6: security cannot be 'tls': use psk (a key that both hosts have), x509" \
	< <(keyed 'security = tls')
bad "none for all" "3: security = none stands in the [peer NAME] of each peer" \
	< <(host 'security = none')
bad "not said which" "7: [peer b]: [host] has both 'key_file' and 'certificate': add 'security" \
	< <(host "$both")
bad "none with a key" "6: [peer b] has a key_file that 'security = none' does not use" \
	< <(keyed "key_file = $tmp/good.key" 'security = none')
bad "x509 with a key" "6: [peer b] has a key_file that 'security = x509' does not use" \
	< <(keyed "key_file = $tmp/good.key" 'security = x509')
bad "no certificates" "6: security = x509 needs 'ca', 'certificate' and 'key' in [host]" \
	< <(keyed 'security = x509')
bad "certificate of a peer" "6: certificate stands in [host]" \
	< <(keyed "certificate = $tmp/b.crt")
bad "relative path" "6: key_file 'x.key': write the whole path" < <(keyed 'key_file = x.key')
bad "no such file" "6: key_file /no/such: No such file" < <(keyed 'key_file = /no/such')
bad "no file" "6: key_file $tmp is not a file with keys" < <(keyed "key_file = $tmp")
for value in 9 2592001 1h -1 99999999999; do
	bad "rekey_after $value" "6: rekey_after cannot be '$value': use a number from 10 to" \
		< <(keyed "rekey_after = $value")
done
for value in 999 4194305; do
	bad "rekey_messages $value" "6: rekey_messages cannot be '$value': use a number" \
		< <(keyed "rekey_messages = $value")
done
bad "unknown rekey" "6: unknown key 'rekey_afer' in [peer b]: use address, security, key_file" \
	< <(keyed 'rekey_afer = 10')
bad "key twice" "7: key_file is set already, at line 6" \
	< <(keyed "key-file = $tmp/good.key" "key_file = $tmp/good.key")
bad "vsock encrypted" "4: [peer b] has a vsock address, where the kernel cannot encrypt" \
	< <(keyed 'address = vsock:3:7391')
for address in vsock:3 vsock: vsock:x:1 vsock:4294967295:1 vsock:3:4294967295 vsock:any:1; do
	bad "address $address" "6: address '$address': " < <(peer "address = $address")
done

zeros=$(printf '0%.0s' {1..64})
for key in "" x "${zeros}0" "${zeros%0}" "${zeros%0}g" "$zeros"$'\n'"$zeros" "$zeros " \
		"${zeros%0}"$'\020'; do
	(umask 077; echo "$key" >"$tmp/bad.key")
	bad "key '$key'" "6: key_file $tmp/bad.key is no key of ndval: make one with 'ndvalctl key" \
		< <(keyed "key_file = $tmp/bad.key")
done
for mode in 0640 0604 0660 0610; do
	cp "$tmp/good.key" "$tmp/open.key"
	chmod $mode "$tmp/open.key"
	bad "mode $mode" "6: key_file $tmp/open.key may be used by others than its owner (mode $mode)" \
		< <(keyed "key_file = $tmp/open.key")
done
if [ "$(id -u)" -eq 0 ]; then
	cp "$tmp/good.key" "$tmp/his.key"
	chmod 600 "$tmp/his.key"
	chown 1000 "$tmp/his.key"
	bad "owner" "6: key_file $tmp/his.key: Permission denied: make it root's" \
		< <(keyed "key_file = $tmp/his.key")
	chmod 644 "$tmp/his.key"
	bad "owner, for all" "6: key_file $tmp/his.key belongs to user 1000: make it root's" \
		< <(keyed "key_file = $tmp/his.key")
	chmod 755 "$tmp"
	install -m 644 -o 1000 "$tmp/ca.crt" "$tmp/his.crt"
	bad "owner of a CA" "3: $tmp/his.crt belongs to user 1000: make it root's" \
		< <(host "ca = $tmp/his.crt" "certificate = $tmp/a.crt" "key = $tmp/a.key")
fi

bad "no ca" "3: [host] needs all of 'ca', 'certificate' and 'key': add 'ca = FILE'" \
	< <(host "certificate = $tmp/a.crt" "key = $tmp/a.key")
bad "no key" "3: [host] needs all of 'ca', 'certificate' and 'key': add 'key = FILE'" \
	< <(host "certificate = $tmp/a.crt" "ca = $tmp/ca.crt")
bad "another's name" "3: $tmp/b.crt is a certificate for b, not for a" \
	< <(host "ca = $tmp/ca.crt" "certificate = $tmp/b.crt" "key = $tmp/b.key")
bad "a name that no host has" "3: $tmp/strange.crt is a certificate for nobody, not for a" \
	< <(host "ca = $tmp/ca.crt" "certificate = $tmp/strange.crt" "key = $tmp/strange.key")
bad "another's key" "3: $tmp/b.key is not the key of the certificate $tmp/a.crt" \
	< <(host "ca = $tmp/ca.crt" "certificate = $tmp/a.crt" "key = $tmp/b.key")
bad "ca is no certificate" "3: $tmp/a.key has no certificate of a CA in PEM form" \
	< <(host "ca = $tmp/a.key" "certificate = $tmp/a.crt" "key = $tmp/a.key")
bad "certificate is none" "3: $tmp/good.key, $tmp/a.key: no certificate and key in PEM form" \
	< <(host "ca = $tmp/ca.crt" "certificate = $tmp/good.key" "key = $tmp/a.key")
check < <(host "ca = $tmp/ca.crt" "certificate = $tmp/expired.crt" "key = $tmp/expired.key")
if [ $rc -ne 0 ] || ! grep -q "expired.crt has expired: peers will refuse" "$tmp/out"; then
	fail "an expired certificate is not warned of"
fi
chmod 664 "$tmp/ca.crt"
bad "CA that others can change" "3: $tmp/ca.crt may be changed by others than its owner" \
	< <(host "$x509")
chmod 644 "$tmp/ca.crt"
chmod 644 "$tmp/a.key"
bad "key that all can read" "3: $tmp/a.key may be used by others than its owner (mode 0644)" \
	< <(host "$x509")
bad "control characters" '2: name '\''\x1b[31mred'\' < <(printf '[host]\nname = \033[31mred\n')

check <tools/ndvald/ndvald.conf
for arguments in "--check -c $tmp/none" "--nonsense" "--check more" "-c"; do
	# shellcheck disable=SC2086
	ndvald $arguments >"$tmp/out" 2>&1 </dev/null
	rc=$?
	[ $rc -eq 2 ] || fail "ndvald $arguments: exit $rc instead of 2"
done
exit $status
