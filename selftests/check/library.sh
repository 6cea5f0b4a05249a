#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# libndval does what it says on a node that is invented (tools/lib/test.c); installed,
# it exports its functions and nothing else, and its example compiles against it as
# users do it: static, shared, and the header in C++ too.
cd "$(dirname "$0")/../.." || exit 1

status=0
fail()
{
	echo "$*"
	status=1
}

lib=$PWD/build/lib
tree=$(mktemp -d) || exit 1
trap 'rm -rf "$tree"' EXIT

make -s -C tools/lib O="$lib" test || exit 1
make -s -C tools/lib O="$lib" DESTDIR="$tree" PREFIX=/opt/ndval install || exit 1
root=$tree/opt/ndval

# What is exported, and under which names the library is found.
functions=$(sed -nE 's/^\t(ndval_[a-z_]+);/\1/p' tools/lib/libndval.map | sort)
exported=$(nm -D --defined-only "$root/lib/libndval.so" | sed -nE 's/.* [A-Z] (.*)@@.*/\1/p' | sort)
[ -n "$functions" ] || fail "libndval.map lists nothing"
[ "$functions" = "$exported" ] ||
	fail "libndval.so exports:"$'\n'"$(nm -D --defined-only "$root/lib/libndval.so")"
global=$(nm -g --defined-only "$root/lib/libndval.a" | sed -nE 's/.* T (.*)/\1/p' | sort)
[ "$functions" = "$global" ] || fail "libndval.a has:"$'\n'"$global"
objdump -p "$root/lib/libndval.so.0" >"$tree/dynamic"
grep -qE 'SONAME +libndval\.so\.0$' "$tree/dynamic" || fail "libndval.so.0 has another soname"
[ "$(grep -c NEEDED "$tree/dynamic")" = 1 ] || fail "libndval.so.0 needs more than libc"

# pkg-config tells how to compile; with the installed tree as root.
export PKG_CONFIG_LIBDIR=$root/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$tree
version=$(sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)
[ "$(pkg-config --modversion ndval)" = "$version" ] || fail "ndval.pc: not version $version"
read -ra cflags < <(pkg-config --cflags ndval)
read -ra libs < <(pkg-config --libs ndval)
[ "${cflags[*]} ${libs[*]}" = "-I$root/include -L$root/lib -lndval" ] ||
	fail "ndval.pc: ${cflags[*]} ${libs[*]}"

example=$root/share/doc/ndval/examples/libndval.c
warn=(-Wall -Wextra -Werror)
gcc "${warn[@]}" "${cflags[@]}" -o "$tree/shared" "$example" "${libs[@]}" ||
	fail "the example does not compile"
gcc "${warn[@]}" "${cflags[@]}" -static -o "$tree/static" "$example" "${libs[@]}" ||
	fail "the example does not compile with the static library"
printf '#include <ndval.h>\nint main() { return !ndval_open("", nullptr, 0); }\n' >"$tree/c++.cc"
clang++-14 "${warn[@]}" "${cflags[@]}" -o "$tree/c++" "$tree/c++.cc" "${libs[@]}" ||
	fail "the header does not compile in C++"

# They run, as far as they come without a pair of this name.
for program in shared static; do
	said=$(LD_LIBRARY_PATH=$root/lib "$tree/$program" no-such-pair 2>&1)
	[ "$?:${said#*: }" = "1:cannot open pair no-such-pair: No such file or directory" ] ||
		fail "the example, $program: $said"
done
LD_LIBRARY_PATH=$root/lib "$tree/c++"
[ $? = 1 ] || fail "a program in C++ does not run"

# Every function has a man page under its name.
for function in $functions; do
	[ -e "$root/share/man/man3/$function.3" ] || fail "no $function(3) is installed"
done
exit $status
