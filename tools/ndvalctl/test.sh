#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# What ndvalctl says of a wrong command line: the exit code, and a sentence
# that names what is wrong. Needs no module: a command line is checked before
# the kernel is asked. Prints what differs; exit 1 if anything does. NDVALCTL is
# the command to test, with what it is to run under; BRIEF=1 leaves out all command
# lines but the first of those that get the same answer.
cd "$(dirname "$0")" || exit 1

failed=0
declare -A seen

# expect CODE WORDS ARGUMENT..: the exit code, and words of what it prints
expect()
{
	local code=$1 words=$2 said rc
	shift 2

	[ -z "$BRIEF" ] || [ -z "${seen[$words]}" ] || return
	seen[$words]=yes
	# shellcheck disable=SC2086 # words
	said=$(timeout 60 ${NDVALCTL:-./ndvalctl} "$@" 2>&1 </dev/null)
	rc=$?
	if [ $rc -ne "$code" ] || [[ $said != *"$words"* ]]; then
		printf 'ndvalctl %s\n\texpected %d and: %s\n\tgot %d and: %s\n' \
			"$*" "$code" "$words" $rc "$said"
		failed=1
	fi
}

# usage WORDS ARGUMENT..: a wrong command line
usage()
{
	expect 2 "$@"
}

# kernel ARGUMENT..: a right command line, which gets as far as the kernel
kernel()
{
	[ -e /sys/module/ndval ] || expect 3 "modprobe ndval" "$@"
}

# Commands and help.
usage "the command is missing"
usage "no command 'members'" members
usage "no command 'frob'" pair frob
usage "the command is missing" pair
usage "no option '--frob'" status --frob
usage "no option '-x'" status -x
usage "'-n' needs a value" read web -n
usage "'--at' needs a value" instance set web --at
usage "'--json=1'" status --json=1
expect 0 "usage: ndvalctl COMMAND" --help
expect 0 "usage: ndvalctl COMMAND" help
expect 0 "usage: ndvalctl COMMAND" -h
expect 0 "ndvalctl " --version
for command in status promote demote switchover outdate resync read uuid clock agree values \
	monitor batch \
	"pair add" "pair del" "pair set" "pair show" "pair list" \
	"peer add" "peer del" "peer list" "peer outdate" "instance list" "instance set" \
	"stream list" "stream del" "member add" "member del" "member list" \
	"link list" "link attach" "link detach" "key gen"; do
	# shellcheck disable=SC2086 # two words
	expect 0 "usage: ndvalctl $command " $command --help
done
for command in pair peer instance stream member link key; do
	expect 0 "usage: ndvalctl $command " $command --help
done

# batch CODE PATTERN LINES: commands, and all that they print
keep_going=
batch()
{
	local code=$1 words=$2 said rc
	shift 2

	[ -z "$BRIEF" ] || [ -z "${seen[batch$words]}" ] || return
	seen[batch$words]=yes
	# shellcheck disable=SC2086 # words
	said=$(printf '%b' "$*" | timeout 60 ${NDVALCTL:-./ndvalctl} batch $keep_going 2>&1)
	rc=$?
	# shellcheck disable=SC2053 # a pattern
	if [ $rc -ne "$code" ] || [[ $said != $words ]]; then
		printf 'ndvalctl batch <<< %s\n\texpected %d and: %s\n\tgot %d and: %s\n' \
			"$*" "$code" "$words" $rc "$said"
		failed=1
	fi
}
version="ndvalctl [0-9]*.[0-9]*.[0-9]*"
usage "'y' is too much" batch x y
expect 1 "cannot open /no/such: No such file" batch /no/such
batch 0 "" ""
batch 0 "" "# nothing\n\n \t\n  # more"
batch 0 "$version"$'\n'"$version" "--version\n\n \t--version"
batch 2 "$version*usage: ndvalctl pair add NAME *line 2 failed; what comes after*" \
	"--version\npair add\n--version\n"
