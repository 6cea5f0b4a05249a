# SPDX-License-Identifier: GPL-2.0-only
"""The primary is lost, or hands over: another goes on with every value that was given.

vm: mix=6.1,6.12 debug=b
vm: timeout=240
"""

import re

from common import (await_health, ctl, fails_with, health,
                    join, link, make_pair, pair_of, quick, read, refused, same,
                    unlink, until, Reader)

SIZE = 40000


def role(guest):
    return pair_of(guest)["role"]


def reborn(guest, *peers, settings=""):
    """A host that was power cut is back, with nothing."""
    guest.start()
    guest.sh(f"modprobe ndval host={guest.name}")
    names = " ".join(f"--peer {p.name}" for p in peers)
    ctl(guest, f"pair add web {names} {settings}")


def test_power_cut_of_the_primary(net):
    """What the dead primary's application was given, the survivor's gets, and then more."""
    join(net.a, net.b)
    given = read(net.a, SIZE)
    net.a.power_cut()
    await_health("alone", net.b)
    assert pair_of(net.b)["in_sync"]
    ctl(net.b, "promote web")
    assert role(net.b) == "primary" and pair_of(net.b)["epoch"] == 2
    same(given, read(net.b, SIZE), size=SIZE)
    more = read(net.b, SIZE)
    reborn(net.a, net.b)
    link(net.a, net.b)
    await_health("protected", net.a, net.b)
    assert pair_of(net.a)["epoch"] == 2
    ctl(net.a, f"instance set web --at {SIZE}")
    same(more, read(net.a, SIZE), size=SIZE)


def shows(stage, guest, *lines):
    """What 'ndvalctl status' says of the pair, as the administrator's guide has it."""
    said = ctl(guest, "status web")
    print(f"{stage}, host {guest}:\n{said}")
    for line in lines:
        assert re.search(line, said, re.M), f"{stage}: {guest}: no '{line}' in:\n{said}"


def test_status_at_each_stage(net):
    """Protected, alone, promoted, rejoined."""
    join(net.a, net.b)
    same(read(net.a, SIZE), read(net.b, SIZE))
    shows("protected", net.a, "^web  primary  protected  epoch 1  ",
          "^  peer b  in-sync  secondary  lag 0 B  ")
    shows("protected", net.b, "^web  secondary  protected  epoch 1  ",
          "^  peer a  in-sync  primary  ")
    net.a.power_cut()
    await_health("alone", net.b)
    shows("alone", net.b, "^web  secondary  alone  epoch 1  was in sync  ",
          "^  peer a  disconnected  ", "^  ! .*'ndvalctl promote web' takes over")
    ctl(net.b, "promote web")
    read(net.b, 1000)
    shows("promoted", net.b, "^web  primary  alone  epoch 2  ", "^  peer a  disconnected  ")
    reborn(net.a, net.b)
    link(net.a, net.b)
    await_health("protected", net.a, net.b)
    shows("rejoined", net.a, "^web  secondary  protected  epoch 2  ",
          "^  peer b  in-sync  primary  ")
    shows("rejoined", net.b, "^web  primary  protected  epoch 2  ",
          "^  peer a  in-sync  secondary  lag 0 B  ")


def test_switchover_and_back(net):
    """The primary hands over and is a secondary at once, while both copies read."""
    join(net.a, net.b)
    same(read(net.a, SIZE), read(net.b, SIZE))
    for number, (old, new) in enumerate(((net.a, net.b), (net.b, net.a)), 2):
        ctl(old, f"switchover web --to {new.name}")
        assert (role(old), role(new)) == ("secondary", "primary")
        assert pair_of(new)["epoch"] == number
        await_health("protected", old, new)
        same(read(new, SIZE), read(old, SIZE), size=SIZE)


