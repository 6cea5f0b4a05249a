# SPDX-License-Identifier: GPL-2.0-only
"""What happens to a host as a whole: hibernation, reboot, with pairs and links in use.

vm: mix=6.12,6.1 debug=instead
vm: timeout=180
"""

import subprocess

from common import Reader, await_health, await_no_link, ctl, join, link, quick, read, same

SYNCED = "Filesystems sync"     # what the kernel says once all were asked


def hibernate(guest):
    """Returns what the kernel said meanwhile. It can't succeed: there is no swap."""
    guest.sh("dmesg -c >/dev/null")
    result = guest.run("echo disk >/sys/power/state", timeout=60)
    assert result.rc, f"{guest}: it hibernated"
    return guest.sh("dmesg")


def test_hibernation(net):
    """Refused, and why is in the log; hibernate=allow lets it pass."""
    for guest in net:
        said = hibernate(guest)
        assert "hibernation refused" in said and "hibernate=allow" in said, said
        assert SYNCED not in said, said
        guest.sh(f"rmmod ndval; modprobe ndval host={guest.name} hibernate=allow")
        ctl(guest, "pair add web instances=0-1 on_divergence=report")
        before = read(guest, 10000)
        said = hibernate(guest)
        assert "hibernation refused" not in said and SYNCED in said, said
        same(before, read(guest, 10000, instance=1))


def reboot(guest):
    """Orderly, as far as ndval is concerned: the kernel's reboot notifiers are called."""
    guest.spawn("reboot -f")
    try:
        rc = guest.process.wait(30 * guest.kernel.slower)
    except subprocess.TimeoutExpired:
        raise guest.failure("does not reboot", hung=True) from None
    assert rc == 0, f"{guest}: QEMU ended with {rc}"
    guest.check_log()
    guest.kill()
    guest.clean = True


def test_reboot(net):
    """With values in windows, links up and a reader waiting: no oops, no hang."""
    join(net.a, net.b, settings=quick(net))
    same(*(read(g, 50000, streams=8) for g in net), size=50000)
    Reader(net.b, 1 << 20, gate=1000).at_gate()
    reboot(net.b)
    await_health("alone", net.a)
    await_no_link(net.a)
    assert read(net.a, 50000)["default"][2] == "ok"
    reboot(net.a)


def test_reboot_of_the_primary(net):
    join(net.a, net.b, settings=quick(net))
    whole = read(net.a, 50000)
    reboot(net.a)
    await_health("alone", net.b)
    kept = Reader(net.b, 50000)
    same(whole, kept.result(), size=50000)
    net.a.start()
    net.a.sh("modprobe ndval host=a")
    ctl(net.a, "pair add web --peer b")
    link(net.a, net.b)
