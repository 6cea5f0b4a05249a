#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# model.sh [PATTERN]
#
# The protocol's model, Documentation/model/ndval.pml, in spin: with its rules
# no state within the bounds breaks an invariant, and the search is complete;
# without a rule that is needed it finds the fault. PATTERN chooses runs.
#
# For people: NDVAL_MODEL=large adds runs that take minutes and gigabytes each;
# NDVAL_MODEL="-DN=3 -DMAXP=2 .." makes that one run only, and shows all that pan
# says. NDVAL_MODEL_MEMORY (MB) and NDVAL_MODEL_SECONDS are their limits.
cd "$(dirname "$0")/../.." || exit 1

command -v spin >/dev/null || { echo "spin is missing (package spin)"; exit 4; }

model=$PWD/Documentation/model/ndval.pml
memory=2500
seconds=300
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
status=0

fail()
{
	echo "$*"
	status=1
}

# search NAME EXPECTED DEFINES COMPILE [DEPTH]: a line of the table. Most searches without
# a rule are shorter than it takes gcc to compile them: tcc does that in no time.
search()
{
	local name=$1 expected=$2 defines=$3 compile=$4
	local start result states took

	rm -rf "$tmp/run"
	mkdir "$tmp/run"
	cp "$model" "$tmp/run"
	cd "$tmp/run" || exit 1
	# shellcheck disable=SC2086 # defines and compiler are words
	if ! spin -a $defines ndval.pml >said 2>&1 ||
		! $compile -w -DSAFETY -DNOREDUCE "-DMEMLIM=$memory" -o pan pan.c >said 2>&1; then
		fail "$name: does not build: $(head -3 said)"
		return
	fi
	start=${EPOCHREALTIME/./}
	timeout -s INT -k 10 "$seconds" ./pan -E "-m${5:-20000}" -w24 >said 2>&1
	took=$(((${EPOCHREALTIME/./} - start) / 100000))
	states=$(sed -nE 's/^ *([0-9.e+]+) states, stored.*/\1/p' said)
	# A search is complete if it neither stopped, nor ran into a limit.
	if grep -q "^pan:1: " said; then
		result=error
	elif grep -q "errors: 0" said && ! grep -qE \
		"Search not completed|max search depth too small|out of memory|aborted|Interrupted" said; then
		result=holds
	else
		result=unfinished
	fi
	printf '%-54s %-10s %9s %5d.%d  %s\n' "$name" "$result" "$states" \
		$((took / 10)) $((took % 10)) "$defines"
	if [ "$expected" != any ] && [ "$result" != "$expected" ]; then
		fail "$name: $result, not $expected: $(grep -E '^pan|errors:' said | head -3)"
	fi
}

# with NAME DEFINES: the rules hold
with()
{
	base=$2
	case "$1" in
	*$pattern*) search "$1" holds "$2" "${3:-gcc -O1}" ;;
	esac
}

# without NAME RULES [COMPILE [DEPTH]]: as the run before, but for a rule, or several,
# or in another world. A limit of depth finds some faults earlier.
without()
{
	case "  $1" in
	*$pattern*) search "  $1" error "$base $2" "${3:-tcc}" "${4-}" ;;
	esac
}

# reaches NAME NUMBER: the run before is not empty: a claim that this never happens is false
reaches()
{
	without "reaches: $1" "-DREACH=$2"
}

if [[ ${NDVAL_MODEL-} == -D* ]]; then
	memory=${NDVAL_MODEL_MEMORY:-8000}
	seconds=${NDVAL_MODEL_SECONDS:-3600}
	search "as asked" any "$NDVAL_MODEL" "gcc -O2"
	cat "$tmp/run/said"
	exit $status
fi

pattern=${1-}
printf '%-54s %-10s %9s %7s\n' "run" "result" "states" "seconds"

# Two hosts.
with "2 hosts, suspend and outdate" \
	"-DN=2 -DMAXP=2 -DMAXE=3 -DCRASH=2 -DCUT=1 -DDEMOTE=1 -DSWITCH=1"
