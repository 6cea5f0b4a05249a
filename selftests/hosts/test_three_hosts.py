# SPDX-License-Identifier: GPL-2.0-only
"""Three hosts, and a source that runs no copy of the application itself.

vm: mix=6.12,6.1,6.12 debug=instead
vm: timeout=180
"""

from common import (Reader, await_health, ctl, fails_with, join, link, make_pair, pair_of,
                    peer_of, quick, read, refused, same, stream_of, unlink, until)

SIZE = 200000


def test_three_hosts(net):
    join(net.a, net.b, net.c, settings="overflow=stall")
    readers = [Reader(g, 3 * SIZE, streams=3) for g in net]
    same(*(r.result() for r in readers), size=3 * SIZE)
    await_health("protected", net.a, net.b, net.c)


def test_three_hosts_one_at_a_time(net):
    """Any may be first, last, or in between."""
    join(net.a, net.b, net.c)
    for number, order in enumerate(("abc", "cab", "bca")):
        results = [read(net[name], SIZE, streams=1, prefix=f"t{number}") for name in order]
        same(*results, size=SIZE)


def test_one_of_three_is_cut_off(net):
    """The others go on; the pair is at risk; the third catches up."""
    join(net.a, net.b, net.c, settings=quick(net))
    readers = [Reader(g, SIZE, gate=SIZE // 2).at_gate() for g in net]
    net.cut("a", "c")
    net.cut("b", "c")
    await_health("at-risk", net.a)
    until("a has lost c", lambda: peer_of(net.a, "c")["state"] == "disconnected")
    await_health("alone", net.c)
    results = [readers[0].go().result(), readers[1].go().result()]
    net.heal()
    link(net.a, net.c)
    link(net.b, net.c)
    await_health("protected", net.a, net.b, net.c)
    same(*results, readers[2].go().result(), size=SIZE)


def test_independent_source(net):
    """a is the primary and has no instance: b and c read the same, a can't be read."""
    join(net.a, net.b, net.c, a="instances=none", settings="overflow=stall")
    fails_with("ENXIO", read(net.a, 1))
    readers = [Reader(g, SIZE, streams=4) for g in (net.b, net.c)]
    same(*(r.result() for r in readers), size=SIZE)
    assert pair_of(net.a)["delivered"] == 0
    await_health("protected", net.a, net.b, net.c)
    # One alone, then the other.
    ahead = read(net.c, SIZE, streams=1, prefix="later")
    same(ahead, read(net.b, SIZE, streams=1, prefix="later"), size=SIZE)


def test_what_one_secondary_got_counts_for_the_other(net):
    """b has delivered values that c does not store: that is at risk, though a has no copy."""
    make_pair(net.a, net.b, net.c, a="instances=none", settings="peer_timeout_ms=60000 prefetch=0 commit=async")
    link(net.a, net.b)
    link(net.a, net.c)
    await_health("protected", net.a)
    net.cut("a", "c")
    first = read(net.b, 50000)
    await_health("at-risk", net.a)
    assert peer_of(net.a, "c")["state"] == "behind"
    net.heal()
    await_health("protected", net.a)
    unlink(net.a, net.b)
    same(first, read(net.c, 50000), size=50000)
    ctl(net.c, "pair show web")


def test_any_survivor_takes_over(net):
    """The primary is lost; a secondary takes over with what the other has more; that one follows."""
    join(net.a, net.b, net.c)
    given = read(net.a, 50000)
    net.a.power_cut()
    await_health("alone", net.b, net.c)
    ctl(net.c, "promote web")
    await_health("at-risk", net.c)
    await_health("protected", net.b)
    same(given, read(net.c, 50000), read(net.b, 50000), size=50000)
    same(read(net.c, 50000), read(net.b, 50000), size=50000)


def test_promoted_takes_what_the_other_has_more(net):
    """c lacks what b stores (async, c was cut off): promoted, it gets that from b first."""
    make_pair(net.a, net.b, net.c, settings="peer_timeout_ms=60000 commit=async prefetch=0")
    for one, other in ((net.a, net.b), (net.a, net.c), (net.b, net.c)):
        link(one, other)
    await_health("protected", net.a, net.b, net.c)
    first = read(net.a, 1000)
    same(first, read(net.c, 1000))
    net.cut("a", "c")
    given = read(net.a, 50000)
    until("b stores it all", lambda: stream_of(net.b)["head"] >= 51000)
    assert stream_of(net.c)["head"] < 51000
    net.a.power_cut()
    for guest in (net.b, net.c):
        ctl(guest, "link detach --peer a")
    ctl(net.c, "promote web")
    same(first, read(net.b, 1000))
    same(given, read(net.c, 50000), read(net.b, 50000), size=50000)
    same(read(net.c, 1000), read(net.b, 1000), size=1000)


def test_promote_is_refused_while_another_sees_the_primary(net):
    """b lost its link to the primary, c did not: c says so, and b stays what it is."""
    join(net.a, net.b, net.c)
    read(net.a, 1000)
    unlink(net.a, net.b)
    refused(net.b, "promote web", "sees the primary")
    assert pair_of(net.b)["role"] == "secondary"