keep_going=--keep-going
batch 2 "$version"$'\n'"*line 2 failed"$'\n'"$version" \
	"--version\nfrob\n--version\n"
keep_going=
lines=$(mktemp)
printf -- '--version\n--version\n--version\n' >"$lines"
# shellcheck disable=SC2086 # words
if [ "$(${NDVALCTL:-./ndvalctl} batch "$lines" | wc -l)" != 3 ]; then
	echo "ndvalctl batch does not run each line of a file once"
	failed=1
fi
rm "$lines"
batch 1 "*cannot open /no/such*line 1 failed*" "batch /no/such"
batch 0 "usage: ndvalctl pair set *" "pair set --help"

# Keys.
usage "FILE is missing" key gen
usage "'y' is too much" key gen x y
expect 1 "cannot make /no/such: No such file" key gen /no/such
keys=$(mktemp -d)
mask=$(umask)
umask 277
expect 0 "$keys/a" key gen "$keys/a" --json
expect 0 "$keys/b" key gen "$keys/b" --json
umask "$mask"
expect 1 "$keys/a is there already" key gen "$keys/a"
if [ "$(stat -c %a "$keys/a")" != 600 ] || [ "$(grep -cxE '[0-9a-f]{64}' "$keys/a")" != 1 ] ||
	cmp -s "$keys/a" "$keys/b"; then
	echo "ndvalctl key gen does not make a key of its own, readable by its owner"
	failed=1
fi
rm -r "$keys"

# Arguments.
usage "NAME is missing" member add
usage "NAME is missing" member del
usage "'y' is too much" member add x y
usage "'x' is too much" pair list x
usage "PEER is missing" peer add web
usage "STREAM is missing" stream del web
usage "PAIR is missing" promote --new
usage "PAIR is missing" resync
usage "PAIR is missing" promote --force --fenced
usage "--new and --force exclude each other" promote web --new --force
usage "'x' is too much" promote web x
usage "PAIR is missing" demote
usage "'x' is too much" demote web x
usage "PAIR is missing" outdate
usage "PAIR is missing" switchover --to b
usage "'--to' needs a value" switchover web --to
usage "PEER is missing" peer outdate web
kernel promote web --force --fenced
kernel switchover web --to b --json
kernel switchover web
kernel demote web
kernel outdate web
kernel peer outdate web b
usage "NAME is missing" pair show
usage "SETTING=VALUE is missing" pair set web
usage "no user 'no-such-user'" pair add web --owner no-such-user
usage "no group 'no-such-group'" pair add web --owner-group no-such-group
usage "not '4294967295'" pair add web --owner 4294967295
usage "not '0888'" pair add web --mode 0888
usage "not '1777'" pair add web --mode 1777
usage "not '-1'" pair add web --mode -1
usage "not ''" pair add web --mode ""

# Settings.
usage "should look like SETTING=VALUE" pair set web ring_size
usage "no setting 'ring'; there are bind, commit" pair set web ring=1
usage "no setting ''" pair set web =1
usage "retain is given twice" pair set web retain=1 retain=2
usage "bind must be any or required" pair set web bind=maybe
usage "commit must be async or sync" pair set web commit=1
usage "on_peer_loss must be continue or suspend" pair set web on_peer_loss=stop
usage "on_divergence must be fail or report" pair set web on_divergence=
usage "overflow must be drop or stall" pair set web overflow=
usage "inspect must be off or on" pair set web inspect=1
for size in "" x -1 +1 " 1" 1.5 0x 16Q 16Kb 16KiBs 1K1 99999999999999999999; do
	usage "ring_size must be a number of bytes" pair set web "ring_size=$size"
done
usage "4294967295 bytes at most" pair set web ring_size=4294967296
usage "4294967295 bytes at most" pair set web ring_size=4G
usage "4294967295 bytes at most" pair set web ring_size=18446744073709551615G
usage "18446744073709551615 bytes at most" pair set web memory_max=17179869184G
for size in 0 1 4096 0x1000 16K 16k 16KiB 16kib 1M 3G 4294967295; do
	kernel pair set web "ring_size=$size"
