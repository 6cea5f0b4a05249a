# SPDX-License-Identifier: GPL-2.0-only
"""Beyond the window across hosts: who waits, who is lost, who says so, what repairs it.

vm: mix=6.12,6.1 debug=instead
vm: timeout=180
"""

import json

from common import (NODE, Reader, await_health, ctl, fails_with, get, hexed, instance_of, join,
                    link, pair_of, read, refused, roles, same, stream_of, unlink, until)

WINDOW = 16384
SMALL = f"ring_size={WINDOW} prefetch=4096"


class Events:
    """'ndvalctl monitor' on a guest."""

    def __init__(self, guest):
        self.job = guest.spawn("exec ndvalctl monitor --json")
        self.job.expect('"state"')

    def all(self, kind):
        whole = bytes(self.job.out).decode().rpartition("\n")[0]
        return [e for e in map(json.loads, whole.splitlines()) if e["kind"] == kind]

    def expect(self, kind, count=1):
        until(f"{count} events {kind}", lambda: len(self.all(kind)) >= count)
        return self.all(kind)


def await_stall(reader, guest, below):
    """The reader has been given all it can get, waits, and is not @below by more than a window."""
    def waits():
        pair = pair_of(guest)
        return pair["waits"] and pair["delivered"] in (pair["issued"], pair["committed"])
    until("the reader waits for room", waits)
    position = instance_of(guest)["position"]
    assert reader.job.running and position <= below, f"at {position}, allowed are {below}"


def test_absent_peer(net):
    """a reads ten windows while b is away: b is lost, says so, and can be repaired."""
    join(net.a, net.b, settings=f"{SMALL} inspect=on")
    ctl(net.b, "pair set web ring_size=64K")
    same(read(net.a, 1000), read(net.b, 1000), size=1000)
    unlink(net.a, net.b)
    stored = stream_of(net.b)["head"]
    events = Events(net.b)
    same(read(net.a, 10 * WINDOW), size=10 * WINDOW)
    link(net.a, net.b)
    until("b starts again at the tail", lambda: stream_of(net.b)["head"] > 10 * WINDOW)
    # What it had it still gives, then nothing until it is repositioned.
    kept = read(net.b, 10 * WINDOW)["default"]
    assert kept[0] == stored - 1000 and kept[2] == "EPIPE", (kept, stored)
    for _ in range(3):
        fails_with("EPIPE", read(net.b, 1))
    lost = events.expect("instance-lost")
    assert [(e["pair"], e["stream"], e["instance"], e["offset"]) for e in lost] == \
        [("web", "default", 0, stored)], lost
    assert any("instance set" in a for a in get(net.b, "status web")[0]["advice"])

    tail = stream_of(net.a)["tail"]
    refused(net.b, f"instance set web --at {tail - 1}", "outside the window")
    for guest in net:
        ctl(guest, f"instance set web --at {tail}")
    await_health("protected", net.a, net.b)
    assert hexed(net.b, 4000) == hexed(net.a, 4000)
    assert hexed(net.b, 100) == ctl(net.a, f"values web --at {tail + 4000} --length 100 --hex")
    hexed(net.a, 100)
    same(*(read(g, WINDOW) for g in net), size=WINDOW)
    assert len(events.all("instance-lost")) == 1


def test_absent_peer_with_a_full_window(net):
    """What comes needs the room: the lost instance gives up what it had, and says EPIPE."""
    join(net.a, net.b, settings=SMALL)
    unlink(net.a, net.b)
    same(read(net.a, 10 * WINDOW), size=10 * WINDOW)
    link(net.a, net.b)
    await_health("protected", net.a, net.b)
    fails_with("EPIPE", read(net.b, 10 * WINDOW))
    for guest in net:
        ctl(guest, f"instance set web --at {10 * WINDOW}")
    same(*(read(g, WINDOW) for g in net), size=WINDOW)


def test_stall_holds_the_other_host(net):
    """overflow=stall on b: a waits until b moves, and nothing is lost."""
    primary, secondary = roles(net)
    join(primary, secondary, settings=f"{SMALL} overflow=stall")
    fast = Reader(primary, 10 * WINDOW)
    await_stall(fast, primary, below=2 * WINDOW)
    # Reads of the slow one are what lets the fast one on.
    slow = Reader(secondary, 10 * WINDOW, gate=3 * WINDOW).at_gate()
    assert fast.job.running
    same(slow.go().result(), fast.result(), size=10 * WINDOW)
    assert not pair_of(primary)["lost"] and not pair_of(secondary)["lost"]
    clear(primary, secondary)


