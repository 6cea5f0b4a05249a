# SPDX-License-Identifier: GPL-2.0-only
"""A copy of the application that leaves the way of the other, as people see it.

vm: mix=6.1,6.12 debug=b
vm: timeout=180
"""

from common import await_health, ctl, instance_of, join, pair_of, read, roles, same, until

LINE = "ndval: pair web: instance 0 differs from instance 0 of"


def logged(guest, other):
    """How often the kernel's log told of a copy that differs from the other host's."""
    return guest.sh("dmesg").count(f"{LINE} {other.name} at offset 100 of stream default")


def test_copies_that_do_the_same(net):
    """Nothing is found, however far one is behind, and whatever is read in between."""
    primary, secondary = roles(net)
    join(primary, secondary, settings="on_divergence=fail")
    for _ in range(2):
        ahead = read(primary, 200000, streams=2, seed=7)
        same(ahead, read(secondary, 200000, streams=2, seed=7), size=200000)
    await_health("protected", primary, secondary)
    for guest in (primary, secondary):
        assert pair_of(guest)["divergences"] == 0


def test_one_goes_another_way(net):
    """Both hosts say so, the one copy stops, the other goes on; repositioning ends it."""
    primary, secondary = roles(net)
    join(primary, secondary, settings="on_divergence=fail")
    sides = ((primary, secondary), (secondary, primary))
    listeners = [guest.spawn("exec ndvalctl monitor") for guest, _ in sides]
    for listener in listeners:
        listener.expect("state pair=web")
    before = [logged(*side) for side in sides]
    ctl(primary, "read web -n 100")
    ctl(secondary, "read web -n 60")
    secondary.run("ndvalctl read web -n 40")
    await_health("diverged", primary, secondary)
    said = secondary.run("ndvalctl read web -n 1")
    assert said.rc and "diverged" in said.err.decode(), said.text
    ctl(primary, "read web -n 5000")

    # What a person types, and sees.
    shown = ctl(secondary, "status web")
    assert "diverged" in shown and "in another way than another copy" in shown, shown
    assert "instance set web --stream default --instance 0 --at" in shown, shown
    shown = ctl(primary, "status web")
    assert "has diverged at a peer" in shown, shown
    assert " diverged" in ctl(secondary, "instance list web")
    assert instance_of(secondary)["diverged"] and not instance_of(primary)["diverged"]
    for (guest, other), listener, count in zip(sides, listeners, before):
        line = listener.expect(r"(?m)^.* diverged pair=web .*\n").group().decode()
        for word in (f"peer={other.name}", "stream=default", "instance=0", "offset=100",
                     "value_kind=random", "comm=ndvalctl", "other_comm=ndvalctl",
                     "other_instance=0", " pid=", " other_pid="):
            assert word in line, f"{guest}: no '{word}' in {line}"
        assert logged(guest, other) == count + 1
        assert pair_of(guest)["divergences"] == 1

    ctl(secondary, "instance set web --at 100")
    await_health("protected", primary, secondary)
    ctl(secondary, "read web -n 5000")


def test_report_only(net):
    """It is told once, and nobody stops."""
    primary, secondary = roles(net)
    join(primary, secondary, settings="on_divergence=report")
    sides = ((primary, secondary), (secondary, primary))
    before = [logged(*side) for side in sides]
    ctl(primary, "read web -n 100")
    ctl(secondary, "read web -n 60")
    ctl(secondary, "read web -n 40")
    for (guest, other), count in zip(sides, before):
        until(f"{guest}: counted", lambda g=guest: pair_of(g)["divergences"] == 1)
        until(f"{guest}: logged",
              lambda g=guest, o=other, n=count: logged(g, o) == n + 1)
    await_health("protected", primary, secondary)
    ctl(secondary, "read web -n 5000")
    assert instance_of(secondary)["divergences"] == 1
