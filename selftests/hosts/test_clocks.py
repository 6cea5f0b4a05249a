# SPDX-License-Identifier: GPL-2.0-only
"""Time across a failover: it does not run back, whatever the other host's clocks show.

vm: mix=6.1,6.12 debug=instead
vm: timeout=240
"""

import contextlib
import time

from common import (await_health, ctl, get, join, link, make_pair, pair_of, until)

ALL = "realtime monotonic boottime tai cycles"
PEOPLE_SET = ("realtime", "tai")
SECOND = 10**9


def clocks(guest, which=ALL):
    """Readings of the pair's clocks, by name."""
    return {c["clock"]: c for c in get(guest, f"clock web {which}")["readings"]}


def set_clock(guest, by):
    """Sets the host's clock by so many seconds, and leaves no fraction of one."""
    now = int(guest.sh("date +%s"))
    guest.sh(f"date -s @{now + by}")


def skew(guest):
    return int(guest.sh("cat /sys/class/ndval/ndval-web/clock_skew_us"))


@contextlib.contextmanager
def put_right(net):
    """After it both hosts are up, with the right time."""
    try:
        yield
    finally:
        if not net.a.running:
            net.a.start()
            net.a.sh(f"modprobe ndval host={net.a.name}")
        net.b.sh(f"date -s @{int(time.time())}")


def fail_over(net, by):
    """a is primary, gives readings, and dies; b, whose clock is set by so much, goes on."""
    join(net.a, net.b)
    given = clocks(net.a)
    assert clocks(net.b) == given
    last = clocks(net.a)
    set_clock(net.b, by)
    net.a.power_cut()
    await_health("alone", net.b)
    ctl(net.b, "promote web")
    # What was given is given again, and what comes then is new.
    assert clocks(net.b) == last
    return last, clocks(net.b), clocks(net.b)


def check_order(last, new, newer):
    for name, reading in last.items():
        assert reading["value"] <= new[name]["value"] <= newer[name]["value"], name
        if name not in PEOPLE_SET:
            assert reading["value"] < new[name]["value"] < newer[name]["value"], name
        assert new[name]["frequency"] == reading["frequency"], name


def test_the_other_clock_is_behind(net):
    with put_right(net):
        last, new, newer = fail_over(net, -1000)
        check_order(last, new, newer)
        # They stand until the host's own have come that far; that is shown.
        for name in PEOPLE_SET:
            assert last[name]["value"] == new[name]["value"] == newer[name]["value"], name
        shown = {c["kind"]: c for c in pair_of(net.b)["clocks"]}
        assert 500 * SECOND < shown["realtime"]["stood_ns"] < 1000 * SECOND, shown
        # An administrator's step is followed, and counted.
        set_clock(net.b, -1000)
        stepped = clocks(net.b, "realtime")["realtime"]
        assert stepped["value"] < last["realtime"]["value"]
        assert stepped["steps"] == last["realtime"]["steps"] + 1


def test_the_other_clock_is_ahead(net):
    with put_right(net):
        last, new, newer = fail_over(net, 1000)
        check_order(last, new, newer)
        ahead = new["realtime"]["value"] - last["realtime"]["value"]
        assert ahead > 900 * SECOND, ahead


def test_the_other_host_booted_much_later(net):
    """What counts from the boot goes on at the place, and at the rate, of the old host."""
    with put_right(net):
        net.b.power_cut()
        net.b.start()
        net.b.sh(f"modprobe ndval host={net.b.name}")
        last, new, newer = fail_over(net, 0)
        check_order(last, new, newer)
        shown = {c["kind"]: c for c in pair_of(net.b)["clocks"]}
        assert shown["monotonic"]["offset_ns"] > SECOND, shown


def test_skew_is_measured_and_warned_of(net):
    with put_right(net):
        make_pair(net.a, net.b, settings="peer_timeout_ms=600")
        link(net.a, net.b)
        await_health("protected", net.a, net.b)
        set_clock(net.b, 1000)
        for guest, sign in ((net.a, 1), (net.b, -1)):
            until(f"{guest}: the skew is seen",
                  lambda g=guest, s=sign: 990e6 < s * skew(g) < 1010e6)
            until(f"{guest}: there is a warning",
                  lambda g=guest: "differs by" in g.sh("dmesg"))
        peer = get(net.a, "peer list")[0]
        assert 990 * SECOND < peer["clock_skew_ns"] < 1010 * SECOND, peer
        assert "clock" in ctl(net.a, "status web"), ctl(net.a, "status web")
        set_clock(net.b, -1000)
        until("the skew is gone", lambda: abs(skew(net.a)) < 10e6)
