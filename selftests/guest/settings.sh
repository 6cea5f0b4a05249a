#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Settings of a pair: several at once, who may change them, which are carried
# to peers; and what the files tell that are no settings. Each setting's values
# are settings_values.c's business.
#
# vm: timeout=120
. ./lib.sh
plan 23

dir=/sys/class/ndval/ndval
settings="bind commit on_peer_loss ring_size retain prefetch max_streams
	memory_max overflow instances read_timeout_ms peer_timeout_ms inspect"

# all_settings: what they are now, on one line.
all_settings()
{
	# shellcheck disable=SC2086 # words
	(cd $dir && cat $settings) | tr '\n' ' '
}

# -- together ---------------------------------------------------------------------

before=$(all_settings)
refused "several settings with a bad one among them are refused" \
	ndvalctl pair set default max_streams=5 prefetch=16777216 overflow=stall
is "and none of them is set" "$(all_settings)" "$before"
must ndvalctl pair set default ring_size=8K
is "retain and prefetch are cut to a smaller ring" \
	"$(get default retain) $(get default prefetch)" "8192 4096"
must ndvalctl pair set default ring_size=64K
is "retain follows a ring that it was as large as, prefetch does not" \
	"$(get default retain) $(get default prefetch)" "65536 4096"
must ndvalctl pair set default retain=4096
must ndvalctl pair set default ring_size=256K
is "retain stays if it was smaller" "$(get default retain)" 4096
refused "retain beyond the ring that comes with it is refused" \
	ndvalctl pair set default ring_size=64K retain=128K
check "settings that only fit together are taken together" \
	ndvalctl pair set default ring_size=1M retain=1M prefetch=512K

# -- who may ----------------------------------------------------------------------

# unprivileged COMMAND..: as root without CAP_NET_ADMIN.
unprivileged()
{
	setpriv --bounding-set=-net_admin --inh-caps=-net_admin "$@"
}

bad=
before=$(all_settings)
for name in $settings; do
	case $(LC_ALL=C unprivileged sh -c "cat $dir/$name >/tmp/value; cat /tmp/value >$dir/$name" 2>&1) in
	*not\ permitted*) ;;
	*) bad="$bad $name" ;;
	esac
done
is "writing any setting needs CAP_NET_ADMIN" "$bad" ""
bad=
for command in "pair set default max_streams=3" "pair add x" "pair del default" "member add x" \
	"promote default --new" "promote default --force --fenced" "demote default" \
	"switchover default" "outdate default" "peer outdate default x" "resync default" "instance set default --at 0" \
	"peer add default x" "peer del default x" "stream del default default" \
	"values default --at 0 --length 1" "link list" "link detach --peer x"; do
	# shellcheck disable=SC2086 # words
	said=$(unprivileged ndvalctl $command 2>&1) && bad="$bad '$command'"
	case $said in
	*CAP_NET_ADMIN*|*not\ permitted*|*root*) ;;
	*) bad="$bad '$command: $said'" ;;
	esac
done
is "so does every command that changes or reveals something" "$bad" ""
is "nothing has changed by that" "$(all_settings)" "$before"
check "anybody may ask for the status" setpriv --reuid=1000 --clear-groups ndvalctl status
# shellcheck disable=SC2016 # for the inner shell
bad=$(setpriv --reuid=1000 --clear-groups sh -c 'for file in "$1"/*; do
	[ ! -f "$file" ] || read -r _ <"$file" || echo "unreadable: $file"
	! { echo 1 >"$file"; } 2>/dev/null || echo "written: $file"
done' - $dir | grep -v /uevent)
is "anybody may read all files in sysfs, and write none" "$bad" ""

# -- what files in sysfs tell -------------------------------------------------------

# state PAIR: all that is not a setting.
state()
{
	for file in role health epoch issued committed retained streams peers \
		lost; do
		printf '%s ' "$(get "$1" $file)"
	done
}

must ndvalctl pair add state
is "an unused pair tells of nothing" "$(state state)" "primary standalone 1 0 0 0 0 0 0 "
must sum state 5000 >/dev/null
is "a used one tells what is recorded, committed and retained" \
	"$(state state)" "primary standalone 1 8192 8192 8192 1 0 0 "
memory=$(get state memory)
if [ "$memory" -ge 8192 ] && [ "$memory" -le 16384 ]; then
	ok "and of the memory it has"
else
	not_ok "and of the memory it has" "$memory"
fi
bad=
for file in role health epoch issued committed retained streams peers lost \
	memory; do
	{ echo 1 >"/sys/class/ndval/ndval-state/$file"; } 2>/dev/null && bad="$bad $file"
done
is "what is no setting cannot be written" "$bad" ""
remove state
two_members
two_pairs web
must wait_for 10 shows web2 health protected
is "a primary with a peer tells so" "$(state web1)" "primary protected 1 0 0 0 0 1 0 "
is "its secondary too" "$(state web2)" "secondary protected 1 0 0 0 0 1 0 "

# -- pair settings ------------------------------------------------------------------

not_carried=
written=
set=
for setting in bind:required:any commit:async:sync on_peer_loss:suspend:continue; do
	name=${setting%%:*}
	other=${setting#*:}
	first=${other#*:}
	other=${other%:*}
	must set_to web1 "$name" "$other"
	wait_for 10 shows web2 "$name" "$other" || not_carried="$not_carried $name=$other"
	case $(why_not "$(sys web2 "$name")" "$first") in
	*not\ permitted*) ;;
	*) written="$written $name" ;;
	esac
	ndvalctl pair set web2 "$name=$first" 2>/dev/null && set="$set $name"
	must set_to web1 "$name" "$first"
	wait_for 10 shows web2 "$name" "$first" || not_carried="$not_carried $name=$first"
done
is "a pair setting is carried from the primary to the secondary" "$not_carried" ""
is "where it can't be written" "$written" ""
is "nor set by netlink" "$set" ""
must set_to web2 retain 0
is "a member setting is not carried" "$(get web1 retain)" 262144
must part_members
check "a member without its peer is alone" wait_for 10 shows web2 health alone
finish