def clear(a, b):
    """No pair and no link any more."""
    for guest in (a, b):
        guest.kill_jobs()
        ctl(guest, "pair del web")
    unlink(a, b)


def test_stall_ends_with_the_instance(net):
    """One of b's instances never reads; that it is expected no more lets all others go on."""
    join(net.a, net.b, settings=f"{SMALL} overflow=stall", b="instances=0-1")
    readers = [Reader(g, 10 * WINDOW) for g in net]
    await_stall(readers[0], net.a, below=2 * WINDOW)
    assert readers[1].job.running
    ctl(net.b, "pair set web instances=0")
    same(*(r.result() for r in readers), size=10 * WINDOW)
    fails_with("ENXIO", read(net.b, 1, instance=1, streams=1))


def test_stall_ends_with_the_link(net):
    """A peer that is gone never holds the window."""
    join(net.a, net.b, settings=SMALL, b="overflow=stall")
    fast = Reader(net.a, 10 * WINDOW)
    await_stall(fast, net.a, below=2 * WINDOW)
    unlink(net.a, net.b)
    assert fast.result()["default"][2] == "ok"


def test_drop_loses_the_slow_instance(net):
    """overflow=drop on b: its instance that does not read is lost, loudly; the others read on."""
    join(net.a, net.b, settings=SMALL, a="overflow=stall", b="overflow=drop instances=0-1")
    events = Events(net.b)
    hexed(net.b, 100, "--instance 1")
    readers = [Reader(g, 4 * WINDOW, gate=WINDOW // 2) for g in net]
    for one in readers:
        one.at_gate()
    # Turn by turn, so that instance 0 stays inside the window.
    ctl(net.b, "pair set web ring_size=128K")
    ctl(net.a, "pair set web ring_size=128K")
    same(*(one.go().result() for one in readers), size=4 * WINDOW)
    assert not events.all("instance-lost")
    for guest in net:
        ctl(guest, f"pair set web ring_size={WINDOW}")
    read(net.a, WINDOW)
    read(net.b, WINDOW)
    lost = events.expect("instance-lost")
    assert [(e["instance"], e["offset"]) for e in lost] == [(1, 100)], lost
    fails_with("EPIPE", read(net.b, 1, instance=1))
    assert hexed(net.a, 50) == hexed(net.b, 50)
    assert pair_of(net.b)["lost"] == 1


def test_drop_does_not_hold_the_other_host(net):
    """Nobody reads on b: a reads on, and b's only instance is lost."""
    primary, secondary = roles(net)
    join(primary, secondary, settings=SMALL)
    events = Events(secondary)
    assert read(primary, 10 * WINDOW)["default"][2] == "ok"
    events.expect("instance-lost")
    fails_with("EPIPE", read(secondary, 1))
    # The other way round: the secondary's reader loses the primary's instance.
    stream = stream_of(secondary)
    ctl(secondary, f"instance set web --at {stream['head']}")
    events = Events(primary)
    assert read(secondary, 10 * WINDOW)["default"][2] == "ok"
    events.expect("instance-lost")
    fails_with("EPIPE", read(primary, 1))
    clear(primary, secondary)


def test_retain_nothing(net):
    """retain=0 on a: a value dies when b has it; b may still be behind."""
    join(net.a, net.b, settings="prefetch=4096 inspect=on", a="retain=0")
    ahead = read(net.a, 200000)
    until("a holds what is ahead of its readers only",
          lambda: pair_of(net.a)["retained"] < 16384)
    refused(net.a, "values web --at 0 --length 1", "only the bytes from")
    assert pair_of(net.b)["retained"] >= 200000
    same(ahead, read(net.b, 200000), size=200000)

    # While b is away its values wait for it, as far as the window reaches.
    unlink(net.a, net.b)
    ahead = read(net.a, 100000)
    assert pair_of(net.a)["retained"] >= 90000
    link(net.a, net.b)
    same(ahead, read(net.b, 100000), size=100000)
    until("a has let go of them", lambda: pair_of(net.a)["retained"] < 16384)


def test_retain_nothing_on_the_secondary(net):
    join(net.a, net.b, settings="prefetch=4096", b="retain=0")
    ahead = read(net.b, 200000)
    until("b holds what is ahead of its reader only",
          lambda: pair_of(net.b)["retained"] < 32768)
    same(ahead, read(net.a, 200000), size=200000)
    assert net.b.sh(f"head -c 16 {NODE} | xxd -p") == net.a.sh(f"head -c 16 {NODE} | xxd -p")
