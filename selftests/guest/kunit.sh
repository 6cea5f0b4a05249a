#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# The KUnit suites of what is memory and arithmetic alone (selftests/kmod): one
# result for each KUnit case.
#
# vm: flavours=debug module=no timeout=120
. ./lib.sh

debugfs=/sys/kernel/debug

# tap FILE..: the KTAP that KUnit keeps of suites, as plain results. A case is
# indented by 4, what belongs to it stands before it, by 4 or more.
tap()
{
	awk '
	/^    # Subtest: / { suite = $3; next }
	/^    (ok|not ok) [0-9]+ / {
		word = ($1 == "ok") ? "ok" : "not ok"
		sub(/^    (ok|not ok) [0-9]+ /, "")
		print word " " suite ": " $0
		next
	}
	/^    1\.\.|KTAP version|^(ok|not ok|1\.\.)/ { next }
	{ sub(/^ */, ""); sub(/^# /, ""); print "# " $0 }
	' "$@"
}

# cases FILE..: how many these say they have.
cases()
{
	sed -n 's/^    1\.\.//p' "$@" | awk '{ sum += $1 } END { print sum + 0 }'
}

# results FILE..: those of KUnit become ours.
results()
{
	tap "$@" >/tmp/tap
	while read -r line; do
		case $line in
		"ok "*" # SKIP"*) skip "${line%% # SKIP*}" "${line#*# SKIP }" ;;
		"ok "*) ok "${line#ok }" ;;
		"not ok "*) not_ok "${line#not ok }" ;;
		*) echo "$line" ;;
		esac
	done </tmp/tap
}

# As KUnit writes them, to see that a failure is one.
cat >/tmp/sample <<'END'
KTAP version 1
1..1
    KTAP version 1
    # Subtest: sample
    1..3
    ok 1 good
    # bad: EXPECTATION FAILED at sample.c:1
        ok 1 with one
        not ok 2 with another
    # bad: pass:1 fail:1 skip:0 total:2
    not ok 2 bad
    ok 3 left # SKIP why
# sample: pass:1 fail:1 skip:1 total:3
not ok 1 sample
END
sample='ok sample: good
# bad: EXPECTATION FAILED at sample.c:1
# ok 1 with one
# not ok 2 with another
# bad: pass:1 fail:1 skip:0 total:2
not ok sample: bad
ok sample: left # SKIP why
# sample: pass:1 fail:1 skip:1 total:3'

# Allocations fail where a test says so (current->make_it_fail, fail_nth), quietly.
for knob in failslab fail_page_alloc; do
	(
		cd $debugfs/$knob && echo Y >task-filter && echo 100 >probability &&
			echo "-1" >./times && echo 0 >verbose
	) || bail "$knob is not there"
done
must sh -c "echo 0 >$debugfs/fail_page_alloc/min-order"
must modprobe ndval_kunit

suites="buffer clock digest history journal mem name ring wire"
files=
for suite in $suites; do
	files="$files $debugfs/kunit/ndval_$suite/results"
done
# shellcheck disable=SC2086 # they are several
{
	plan $(($(cases $files) + 4))
	results $files
}
check "a failure of KUnit is one here" [ "$(tap /tmp/sample)" = "$sample" ]
is "a plan of KUnit is one here" "$(cases /tmp/sample)" 3
set -- $debugfs/kunit/ndval_*
is "the module has no other suite" $# 9
check "the module goes" rmmod ndval_kunit
finish