without "member ids are not looked at (C4)" -DNO_MEMBERID
without "old sockets are read (rule 2)" -DNO_SESS
without "messages without epoch (rule 2, C9)" -DNO_EPOCH
without "not truncated to T (rule 5)" -DNO_TRUNC
without "L is not clipped (rule 5, C7)" -DNO_CLIP
without "deliveries wait for no ack (rules 11, 12)" -DNO_COMMIT
without "L sent is not promised (rule 11)" -DNO_PROMISED
without "in sync at once (rule 15, C5)" -DBAR_NONE
without "anybody is promoted (rule 16)" -DNO_FLAG
without "outdated ones are promoted (rule 16, C1)" -DNO_OUTDATED
without "a new primary counts nobody (rule 18, C6)" -DNO_KEEP
without "on_peer_loss=continue after a cut (C1)" -DPOL=0
reaches "a promotion" 1
reaches "a truncation" 3
reaches "a hand-over" 5
reaches "a delivery in the last epoch" 6
with "2 hosts, suspend alone" \
	"-DN=2 -DMAXP=2 -DMAXE=3 -DCRASH=1 -DCUT=1 -DDEMOTE=1 -DPOL=1"
without "promoted without who is not connected (rule 18, C1)" -DNO_WAIT
with "2 hosts, two messages under way" \
	"-DN=2 -DMAXP=2 -DMAXE=3 -DCRASH=1 -DCUT=1 -DDEMOTE=1 -DCAP=2"
with "2 hosts, live links replaced, window moves" \
	"-DN=2 -DMAXP=1 -DMAXE=3 -DCRASH=1 -DCUT=1 -DDEMOTE=1 -DSWITCH=1 -DREKEY=1 -DDROP=1"
with "2 hosts, a journal" \
	"-DN=2 -DMAXP=3 -DMAXE=3 -DCRASH=1 -DCUT=1 -DDEMOTE=1 -DJOURNAL"
without "what is proposed is recorded at any place" -DNO_PLACE
without "not truncated to T (rule 5)" -DNO_TRUNC
without "deliveries wait for no ack (rules 11, 12)" -DNO_COMMIT
reaches "a record that a secondary proposed" 8
with "2 hosts, a journal, two messages under way" \
	"-DN=2 -DMAXP=2 -DMAXE=3 -DCRASH=1 -DCUT=1 -DDEMOTE=1 -DSWITCH=1 -DJOURNAL -DCAP=2"
with "2 hosts, continue, no cut" \
	"-DN=2 -DMAXP=2 -DMAXE=3 -DCRASH=2 -DCUT=0 -DDEMOTE=1 -DSWITCH=1 -DDROP=1 -DPOL=0"
reaches "a delivery after what is lost" 7
with "2 hosts, split brain is detected" \
	"-DN=2 -DMAXP=1 -DMAXE=4 -DCRASH=0 -DCUT=1 -DDEMOTE=2 -DPOL=0 -DORACLE=0 -DSOFT"
without "T is the newest epoch's start (rule 5, C2)" -DNO_MIN
without "epochs are numbers (C3)" -DNO_EID
without "what was delivered is not looked at (rule 5)" -DNO_HW
reaches "a divergence" 4

# Three hosts.
with "3 hosts, one joins" \
	"-DN=3 -DMAXP=1 -DMAXE=2 -DCRASH=1 -DCUT=1 -DFRESH" "gcc -O2"
without "member ids are not looked at (C4)" -DNO_MEMBERID
without "messages without epoch (rule 2, C9)" -DNO_EPOCH
without "L does not wait for the others (rule 11)" -DNO_OTHERS
without "L sent is not promised (rule 11)" -DNO_PROMISED
without "in sync at once (rule 15, C5)" -DBAR_NONE
without "in sync at what is committed (rule 15, C5)" -DBAR_COMMITTED
reaches "a delivery in the last epoch" 6
with "3 hosts, switchover" \
	"-DN=3 -DMAXP=1 -DMAXE=2 -DCRASH=1 -DCUT=1 -DSWITCH=1" "gcc -O2"
