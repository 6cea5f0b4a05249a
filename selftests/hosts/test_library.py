# SPDX-License-Identifier: GPL-2.0-only
"""libndval: what copies on two hosts draw with it is the same, in C and in a shell.

vm: mix=6.1,6.12 debug=instead
vm: timeout=180
"""

import re
import time
import uuid

import build
from common import (TOP, await_health, ctl, get, join, link, refused, roles, unlink)

CLOCKS = ("realtime", "monotonic", "boottime", "tai")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LIB = TOP / "tools/lib"


def put_program(name, source, *guests):
    """A program of this machine with libndval in it."""
    sources = (LIB / "ndval.c", LIB / "ndval.h")
    program = build.program(source, name,
                            ("-D_GNU_SOURCE", f"-I{TOP / 'uapi'}", f"-I{LIB}", "-static",
                             "-pthread", str(LIB / "ndval.c")), headers=sources)
    for guest in guests:
        guest.put(f"/tmp/{name}", program.read_bytes(), 0o755)


def same_on(first, second, args):
    """What an ndvalctl command prints on one host, and after that on the other."""
    said = [ctl(guest, args) for guest in (first, second)]
    assert said[0] == said[1], f"{args}: {said}"
    return said[0]


def same_json(first, second, args):
    said = [get(guest, args) for guest in (first, second)]
    assert said[0] == said[1], f"{args}: {said}"
    return said[0]


# -- bytes --------------------------------------------------------------------

def test_uuids_of_version_4(net):
    primary, secondary = roles(net)
    join(primary, secondary)
    found = same_on(secondary, primary, "uuid web -n 500").split()
    assert all(UUID.fullmatch(u) for u in found), found
    found = [uuid.UUID(u) for u in found]
    assert len(set(found)) == 500
    assert {(u.version, u.variant) for u in found} == {(4, uuid.RFC_4122)}
    # 122 bits are random: each is 0 in some and 1 in others.
    ones, zeros = 0, 0
    for one in found:
        ones |= one.int
        zeros |= ~one.int
    fixed = 0xf << 76 | 3 << 62
    assert (ones & zeros) | fixed == (1 << 128) - 1
    made = same_json(primary, secondary, "uuid web -4 -n 2 --stream s")
    assert (made["pair"], made["stream"], made["instance"]) == ("web", "s", 0), made
    assert made["version"] == 4 and len(made["uuids"]) == 2, made
    refused(primary, "uuid web --instance 3", "not expected", "instances=")
    refused(primary, "uuid web --stream /x", "a stream's name")
    refused(primary, "uuid nix", "there is no /dev/ndval-nix")


def test_a_draw_that_fails_halfway(net):
    """Cut off with some bytes of a draw: made again, it gets what it would have got."""
    put_program("drawer", TOP / "selftests/guest/drawer.c", *net)
    primary, secondary = roles(net)
    join(primary, secondary, settings="on_divergence=fail", **{
        secondary.name: "read_timeout_ms=300"})
    ctl(secondary, "uuid web")
    ctl(primary, "uuid web")
    unlink(primary, secondary)
    job = secondary.spawn("exec /tmp/drawer web 200000")
    job.expect(r"(?m)^ETIMEDOUT$")
    position = get(secondary, "instance list web")[0]["position"]
    assert 16 < position < 200016, f"nothing, or all, was delivered before: {position}"
    job.write(b"again\n")
    job.expect(r"ETIMEDOUT\nETIMEDOUT\n")
    link(primary, secondary)
    await_health("protected", primary)
    ctl(secondary, "pair set web read_timeout_ms=0")
    job.write(b"again\n")
    digest = job.wait(60, check=True).text.split()[-1]
    assert primary.sh("/tmp/drawer web 200000") == digest
    same_on(primary, secondary, "uuid web -n 3")
    for guest in (primary, secondary):
        assert get(guest, "instance list web")[0]["position"] == 200064


# -- clocks and agreed values -------------------------------------------------

