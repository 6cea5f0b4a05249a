#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Generate the netlink headers and tables from the two specs, with the
# kernel's own generator. Called by "make regen"; with --check, says whether
# what is checked in is what the specs give, and validates the specs against
# the kernel's unmodified schema.
#
# The generator (tools/net/ynl of linux-source-6.12) is meant to run inside a
# kernel tree, so it runs on a scratch tree that has a MAINTAINERS file, the
# schemas and the specs. Two keys differ there from what is checked in:
#
# kernel-policy: per-op	makes it emit genl_ops, which 6.1 has, instead of
#			genl_split_ops, which it lacks.
# protocol: genetlink-legacy	for the wire spec only: policies are then emitted
#			without a family around them. The table of operations
#			is cut, because link messages are not dispatched by
#			generic netlink.
set -eu

top=$(cd "$(dirname "$0")/../.." && pwd)
cache=${NDVAL_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/ndval}
src=${NDVAL_LINUX_SOURCE:-$cache/linux-source}
python=/usr/bin/python3
[ -x "$src/tools/net/ynl/ynl-gen-c.py" ] || {
	echo "regen: no kernel generator in $src: run make deps, which fetches it" >&2
	exit 1
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
specs=$scratch/Documentation/netlink/specs
mkdir -p "$specs"
: > "$scratch/MAINTAINERS"
cp "$src"/Documentation/netlink/*.yaml "$scratch/Documentation/netlink/"

# The committed specs are valid as they are.
for spec in ndval ndval-wire; do
	cp "$top/Documentation/netlink/specs/$spec.yaml" "$specs/"
done
PYTHONPATH=$src/tools/net/ynl $python - "$specs" <<'PY'
import sys
from lib.nlspec import SpecFamily
for name in ("ndval", "ndval-wire"):
    SpecFamily(f"{sys.argv[1]}/{name}.yaml",
               f"{sys.argv[1]}/../genetlink.yaml")
PY

schema=$scratch/Documentation/netlink/genetlink.yaml
sed -i '/^  uapi-header:/i\  kernel-policy:\n    enum: [ split, per-op, global ]' "$schema"
sed -i '/^doc:/i kernel-policy: per-op\n' "$specs/ndval.yaml"
sed -i '/^doc:/i protocol: genetlink-legacy\nkernel-policy: per-op\n' "$specs/ndval-wire.yaml"

gen() {
	$python "$src/tools/net/ynl/ynl-gen-c.py" --spec "$specs/$1.yaml" \
		--mode "$2" "--$3" -o "$scratch/$4"
}

# The uapi header's guard, name and place follow design: ndval_netlink.h.
sed -i '/^kernel-policy/i uapi-header: linux/ndval_netlink.h' "$specs/ndval.yaml"
sed -i '/^kernel-policy/i uapi-header: linux/ndval_wire.h' "$specs/ndval-wire.yaml"
gen ndval uapi header ndval_netlink.h
gen ndval kernel header netlink_gen.h
gen ndval kernel source netlink_gen.c
gen ndval-wire uapi header wire_enum_gen.h
gen ndval-wire kernel header wire_gen.h
gen ndval-wire kernel source wire_gen.c

# Paths of this tree instead of the kernel's, and no family for the wire.
sed -i 's|<uapi/linux/ndval_netlink.h>|<linux/ndval_netlink.h>|' \
	"$scratch/netlink_gen.h" "$scratch/netlink_gen.c"
sed -i 's|<uapi/linux/ndval_wire.h>|"wire_enum_gen.h"|' \
	"$scratch/wire_gen.h" "$scratch/wire_gen.c"
sed -i -e '/^\/\* Ops table/,/^};$/d' "$scratch/wire_gen.c"
sed -i -e '/^\/\* Ops table/d' -e '/nl_ops\[/d' -e '/_doit(/d' "$scratch/wire_gen.h"
# The family is for the initial network namespace only.
sed -i '/\.netnsok/d' "$scratch/netlink_gen.c"

status=0
put() {
	if [ "${check:-}" ]; then
		cmp -s "$scratch/$1" "$top/$2" || {
			echo "regen: $2 is stale: run make regen" >&2
			status=1
		}
	else
		cmp -s "$scratch/$1" "$top/$2" || cp "$scratch/$1" "$top/$2"
	fi
}
[ "${1:-}" != --check ] || check=1
put ndval_netlink.h uapi/linux/ndval_netlink.h
put netlink_gen.h driver/netlink_gen.h
put netlink_gen.c driver/netlink_gen.c
put wire_enum_gen.h driver/wire_enum_gen.h
put wire_gen.h driver/wire_gen.h
put wire_gen.c driver/wire_gen.c
exit $status
