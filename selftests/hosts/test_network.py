# SPDX-License-Identifier: GPL-2.0-only
"""The same bytes over a network that delays, loses and is cut, and when hosts stop.

vm: mix=6.1,6.12 debug=instead
vm: timeout=180
"""

from common import (Reader, await_health, await_no_link, ctl, get, health, join, link, links,
                    make_pair, peer_of, read, same, until)

SIZE = 200000       # less than a window: nobody is lost by being cut off
QUICK = "peer_timeout_ms=500"


def halfway(net, **options):
    """A reader on each host, stopped after half of what they are to read."""
    readers = [Reader(guest, SIZE, gate=SIZE // 2, **options) for guest in net]
    for one in readers:
        one.at_gate()
    return readers


def finished(readers, size=SIZE):
    for one in readers:
        one.go()
    same(*(one.result() for one in readers), size=size)


def numbers(net):
    return [[one["id"] for one in links(guest)] for guest in net]


def test_cut_and_healed_in_mid_transfer(net):
    """Both ways, longer than the time-out: alone, then linked again and equal."""
    join(net.a, net.b, settings=QUICK)
    readers = halfway(net, streams=4)
    net.cut("a", "b")
    await_health("alone", net.a, net.b)
    await_no_link(net.a, net.b)
    ahead = readers[0].go()
    result = ahead.result()         # the primary goes on alone
    net.heal()
    link(net.a, net.b)
    same(result, readers[1].go().result(), size=SIZE)
    await_health("protected", net.a, net.b)


def cut_one_way(net, sender, receiver):
    join(net.a, net.b, settings=QUICK)
    readers = halfway(net)
    net.cut(sender.name, receiver.name, one_way=True)
    await_health("alone", net.a, net.b)
    await_no_link(net.a, net.b)
    net.heal()
    link(net.a, net.b)
    finished(readers)


def test_cut_from_primary_to_secondary(net):
    cut_one_way(net, net.a, net.b)


def test_cut_from_secondary_to_primary(net):
    cut_one_way(net, net.b, net.a)


def test_short_cut_keeps_the_link(net):
    """Shorter than the time-out: the same link, and the secondary's reader just waits."""
    join(net.a, net.b, settings="peer_timeout_ms=60000 commit=async")
    before = numbers(net)
    readers = halfway(net)
    net.cut("a", "b")
    for one in readers:
        one.go()
    result = readers[0].result()
    until("the secondary's reader waits", lambda: get(net.b, "pair show web")["lag"])
    net.heal()
    same(result, readers[1].result(), size=SIZE)
    assert numbers(net) == before, "a short cut has ended the link"


def test_slow_network(net):
    """50 ms each way."""
    net.delay("a", "b", 50)
    join(net.a, net.b)
    readers = [Reader(guest, SIZE, streams=4) for guest in net]
    same(*(one.result() for one in readers), size=SIZE)
    assert peer_of(net.a, "b")["state"] == "in-sync"
    assert links(net.a)[0]["rtt_us"] > 90000, links(net.a)


def test_lossy_network(net):
    """5 % of the packets, each way."""
    net.lose("a", "b", 5)
    join(net.a, net.b, settings="peer_timeout_ms=20000")
    before = numbers(net)
    readers = [Reader(guest, SIZE, streams=4) for guest in net]
    same(*(one.result() for one in readers), size=SIZE)
    assert numbers(net) == before, "lost packets have ended the link"


def test_frozen_and_thawed(net):
    """Longer than the time-out: the other is alone, and the two find together again."""
    for guest, other in ((net.b, net.a), (net.a, net.b)):
        join(net.a, net.b, settings=QUICK)
        readers = halfway(net)
        guest.freeze()
        await_health("alone", other)
        await_no_link(other)
        guest.thaw()
        await_no_link(guest)
        link(net.a, net.b)
        finished(readers)
        for one in net:
            ctl(one, "pair del web")
        for one in net:
            one.run("ndvalctl link detach --peer a; ndvalctl link detach --peer b")
        await_no_link(net.a, net.b)


def test_frozen_shortly(net):
    """Shorter than the time-out: nobody notices."""
    join(net.a, net.b, settings="peer_timeout_ms=60000 commit=async")
    before = numbers(net)
    readers = halfway(net)
    net.b.freeze()
    result = readers[0].go().result()
    net.b.thaw()
    same(result, readers[1].go().result(), size=SIZE)
    assert numbers(net) == before, "a short pause has ended the link"
    assert health(net.b) == "protected"


def test_secondary_comes_back_empty(net):
    """A power cut: it is a new member, and catches up from the window."""
    join(net.a, net.b, settings=QUICK)
    same(read(net.a, SIZE // 2), read(net.b, SIZE // 2))
    identity = peer_of(net.a, "b")["member_id"]
    net.b.power_cut()
    await_health("alone", net.a)
    ctl(net.a, "instance set web --at 0")
    whole = read(net.a, SIZE)
    net.b.start()
    net.b.sh("modprobe ndval host=b")
    ctl(net.b, f"pair add web --peer a {QUICK}")
    link(net.a, net.b)
    await_health("protected", net.a, net.b)
    same(whole, read(net.b, SIZE), size=SIZE)
    assert peer_of(net.a, "b")["member_id"] != identity, "it has the identity of its past"


def test_primary_comes_back_as_secondary(net):
    """A power cut of the primary: what it drew lives on nowhere else but in the window of b."""
    join(net.a, net.b, settings=QUICK)
    same(read(net.a, SIZE), read(net.b, SIZE), size=SIZE)
    net.a.power_cut()
    await_health("alone", net.b)
    net.a.start()
    net.a.sh("modprobe ndval host=a")
    make_pair(net.a, settings=QUICK, promote=False)
    ctl(net.a, "peer add web b")
    link(net.a, net.b)
    # Both are secondaries, and none takes the other's word for a primary's.
    until("a hears of b", lambda: peer_of(net.a, "b")["state"] == "waiting")
    assert peer_of(net.b, "a")["state"] == "waiting"
    assert (health(net.a), health(net.b)) == ("alone", "alone")