def test_more_epochs_than_a_history_holds(net):
    """A pair that is handed over again and again stays one, whoever has missed a few."""
    join(net.a, net.b)
    for _ in range(10):
        for old, new in ((net.a, net.b), (net.b, net.a)):
            ctl(old, f"switchover web --to {new.name}")
            await_health("protected", old, new)
            same(read(new, 64), read(old, 64), size=64)
    unlink(net.a, net.b)
    ctl(net.b, "promote web")
    link(net.a, net.b)
    await_health("protected", net.a, net.b)
    assert pair_of(net.a)["epoch"] == pair_of(net.b)["epoch"] == 22
    same(read(net.b, SIZE), read(net.a, SIZE), size=SIZE)


def test_switchover_under_load(net):
    """Readers on both hosts go on through a switchover, and get the same."""
    join(net.a, net.b, settings="overflow=stall")
    size = 3_000_000
    readers = [Reader(net.a, size, streams=4), Reader(net.b, size, streams=4)]
    until("values flow", lambda: pair_of(net.a)["delivered"] > 100000)
    ctl(net.a, "switchover web")
    await_health("protected", net.a, net.b)
    ctl(net.b, "switchover web")
    same(*(r.result(200) for r in readers), size=size)


def test_demote_and_promote(net):
    """Demoted, either may be promoted; who is promoted is told by nobody else."""
    join(net.a, net.b)
    same(read(net.a, SIZE), read(net.b, SIZE))
    ctl(net.a, "demote web")
    refused(net.a, "demote web", "secondary")
    until("no primary is left", lambda: health(net.b) == "alone")
    ctl(net.b, "promote web")
    await_health("protected", net.a, net.b)
    same(read(net.b, SIZE), read(net.a, SIZE), size=SIZE)
    refused(net.a, "promote web", "primary")
    refused(net.b, "promote web", "primary")


def test_promote_is_refused_to_who_may_lack_values(net):
    """A copy that knows nothing, was not told that it is in sync, or is outdated."""
    make_pair(net.a, net.b)
    refused(net.b, "promote web", "knows nothing")
    link(net.a, net.b)
    await_health("protected", net.a, net.b)
    refused(net.b, "promote web", "connected peer is primary")
    unlink(net.a, net.b)
    ctl(net.b, "outdate web")
    refused(net.b, "promote web", "outdated")
    link(net.a, net.b)
    await_health("protected", net.a, net.b)
    unlink(net.a, net.b)
    ctl(net.b, "promote web")


def test_old_primary_comes_back(net):
    """Cut off, it went on alone: it is diverged, and says so; resync is the way out."""
    join(net.a, net.b)
    same(read(net.a, SIZE), read(net.b, SIZE))
    unlink(net.a, net.b)
    read(net.a, SIZE)
    ctl(net.b, "promote web")
    link(net.a, net.b)
    await_health("diverged", net.a)
    fails_with("ESTALE", read(net.a, 1))
    ctl(net.a, "resync web")
    await_health("protected", net.a, net.b)
    fails_with("EPIPE", read(net.a, 1))
    ctl(net.a, f"instance set web --at {SIZE}")
    same(read(net.a, SIZE), read(net.b, SIZE), size=SIZE)


def test_old_primary_rejoins_silently(net):
    """Cut off, it delivered nothing more: what it recorded ahead goes, and it follows."""
    join(net.a, net.b)
    same(read(net.a, SIZE), read(net.b, SIZE))
    unlink(net.a, net.b)
    ctl(net.b, "promote web")
    more = read(net.b, SIZE)
    link(net.a, net.b)
    await_health("protected", net.a, net.b)
    assert role(net.a) == "secondary"
    same(more, read(net.a, SIZE), size=SIZE)


def test_suspend(net):
    """With on_peer_loss=suspend the primary waits for the peer, or for the word."""
    join(net.a, net.b, settings=f"on_peer_loss=suspend {quick(net)}")
    same(read(net.a, SIZE), read(net.b, SIZE))
    unlink(net.a, net.b)
    await_health("suspended", net.a)
    reader = Reader(net.a, 4 * SIZE)
    until("the reader waits", lambda: pair_of(net.a)["waits"])
    assert reader.job.running
    link(net.a, net.b)
    first = reader.result()
    same(first, read(net.b, 4 * SIZE), size=4 * SIZE)
    unlink(net.a, net.b)
    await_health("suspended", net.a)
    reader = Reader(net.a, 4 * SIZE)
    ctl(net.a, "peer outdate web b")
    reader.result()
    await_health("alone", net.a)
    # As it was told so by its manager: b is not to be promoted.
    ctl(net.b, "outdate web")
    refused(net.b, "promote web", "outdated")


