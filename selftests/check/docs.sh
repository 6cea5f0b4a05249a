#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# The documentation names everything there is: files in sysfs, settings, module
# parameters, commands and attributes of the wire protocol, states, events and
# ndvalctl's commands. Links lead somewhere, and the .rst files are well formed.
cd "$(dirname "$0")/../.." || exit 1

abi=Documentation/ABI/testing/sysfs-class-ndval
guide=Documentation/admin-guide.rst
wire=Documentation/wire-protocol.rst
status=0

fail()
{
	echo "$*"
	status=1
}

# An extraction that finds nothing would let everything pass.
need()
{
	local what=$1 least=$2
	shift 2
	[ $# -ge "$least" ] || fail "found only $# of $what: has the source's form changed?"
}

# Every file of the driver has its place in the map.
for file in driver/*.c; do
	case $file in
	driver/netlink*.c) file="driver/netlink\*.c" ;;
	esac
	grep -q "\`\`\(driver/\)\?$(basename "$file")\`\`" Documentation/design.rst ||
		fail "Documentation/design.rst: no word of $file"
done

# The functions that the model's page names are where it says.
# shellcheck disable=SC2016  # they stand between backticks
mapfile -t places < <(sed -nE 's/.*``(\w+\.c)``: ``(\w+)\(\)``.*/\1 \2/p' \
	Documentation/model/README.rst)
need "functions of the model's rules" 40 "${places[@]}"
for place in "${places[@]}"; do
	read -r file name <<<"$place"
	grep -qE "^[a-z].*\b$name\(" "driver/$file" ||
		fail "Documentation/model/README.rst: no $name() in driver/$file"
done

# sysfs: the same files in the driver and in the ABI text.
mapfile -t settings < <(sed -nE 's/^SETTING\((\w+),.*/\1/p' driver/sysfs.c)
mapfile -t files < <(sed -nE -e 's/^SETTING\((\w+),.*/\1/p' -e 's/^COUNT\((\w+),.*/\1/p' \
	-e 's/^static DEVICE_ATTR_R[OW]\((\w+)\);/\1/p' driver/sysfs.c)
need settings 10 "${settings[@]}"
need "sysfs files" 20 "${files[@]}"
difference=$(diff <(printf '%s\n' "${files[@]}" | sort) \
	<(sed -nE 's|^What:\s+/sys/class/ndval/<node>/(\w+)$|\1|p' "$abi" | sort)) ||
	fail "driver/sysfs.c (<) and $abi (>) differ:"$'\n'"$difference"
for field in Date KernelVersion Contact Description; do
	[ "$(grep -c "^$field:" "$abi")" = "$(grep -c '^What:' "$abi")" ] ||
		fail "$abi: an entry lacks $field"
done

for setting in "${settings[@]}"; do
	grep -q "^\`\`$setting\`\`$" "$guide" || fail "$guide does not explain the setting $setting"
	for page in Documentation/man/ndvalctl.8 Documentation/man/ndvald.conf.5; do
		grep -qw "$setting" "$page" || fail "$page does not name the setting $setting"
	done
done

mapfile -t parameters < <(sed -nE 's/^module_param\((\w+),.*/\1/p' driver/main.c)
need "module parameters" 4 "${parameters[@]}"
for parameter in "${parameters[@]}"; do
	grep -q "^\`\`$parameter\`\` (" "$guide" || fail "$guide lacks the parameter $parameter"
done

# Words of an enumeration of the family: names in its entries.
words()
{
	/usr/bin/python3 -c '
import sys, yaml
spec = yaml.safe_load(open("Documentation/netlink/specs/ndval.yaml", encoding="utf-8"))
for definition in spec["definitions"]:
    if definition["name"] == sys.argv[1]:
        for entry in definition["entries"]:
            print(entry["name"] if isinstance(entry, dict) else entry)
' "$1"
}
for enum in health peer-state event-kind; do
	mapfile -t found < <(words "$enum")
	need "$enum" 6 "${found[@]}"
	for word in "${found[@]}"; do
		grep -q "^\`\`$word\`\`" "$guide" || fail "$guide does not explain $enum $word"
	done
done

# The wire protocol: a row with number, name and type for each attribute, and
# one with number and name for each command.
mapfile -t rows < <(/usr/bin/python3 -c '
import yaml
spec = yaml.safe_load(open("Documentation/netlink/specs/ndval-wire.yaml", encoding="utf-8"))
for attrs in spec["attribute-sets"]:
    for number, attr in enumerate(attrs["attributes"], 1):
        kind = {"pad": "-"}.get(attr["type"], attr["type"])
        limit = attr.get("checks", {}).get("max-len", "")
        print(" +".join(str(x) for x in (number, attr["name"], kind, limit) if x))
for number, command in enumerate(spec["operations"]["list"], 1):
    print(number, command["name"].upper().replace("-", "_"), sep=" +")
')
need "attributes and commands of the wire" 40 "${rows[@]}"
for row in "${rows[@]}"; do
	grep -qE "^$row( |$)" "$wire" || fail "$wire lacks the row '${row// +/ }'"
done

# ndvalctl: every command and option is in its man page.
page=$(mandoc -T ascii Documentation/man/ndvalctl.8 | sed 's/.\x08//g') || fail "no man page"
commands()
{
	sed -n '/struct command commands\[\] = {/,/^\t*};/s/.*{ "\([a-z]*\)".*/\1/p' "$1"
}
mapfile -t tops < <(commands tools/ndvalctl/ndvalctl.c)
need "ndvalctl's commands" 10 "${tops[@]}"
for top in "${tops[@]}"; do
	mapfile -t names < <(commands "tools/ndvalctl/$top.c" 2>/dev/null)
	names=("${names[@]/#/$top }")
	for command in "${names[@]:-$top}"; do
		grep -qE "^ +(ndvalctl )?$command( |$)" <<<"$page" ||
			fail "ndvalctl(8) lacks '$command'"
	done
done
mapfile -t options < <(sed -nE 's/.*\{ "([a-z-]+)", (no|required|optional)_argument.*/\1/p' \
	tools/ndvalctl/*.c | sort -u)
need "ndvalctl's options" 10 "${options[@]}"
for option in "${options[@]}"; do
	grep -qE -- "--$option\b" <<<"$page" || fail "ndvalctl(8) lacks --$option"
done

# libndval: every function is declared, exported and explained.
mapfile -t functions < <(sed -nE 's/^[a-z].*\b\*?(ndval_[a-z_]+)\(.*/\1/p' tools/lib/ndval.h)
need "libndval's functions" 10 "${functions[@]}"
difference=$(diff <(printf '%s\n' "${functions[@]}" | sort) \
	<(sed -nE 's/^\t(ndval_[a-z_]+);/\1/p' tools/lib/libndval.map)) ||
	fail "tools/lib/ndval.h (<) and libndval.map (>) differ:"$'\n'"$difference"
for function in "${functions[@]}"; do
	grep -qE "^\.(Fn|Fo) $function( |$)" Documentation/man/*.3 ||
		fail "no man page explains $function()"
done

# Links of the texts.
for text in README.md Documentation/*.rst Documentation/model/*.rst; do
	while read -r target; do
		[ -e "$(dirname "$text")/$target" ] || fail "$text: $target is not there"
	done < <(sed -nE -e 's/.*\]\(([^)#:]+)\).*/\1/p' -e 's/.*<([a-z-]+\.rst)>`_.*/\1/p' "$text")
done

if command -v rst2html >/dev/null; then
	for text in Documentation/*.rst Documentation/model/*.rst; do
		rst2html --halt=2 "$text" >/dev/null || fail "$text is not well formed"
	done
else
	fail "rst2html is missing (package python3-docutils)"
fi
exit $status