def test_clocks(net):
    primary, secondary = roles(net)
    join(primary, secondary)
    last = {}
    for first, second in ((primary, secondary), (secondary, primary)) * 3:
        said = same_on(first, second, f"clock web {' '.join(CLOCKS)}")
        found = dict(line.split() for line in said.splitlines())
        assert tuple(found) == CLOCKS, said
        found = {clock: int(value) for clock, value in found.items()}
        assert all(found[c] > last.get(c, 0) for c in CLOCKS), (found, last)
        last = found
    now = int(primary.sh("date +%s"))
    assert abs(last["realtime"] / 1e9 - now) < 60, (last, now)
    assert same_on(primary, secondary, "clock web").startswith("realtime ")
    read = same_json(secondary, primary, "clock web monotonic tai --stream s")
    assert [(r["clock"], r["frequency"]) for r in read["readings"]] == \
        [("monotonic", 10 ** 9), ("tai", 10 ** 9)], read
    assert (read["pair"], read["stream"]) == ("web", "s"), read


def test_cycles(net):
    primary, secondary = roles(net)
    join(primary, secondary)
    for guest in (primary, secondary):
        assert not guest.run("grep -qw tsc /proc/cpuinfo").rc, f"{guest} has no counter"
    first, second = (same_json(g, h, "clock web cycles")["readings"][0]
                     for g, h in ((primary, secondary), (secondary, primary)))
    assert second["value"] > first["value"] and first["frequency"] > 10 ** 6, (first, second)
    assert second["frequency"] == first["frequency"]


def test_uuids_of_version_7(net):
    """They sort by time, on either host."""
    primary, secondary = roles(net)
    join(primary, secondary)
    found = []
    for first, second in ((primary, secondary), (secondary, primary)) * 5:
        found += same_on(first, second, "uuid web -7").split()
        time.sleep(0.01)    # not the same millisecond
    assert found == sorted(found) and len(set(found)) == 10, found
    for one in map(uuid.UUID, found):
        assert (one.version, one.variant) == (7, uuid.RFC_4122), one
    last = uuid.UUID(found[-1]).int >> 80
    assert abs(last / 1000 - int(primary.sh("date +%s"))) < 60, found[-1]
    more = same_on(secondary, primary, "uuid web -7 -n 100").split()
    prefixes = [u[:13] for u in more]
    assert prefixes == sorted(prefixes) and len(set(more)) == 100, more


def test_agree(net):
    primary, secondary = roles(net)
    join(primary, secondary)
    for first, second in ((primary, secondary), (secondary, primary)):
        assert ctl(first, f"agree web {first.name}") == first.name
        assert ctl(second, f"agree web {second.name}") == first.name
        # Another length; nothing; bytes that are no text.
        assert ctl(first, "agree web longer-than-the-other") == "longer-than-the-other"
        assert ctl(second, "agree web x") == "longer-than-the-other"
        assert get(first, "agree web ''")["length"] == 0
        assert get(second, "agree web x")["data"] == ""
        whole = bytes(range(256)) * 16
        for guest, offer in ((first, whole), (second, b"")):
            got = guest.run("ndvalctl agree web --stream s", input=offer, check=True)
            assert got.out == whole, f"{guest}: {got.out[:64]!r}"
        assert ctl(first, "agree web ab --hex") == "6162"
        assert ctl(second, "agree web cd --hex") == "6162"
    many = primary.run("ndvalctl agree web", input=b"x" * 4097)
    assert many.rc == 2 and b"4096 bytes at most" in many.err, many.err


def test_example(net):
    """The library's example, at the same time on both."""
    put_program("example", LIB / "example.c", *net)
    primary, secondary = roles(net)
    join(primary, secondary)
    jobs = {g: g.spawn("echo $$; exec /tmp/example web worker/1")
            for g in (secondary, primary)}
    pids, said = [], []
    for job in jobs.values():
        pid, _, text = job.wait(60, check=True).text.partition("\n")
        pids.append(pid)
        said.append(text)
    assert said[0] == said[1], said
    assert re.fullmatch(r"key [0-9a-f]{32}\n(order [0-9a-f-]{36} at \d+\.\d{9}\n){3}"
                        r"answer got by process \d+\n", said[0]), said[0]
    assert re.search(r"process (\d+)", said[0]).group(1) in pids, (said[0], pids)
    orders = re.findall(r"order (\S+) at (\S+)", said[0])
    assert [t for _, t in orders] == sorted(t for _, t in orders), orders