def test_suspend_and_failover(net):
    """One command: the survivor is promoted, and told that the other is fenced."""
    join(net.a, net.b, settings="on_peer_loss=suspend")
    given = read(net.a, SIZE)
    net.a.power_cut()
    await_health("alone", net.b)
    ctl(net.b, "promote web --fenced")
    await_health("alone", net.b)
    same(given, read(net.b, SIZE), size=SIZE)
    read(net.b, SIZE)


def test_cut_off_primary_that_goes_on_is_found(net):
    """continue after a cut: both deliver; when they meet, one is told that it diverged."""
    join(net.a, net.b, settings=quick(net))
    same(read(net.a, SIZE), read(net.b, SIZE))
    net.cut("a", "b")
    await_health("alone", net.a, net.b)
    ctl(net.b, "promote web")
    one, other = read(net.a, SIZE), read(net.b, SIZE)
    assert one != other
    net.heal()
    link(net.a, net.b)
    await_health("diverged", net.a)
    fails_with("ESTALE", read(net.a, 1))


def test_forced(net):
    """--force overrides, and is shown."""
    join(net.a, net.b)
    unlink(net.a, net.b)
    ctl(net.b, "outdate web")
    ctl(net.b, "promote web --force")
    assert pair_of(net.b)["forced"] == 1


def test_paced_reader_waits_for_nothing(net):
    """Thanks to prefetch, with commit=sync fewer than 1 of 1000 reads wait."""
    join(net.a, net.b)
    read(net.a, 64)
    for guest in (net.a, net.b):
        before = pair_of(guest)["waits"]
        read(guest, 64 * 3000, longest=64, pause=200)
        waited = pair_of(guest)["waits"] - before
        print(f"# {guest}: {waited} of 3000 reads waited")
        assert waited < 3, f"{guest}: {waited} of 3000 reads waited"


def committing(guest, size=0):
    """A reader that calls fsync in the end."""
    return Reader(guest, size, commit=True)


def in_fsync(guest):
    until(f"a reader on {guest} waits for the commit",
          lambda: "ndval_cursor_commit" in guest.sh("cat /proc/[0-9]*/task/*/stack"))


def test_fsync(net):
    """It waits until the peer stores what was delivered, and tells if the peer was dropped first."""
    join(net.a, net.b, settings="commit=async peer_timeout_ms=60000")
    same(*(committing(guest, SIZE).result() for guest in (net.a, net.b)))
    net.cut("a", "b")
    reader = committing(net.a, SIZE)
    in_fsync(net.a)
    net.heal()
    same(reader.result())
    net.cut("a", "b")
    reader = committing(net.a, SIZE)
    in_fsync(net.a)
    ctl(net.a, "pair set web read_timeout_ms=100")
    fails_with("ETIMEDOUT", committing(net.a).result())
    ctl(net.a, "link detach --peer b")
    fails_with("ENOTCONN", reader.result())
    same(committing(net.a).result())
    assert pair_of(net.a)["drops"] == 1


def test_async_to_sync(net):
    """From the change on nothing is delivered that the peer does not store."""
    join(net.a, net.b, settings="commit=async peer_timeout_ms=60000")
    read(net.a, SIZE)
    ctl(net.a, "pair set web commit=sync")
    await_health("protected", net.a, net.b)
    net.cut("a", "b")
    reader = Reader(net.a, 4 * SIZE)
    until("the reader waits", lambda: pair_of(net.a)["waits"])
    stored = pair_of(net.a)["committed"]
    assert pair_of(net.a)["delivered"] <= stored
    net.heal()
    reader.result()
