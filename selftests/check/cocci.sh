#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# cocci.sh [DIRECTORY]
#
# The kernel's coccinelle scripts find nothing in driver/. Each is run as the
# kernel's own coccicheck runs it: mode report, with the options that it asks
# for. What it prints is a finding.
#
# Left out:
#   api/check_bq27xxx_data, null/badzero   are in OCaml, which spatch runs only
#	where OCaml's compiler is installed. The first is about a table of one
#	other driver, the second about 0 for NULL: sparse and checkpatch see that.
cd "$(dirname "$0")/../.." || exit 1

src=${NDVAL_LINUX_SOURCE:-$(selftests/vm/kernels.py source)} || exit 1
scripts=$src/scripts/coccinelle
dir=${1:-driver}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# A .cocciconfig where spatch runs, or in the home, would change its options.
export HOME=$tmp
top=$PWD
cd "$tmp" || exit 1
case $dir in
/*) ;;
*) dir=$top/$dir ;;
esac

# run SCRIPT DIRECTORY: prints the findings; fails if spatch does
run()
{
	local options

	options=$(sed -n 's|^// Options:||p' "$1")
	# shellcheck disable=SC2086 # options are words
	spatch -D report --no-show-diff --very-quiet --cocci-file "$1" $options \
		--dir "$2" -I "$top/driver" -I "$top/uapi" 2>"$tmp/said"
}

# What spatch cannot parse, it passes over in silence. A macro that makes a
# definition is such a thing, whole functions are not.
parsed()
{
	local file good

	for file in "$dir"/*.[ch]; do
		good=$(spatch --parse-c "$file" 2>/dev/null |
			sed -n 's/.*=> *\([0-9]*\)\.[0-9]*% good or passed$/\1/p')
		[ "${good:-0}" -ge 85 ] && continue
		echo "${file#"$top"/}: spatch understands ${good:-0} % of it only"
		status=1
	done
}

# It would be as silent if it did not work at all.
planted()
{
	mkdir "$tmp/planted"
	cat >"$tmp/planted/fault.c" <<-EOF
	int fault(struct mutex *lock, struct thing *thing)
	{
		kfree(thing);
		mutex_lock(lock);
		if (thing->broken)
			mutex_lock(lock);
		mutex_unlock(lock);
		return 0;
	}
	EOF
	run "$scripts/locks/double_lock.cocci" "$tmp/planted" | grep -q "second lock" &&
		run "$scripts/free/kfree.cocci" "$tmp/planted" | grep -q "reference preceded by free" &&
		return
	echo "spatch does not see a planted fault:"
	cat "$tmp/said"
	status=1
}

status=0
count=0
parsed
planted
while read -r script; do
	name=${script#"$scripts"/}
	case $name in
	api/check_bq27xxx_data.cocci | null/badzero.cocci) continue ;;
	esac
	if ! run "$script" "$dir" >"$tmp/found"; then
		echo "$name: spatch failed:"
		cat "$tmp/said"
		status=1
	fi
	if [ -s "$tmp/found" ]; then
		sed "s|$top/||; s|\$|  [$name]|" "$tmp/found"
		status=1
	fi
	count=$((count + 1))
done < <(find "$scripts" -name '*.cocci' | sort)
[ $count -ge 60 ] || { echo "only $count scripts in $scripts"; exit 1; }
exit $status
