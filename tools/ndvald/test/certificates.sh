#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
#
# certificates.sh DIRECTORY: keys and certificates for tests, by openssl. NAME.crt
# and NAME.key: ca, and by it a, b, c (names of hosts), expired (for a) and cn (for a,
# as common name only); other, another CA, and by it foreign (for a); forged
# and forged1, for a by the hosts c and cn, which are no CAs; strange, for a name that no
# host has, a as common name; NAME.psk: one, other, wiped.
set -e
cd "$1"
umask 077

ca()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 \
		-keyout "$1.key" -out "$1.crt" -subj "/CN=$1 of tests" 2>/dev/null
}

# crt CA FILE NAME DAYS [DNS-NAME]: a certificate for a host
crt()
{
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$2.key" \
		-out "$2.csr" -subj "/CN=$3" 2>/dev/null
	# openssl x509 takes no date of its own before 3.4: one in the past by -days.
	openssl x509 -req -in "$2.csr" -CA "$1.crt" -CAkey "$1.key" -set_serial "$RANDOM" \
		-days "$4" -out "$2.crt" ${5:+-extfile <(echo "subjectAltName=DNS:$5")} 2>/dev/null
	rm "$2.csr"
}

ca ca
ca other
for name in a b c; do
	crt ca $name $name 3650 $name
done
crt ca cn a 3650
crt ca expired a -1 a
crt ca strange a 3650 "$(printf 'a%.0s' {1..300})"
crt other foreign a 3650 a
crt c forged a 3650 a
cat c.crt >>forged.crt
crt cn forged1 a 3650 a
cat cn.crt >>forged1.crt
for name in one other wiped; do
	echo "# of tests" >$name.psk
	openssl rand -hex 32 >>$name.psk
done