reaches "a hand-over" 5
with "3 hosts, two positions" \
	"-DN=3 -DMAXP=2 -DMAXE=2 -DCRASH=1 -DCUT=1" "gcc -O2"
with "3 hosts, two cuts" \
	"-DN=3 -DMAXP=1 -DMAXE=2 -DCRASH=1 -DCUT=2"
with "3 hosts, three epochs, two crashes" \
	"-DN=3 -DMAXP=1 -DMAXE=3 -DCRASH=2 -DCUT=0 -DDEMOTE=1" "gcc -O2"
with "3 hosts, continue, one cut, window moves" \
	"-DN=3 -DMAXP=1 -DMAXE=2 -DCRASH=1 -DCUT=1 -DPOL=0 -DDROP=1"
reaches "a candidate that takes" 2
without "a candidate takes nothing (rule 17, C11)" -DNO_CATCHUP
without "it takes nothing beyond a tail (H3)" -DNO_TAKEHOLE
with "3 hosts, continue, one cut, promoted at any time" \
	"-DN=3 -DMAXP=1 -DMAXE=2 -DCRASH=0 -DCUT=1 -DPOL=0 -DORACLE=0"
without "others may see the primary (rule 17)" -DNO_SEES
with "3 hosts, continue, no cut, promoted at any time" \
	"-DN=3 -DMAXP=1 -DMAXE=3 -DCRASH=1 -DCUT=0 -DPOL=0 -DORACLE=0"
without "the primary may be there (rule 16)" -DNO_BUSY
without "others may know a newer epoch (rule 17)" -DNO_NEWER
with "3 hosts, split brain is detected" \
	"-DN=3 -DMAXP=1 -DMAXE=3 -DCRASH=0 -DCUT=2 -DDEMOTE=1 -DPOL=0 -DORACLE=0 -DSOFT" "gcc -O2"
without "T is the newest epoch's start (rule 5, C2)" -DNO_MIN
without "what was delivered is not looked at (rule 5)" -DNO_HW
with "3 hosts, two switchovers" \
	"-DN=3 -DMAXP=1 -DMAXE=3 -DCRASH=0 -DCUT=0 -DPOL=0 -DSWITCH=2 -DNOPROM"
without "the old primary resumes (H8)" -DRESUME
with "3 hosts, promoted during a switchover" \
	"-DN=3 -DMAXP=1 -DMAXE=3 -DCRASH=0 -DCUT=0 -DPOL=0 -DSWITCH=1 -DORACLE=2"
without "others may see the primary (rule 17, H8)" -DNO_SEES
with "3 hosts, async, switchover only" \
	"-DN=3 -DMAXP=2 -DMAXE=3 -DCRASH=0 -DCUT=0 -DPOL=0 -DSWITCH=1 -DNOPROM -DASYNC"
without "not drained (H8)" -DNO_DRAIN


# The run with the rule is among the large ones.
base="-DN=3 -DMAXP=1 -DMAXE=3 -DCRASH=2 -DCUT=1 -DDEMOTE=1"
without "another member id leaves the set unasked (M5)" -DMEMBER_OUT "gcc -O1" 30

if [ "${NDVAL_MODEL-}" = large ]; then
	memory=${NDVAL_MODEL_MEMORY:-8000}
	seconds=${NDVAL_MODEL_SECONDS:-3600}
	with "3 hosts, three epochs, one cut" \
		"-DN=3 -DMAXP=1 -DMAXE=3 -DCRASH=1 -DCUT=1 -DDEMOTE=1" "gcc -O2"
	with "3 hosts, three epochs, two crashes, one cut" \
		"-DN=3 -DMAXP=1 -DMAXE=3 -DCRASH=2 -DCUT=1 -DDEMOTE=1" "gcc -O2"
	with "3 hosts, one joins, window moves" \
		"-DN=3 -DMAXP=2 -DMAXE=2 -DCRASH=1 -DCUT=0 -DFRESH -DDROP=1" "gcc -O2"
fi
exit $status
