# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=sh
#
# What the tests that are scripts share. A test begins with
#
#	#!/bin/sh
#	. ./lib.sh
#	plan 3
#
# prints one result for each thing it shows (ok, not_ok, skip, check, is), and
# ends with 'finish'. Nothing sleeps for a fixed time: wait_for polls.

tests_done=0
tests_failed=0

# plan N: so many results will follow.
plan()
{
	tests_planned=$1
	echo "1..$1"
}

# ok NAME: the behaviour that NAME says was seen.
ok()
{
	tests_done=$((tests_done + 1))
	echo "ok $tests_done $1"
}

# not_ok NAME [WHY]
not_ok()
{
	tests_done=$((tests_done + 1))
	tests_failed=$((tests_failed + 1))
	[ -z "$2" ] || echo "# $2"
	echo "not ok $tests_done $1"
}

# skip NAME WHY
skip()
{
	tests_done=$((tests_done + 1))
	echo "ok $tests_done $1 # SKIP $2"
}

# check NAME COMMAND..: ok if the command succeeds. What it says is kept, as
# comments, for when it does not.
check()
{
	check_name=$1
	shift
	check_said=$("$@" 2>&1 </dev/null)
	check_rc=$?
	if [ $check_rc -eq 0 ]; then
		ok "$check_name"
	else
		echo "$check_said" | sed 's/^/# /'
		not_ok "$check_name" "exit $check_rc: $*"
	fi
}

# refused NAME COMMAND..: ok if the command fails, in order (not by a signal).
refused()
{
	check_name=$1
	shift
	check_said=$("$@" 2>&1 </dev/null)
	check_rc=$?
	if [ $check_rc -gt 0 ] && [ $check_rc -lt 126 ]; then
		ok "$check_name"
	else
		echo "$check_said" | sed 's/^/# /'
		not_ok "$check_name" "exit $check_rc, should fail: $*"
	fi
}

# is NAME GOT WANTED
is()
{
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1" "got '$2', wanted '$3'"
	fi
}

# like NAME TEXT PATTERN: ok if TEXT matches the shell pattern.
like()
{
	# shellcheck disable=SC2254 # it is a pattern
	case $2 in
	$3) ok "$1" ;;
	*) not_ok "$1" "'$2' is not like '$3'" ;;
	esac
}

# finish: the last line of a test.
finish()
{
	[ "$tests_failed" -eq 0 ] && [ "$tests_done" -eq "$tests_planned" ]
	exit
}

# bail WHY: what the test stands on is not there.
bail()
{
	echo "Bail out! $1"
	exit 1
}

# must COMMAND..: a step that is not what is tested; nothing makes sense
# without it.
must()
{
	"$@" || bail "exit $?: $*"
}

# now: hundredths of seconds since boot, in $now. No process is started.
now()
{
	read -r now _ </proc/uptime
	now=${now%.*}${now#*.}
}

# wait_for SECONDS COMMAND..: until the command succeeds; fails after SECONDS.
wait_for()
{
	now
	wait_end=$((now + $1 * 100))
	shift
	until "$@" >/dev/null 2>&1; do
		now
		[ "$now" -lt "$wait_end" ] || return 1
		usleep 10000
	done
}

# node PAIR: its node.
node()
{
	if [ "$1" = default ]; then echo /dev/ndval; else echo "/dev/ndval-$1"; fi
}

# sys PAIR FILE: its file in sysfs.
sys()
{
	echo "/sys/class/ndval/$(basename "$(node "$1")")/$2"
}

# get PAIR FILE: what the file says.
get()
{
	cat "$(sys "$1" "$2")"
}

# set_to PAIR FILE VALUE: writes a setting; fails as the write fails.
set_to()
{
	printf '%s\n' "$3" 2>/dev/null >"$(sys "$1" "$2")"
}

# why_not FILE VALUE: what the system says when the value is written; nothing
# if it is taken.
why_not()
{
	{ printf '%s\n' "$2" | LC_ALL=C cat >"$1"; } 2>&1
}

# shows PAIR FILE VALUE
shows()
{
	[ "$(get "$1" "$2")" = "$3" ]
}

# above PAIR FILE NUMBER: is the number in the file higher?
above()
{
	[ "$(get "$1" "$2")" -gt "$3" ]
}

# gone PAIR: neither node nor sysfs directory is left.
gone()
{
	! [ -e "$(node "$1")" ] && ! [ -e "$(sys "$1" .)" ]
}

# bytes PAIR N [OPTION..]: the next N bytes of a pair as hexadecimal digits.
bytes()
{
	bytes_pair=$1
	bytes_count=$2
	shift 2
	ndvalctl read "$bytes_pair" -n "$bytes_count" --hex "$@"
}

# sum PAIR N [OPTION..]: a digest of the next N bytes.
sum()
{
	sum_pair=$1
	sum_count=$2
	shift 2
	ndvalctl read "$sum_pair" -n "$sum_count" "$@" | sha256sum
}

# two_members: members m1 and m2 of this host, joined by a socketpair.
two_members()
{
	must ndvalctl member add m1
	must ndvalctl member add m2
	join_members
}

# join_members: (again) a link between m1 and m2.
join_members()
{
	must ndvalctl link attach --member m1 --peer m2 --unix-pair m2
}

# part_members: takes the link away.
part_members()
{
	must ndvalctl link detach --member m1 --peer m2
}

# follows PAIR PRIMARY: is the secondary in the primary's epoch?
follows()
{
	[ "$(get "$1" epoch)" != 0 ] && [ "$(get "$1" epoch)" = "$(get "$2" epoch)" ]
}

# two_pairs GROUP [SETTING=VALUE..]: pairs GROUP1 of m1, the primary, and
# GROUP2 of m2, the secondary; values flow when it returns.
two_pairs()
{
	pair_group=$1
	shift
	must ndvalctl pair add "${pair_group}1" --group "$pair_group" --member m1 --peer m2 "$@"
	must ndvalctl pair add "${pair_group}2" --group "$pair_group" --member m2 --peer m1 "$@"
	must ndvalctl promote "${pair_group}1" --new
	must wait_for 10 follows "${pair_group}2" "${pair_group}1"
}

# remove PAIR..: and wait for the end of it.
remove()
{
	for remove_pair in "$@"; do
		must ndvalctl pair del "$remove_pair"
	done
}

# end_jobs: ends what runs in the background. (A command substitution would
# not see the jobs of this shell.)
end_jobs()
{
	jobs -p >/tmp/jobs.$$
	while read -r end_pid; do
		kill "$end_pid" 2>/dev/null
	done </tmp/jobs.$$
	rm -f /tmp/jobs.$$
	wait
}

# The module, which is removed after the test, takes the rest along.
trap end_jobs EXIT