done
kernel pair set web memory_max=16G
for set in "" 8 0-8 1-0 "," "0," ",0" "0,,1" 0-1-2 a 0,a -1 "0 1" 99999999999999999999; do
	usage "instances must be a set" pair set web "instances=$set"
done
for set in 0 7 0,1 0-2 0,2-3,7 3,1 0-7 none; do
	kernel pair set web "instances=$set"
done
for number in "" x -1 4294967296 1K 1.0; do
	usage "max_streams must be a whole number" pair set web "max_streams=$number"
done
kernel pair add web --group g --member a --peer b --peer c --owner 0 --owner-group 0 \
	--mode 0640 ring_size=16K instances=none bind=required overflow=stall inspect=on \
	commit=async on_peer_loss=suspend on_divergence=report journal_size=8K
usage "journal_size must be a number of bytes" pair set web journal_size=x
usage "4294967295 bytes at most" pair set web journal_size=4G

# Instances, values, reading.
usage "--at OFFSET or --journal-at PLACE is missing" instance set web
usage "from 0 to 7, not '8'" instance set web --at 0 --instance 8
for number in "" x -1 1x 18446744073709551616 0x; do
	usage "the offset must be a whole number" instance set web --at "$number"
	usage "the offset must be a whole number" values web --at "$number" --length 1
done
kernel instance set web --at 0x7fffffffffffffff --stream s --instance 7
usage "--length N is missing" values web --at 0
usage "--at OFFSET is missing" values web --length 1
usage "the length must be 1 at least" values web --at 0 --length 0
usage "exclude each other" values web --at 0 --length 1 --hex --raw
usage "--json excludes --raw" values web --at 0 --length 1 --raw --json
kernel values web --at 0 --length 1M --raw
usage "--journal excludes --raw" values web --journal --raw
usage "the place must be a whole number" values web --journal --at x
usage "the length must be 1 at least" values web --journal --length 0
usage "'x' is too much" values web --journal x
kernel values web --journal
kernel values web --journal --at 64 --hex --json
kernel values web --journal --stream s --length 4K
usage "'--journal-at' needs a value" instance set web --journal-at
usage "the place must be a whole number" instance set web --journal-at -1
kernel instance set web --at 4096 --journal-at 64
kernel instance set web --journal-at 0
usage "-n BYTES is missing" read web
usage "must be a number of bytes" read web -n infinite
usage "from 0 to 7" read web -n 1 --instance 8
usage "63 bytes at most" read web -n 1 --stream "$(printf 's%.0s' {1..64})"
usage "is empty" read web -n 1 --stream ""
usage "--json excludes -n inf" read web -n inf --json
expect 1 "there cannot be a pair" read ../null -n 1
expect 1 "there cannot be a pair" read "" -n 1
kernel read no-such-pair -n 1

# What is drawn by libndval.
for command in uuid clock agree; do
	usage "PAIR is missing" $command
	usage "from 0 to 7" $command web --instance 8
	usage "63 bytes at most" $command web --stream "$(printf 's%.0s' {1..64})"
	usage "is empty" $command web --stream ""
	usage "there is no option '--excl'" $command web --excl
	expect 1 "there cannot be a pair" $command ../null
	kernel $command no-such-pair
	kernel $command default --json --stream s --instance 7
done
usage "exclude each other" uuid web -4 -7
usage "'x' is too much" uuid web x
for count in "" x 0 -1 1K 18446744073709551616; do
	usage "the count must be a whole number" uuid web -n "$count"
done
kernel uuid web -7 -7 -n 18446744073709551615
usage "no clock 'now'; there are realtime, monotonic," clock web realtime now
kernel clock web realtime monotonic boottime tai cycles realtime
usage "'y' is too much" agree web x y
usage "4096 bytes at most" agree web "$(printf 'v%.0s' {1..4097})"
kernel agree web "$(printf 'v%.0s' {1..4096})" --hex
kernel agree web ""

