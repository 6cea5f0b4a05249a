# SPDX-License-Identifier: GPL-2.0-only
"""Streams of a pair on several hosts: asked for, limited, deleted, made anew.

vm: mix=6.1,6.12 debug=instead
vm: timeout=180
"""

from common import (Reader, ctl, fails_with, get, join, link, read, refused, roles, same,
                    stream_of, unlink, until)

NAMED = {"streams": 1, "prefix": "x"}


def test_asked_for_by_the_secondary(net):
    """A stream that a secondary's reader names first: the primary makes it, both read it."""
    primary, secondary = roles(net)
    join(primary, secondary)
    assert not stream_of(primary, "x/0")
    first = read(secondary, 50000, **NAMED)
    assert stream_of(primary, "x/0")["id"] == stream_of(secondary, "x/0")["id"] != "0" * 16
    same(first, read(primary, 50000, **NAMED), size=50000)


def test_asked_for_while_apart(net):
    """Without the primary the reader waits; it is answered when the primary is back."""
    join(net.a, net.b)
    unlink(net.a, net.b)
    waiting = Reader(net.b, 1000, **NAMED)
    until("b knows the stream by name", lambda: stream_of(net.b, "x/0"))
    assert not stream_of(net.a, "x/0")
    link(net.a, net.b)
    same(waiting.result(), read(net.a, 1000, **NAMED), size=1000)


def test_each_side_makes_its_own(net):
    """The same names come up on both sides at the same time."""
    join(net.a, net.b)
    for number in range(8):
        readers = [Reader(g, 5000, streams=4, prefix=f"n{number}") for g in net]
        same(*(r.result() for r in readers), size=5000)


def limited(primary, secondary, **limits):
    join(primary, secondary, **{name: f"max_streams={n}" for name, n in limits.items()})
    for number in range(2):
        same(*(read(g, 100, streams=1, prefix=f"ok{number}") for g in (primary, secondary)))
    for guest in (secondary, primary, secondary):
        fails_with("ENOSPC", read(guest, 100, **NAMED))
        refused(guest, "read web -n 1 --stream more", "max_streams")
    # Those that are there do not mind.
    same(*(read(g, 100, streams=1, prefix="ok0") for g in (primary, secondary)))


def test_max_streams_of_the_primary(net):
    limited(net.a, net.b, a=2, b=4)
    ctl(net.a, "pair set web max_streams=4")
    same(*(read(g, 100, **NAMED) for g in (net.b, net.a)), size=100)


def test_max_streams_of_the_secondary(net):
    limited(net.a, net.b, a=4, b=2)
    ctl(net.b, "pair set web max_streams=4")
    same(*(read(g, 100, **NAMED) for g in (net.a, net.b)), size=100)


def deleted(net, apart):
    """Files that are open get ESTALE; a new stream of the name has other bytes, the same on both."""
    old = [Reader(g, 40000, gate=20000, **NAMED).at_gate() for g in net]
    before = [stream_of(g, "x/0")["id"] for g in net]
    assert before[0] == before[1]
    if apart:
        unlink(net.a, net.b)
    ctl(net.a, "stream del web x/0")
    new = read(net.a, 20000, **NAMED)
    if apart:
        assert stream_of(net.b, "x/0")["id"] == before[1]
        link(net.a, net.b)
    identity = stream_of(net.a, "x/0")["id"]
    until("b has the new stream", lambda: (stream_of(net.b, "x/0") or {}).get("id") == identity)
    same(new, read(net.b, 20000, **NAMED), size=20000)
    for reader in old:
        result = reader.go().result()
        fails_with("ESTALE", result)
        assert result["x/0"][0] == 20000 and result["x/0"][1] != new["x/0"][1]
    assert identity != before[0]
    return old


def test_deleted_and_made_anew(net):
    join(net.a, net.b)
    refused(net.b, "stream del web x/0")
    deleted(net, apart=False)
    refused(net.b, "stream del web x/0", "primary")


def test_deleted_and_made_anew_while_apart(net):
    join(net.a, net.b)
    deleted(net, apart=True)


def test_deleted_for_good(net):
    """Gone on both hosts, at once or when the other is back; its reader does not wait for ever."""
    for apart in (False, True):
        if not apart:
            join(net.a, net.b)
        old = [Reader(g, 40000, gate=20000, **NAMED).at_gate() for g in net]
        if apart:
            unlink(net.a, net.b)
        ctl(net.a, "stream del web x/0")
        assert not stream_of(net.a, "x/0")
        if apart:
            link(net.a, net.b)
        until("the stream is gone on b", lambda: not stream_of(net.b, "x/0"))
        for reader in old:
            fails_with("ESTALE", reader.go().result())
    kinds = {p["state"] for p in get(net.a, "peer list web")}
    assert kinds == {"in-sync"}, kinds
