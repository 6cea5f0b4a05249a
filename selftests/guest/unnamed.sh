#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# A host whose member has no name: it serves local readers, and says what to do
# when it is to have a peer.
#
# vm: module=no timeout=60
. ./lib.sh
plan 9

must modprobe ndval
is "it reads" "$(ndvalctl read default -n 16 | wc -c)" 16
why=$(ndvalctl peer add default m2 2>&1)
is "it can't have a peer" "$?" 1
like "and is told how it gets a name" "$why" "*ndvalctl member add NAME --host*"
must ndvalctl member add m2
why=$(ndvalctl link attach --unix-pair m2 2>&1)
like "nor can it have a link" "$why" "*ndvalctl member add NAME --host*"
check "it gets a name" ndvalctl member add m1 --host
check "the same name again is no mistake" ndvalctl member add m1 --host
check "another one as well, as long as it has no peer" ndvalctl member add m9 --host
check "it can have a peer" ndvalctl peer add default m2
refused "then its name stays" ndvalctl member add m1 --host
must ndvalctl member del m2
must rmmod ndval
finish