# Links.
usage "--peer PEER is missing" link attach
usage "the socket is missing" link attach --peer b
usage "one socket only" link attach --peer b --fd 1 --listen :7
usage "name different members" link attach --peer b --unix-pair c
usage "the descriptor must be" link attach --peer b --fd -1
usage "must look like HOST:PORT" link attach --peer b --connect b
usage "the host is missing" link attach --peer b --connect :7
usage "an IPv6 address needs brackets" link attach --peer b --connect ::1:7
for port in "" x 0 65536; do
	usage "the port must be a whole number" link attach --peer b --connect "b:$port"
	usage "the port must be a whole number" link attach --peer b --listen ":$port"
done
usage "must look like CID:PORT" link attach --peer b --vsock-connect 7
usage "the CID must be" link attach --peer b --vsock-connect x:7
usage "the port must be" link attach --peer b --vsock-listen x
expect 1 "cannot connect to 127.0.0.1:1: Connection refused" \
	link attach --peer b --connect 127.0.0.1:1
expect 1 "cannot connect to [::1]:1: " link attach --peer b --connect '[::1]:1'
kernel link attach --peer b --fd 0
kernel link attach --unix-pair b
usage "either --peer PEER or --id N" link detach
usage "either --peer PEER or --id N" link detach --peer b --id 1
usage "--id excludes --member" link detach --id 1 --member a
usage "the link's number must be" link detach --id x

# Watching.
for seconds in 0 0.05 -1 x inf nan 1e9 2s; do
	usage "the seconds must be a number" status --watch="$seconds"
done
kernel status
kernel status web --watch 5
kernel status --watch=0.5 --json
kernel monitor
kernel pair list --json

# Completion, with a program that always has the same lists.
# shellcheck source-path=SCRIPTDIR
. ./ndvalctl.bash-completion
ndvalctl()
{
	case "$1 $2" in
	"member list") printf 'MEMBER KIND\na host\nx extra\n' ;;
	"peer list") printf 'PAIR PEER\nweb b\nweb c\n' ;;
	"link list") printf 'ID MEMBER PEER\n7 a b\n9 a d\n' ;;
	"stream list") printf 'PAIR STREAM\nweb default\nweb w/1\n' ;;
	esac
}
_ndvalctl_pairs()
{
	printf 'default\nweb\n'
}

# offers WORDS WORD..: what is offered for the last word
offers()
{
	local expected=$1
	shift

	COMP_WORDS=(ndvalctl "$@")
	COMP_CWORD=$#
	_ndvalctl
	if [ "${COMPREPLY[*]}" != "$expected" ]; then
		printf 'completion of %s\n\texpected: %s\n\tgot: %s\n' \
			"$*" "$expected" "${COMPREPLY[*]}"
		failed=1
	fi
}

offers "status stream" st
offers "add del set show list" pair ""
offers "default web" status ""
offers "default web" pair set ""
offers "" pair add ""
offers "ring_size= retain= read_timeout_ms=" pair add web r
offers "ring_size= retain= read_timeout_ms=" pair set web inspect = on r
offers "drop stall" pair set web overflow =
offers "stall" pair set web overflow = s
offers "--group --member --peer --owner --owner-group --mode --json --help" pair add web --
offers "a x" pair add web --member ""
offers "b c d" pair add web --peer ""
offers "7 9" link detach --id ""
offers "web" read --stream w/1 w
offers "default w/1" read web --stream ""
offers "default w/1" stream del web ""
offers "b c" peer del web ""
offers "x" member del x
offers "inf" read web -n ""
offers "" instance set web --at ""
offers "" instance set web --journal-at ""
offers "web" instance set --journal-at 64 w
offers "--journal --json" values web --j
offers "journal_size=" pair set web j
offers "" uuid web -n ""
offers "-4 -7 -n --stream --instance --json --help" uuid web -
offers "default web" clock ""
offers "tai" clock web realtime t
offers "" agree web ""
offers "--watch --json --help" status --
exit $failed
