#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Tests of the harness itself: does it see what goes wrong, and is its network
as bad as asked?  Run by 'make test'; alone: selftest.py [NAME..]."""

import re
import sys
import time

import vm

KERNEL = vm.kernels.DEFAULT[-1]
PLAIN = {"ndval": None}         # no module needed


def refused(what, pattern):
    """what() must raise Failure with a text that matches."""
    try:
        what()
    except vm.Failure as err:
        if not re.search(pattern, str(err)):
            raise vm.Failure(f"failed for another reason than /{pattern}/: {err}") from None
        return
    raise vm.Failure(f"was not noticed: /{pattern}/")


def test_jobs():
    """bytes, exit codes, signals and many commands at once get through"""
    with vm.Net({"a": KERNEL}, test="selftest/jobs", **PLAIN) as net:
        data = bytes(range(256)) * 5000
        net.a.put("/tmp/data", data)
        if net.a.get("/tmp/data") != data:
            raise vm.Failure("bytes changed")
        jobs = [net.a.spawn(f"read x; echo $x {n}; exit {n}") for n in range(100)]
        for job in reversed(jobs):
            job.write(b"hello\n")
        for n, job in enumerate(jobs):
            result = job.wait()
            if result.rc != n or result.text != f"hello {n}\n":
                raise vm.Failure(f"job {n}: {result.rc} {result.text}")
        if net.a.spawn("kill -9 $$").wait().rc != 137:
            raise vm.Failure("signal not told")


def test_guest_failures():
    """a warning, a leak, a hang, a panic and a lost guest are each a failure"""
    with vm.Net({"a": KERNEL}, test="selftest/failures", **PLAIN) as net:
        for line in ("WARNING: CPU: 0 PID: 1 at nowhere.c:1", "ndval: leak of 3 pages",
                     "INFO: task x:1 blocked for more than 120 seconds.",
                     "BUG: KASAN: use-after-free in x", "ndval: 2 pages still in use"):
            net.a.sh(f"echo '<4>{line}' >/dev/kmsg")
            refused(net.a.verdict, "kernel log: .*" + re.escape(line))
        net.a.verdict()

        net.a.freeze()
        start = time.monotonic()
        refused(lambda: net.a.sh("true", timeout=2), "still running after 2 s")
        if time.monotonic() - start > 20:
            raise vm.Failure("a hang took too long to notice")
        # The traces that it was asked for then are no complaints.
        net.a.checked = net.a.log.stat().st_size

        job = net.a.spawn("sleep 1000")
        net.a.spawn("echo c >/proc/sysrq-trigger")
        refused(lambda: job.wait(60), "guest is gone\n.*Kernel panic")
        refused(net.a.finish, "no clean verdict|guest is gone|kernel log")
        net.a.checked = net.a.log.stat().st_size

        net.a.start()
        net.a.kill()
        refused(net.a.finish, "no verdict")
        net.a.clean = True


def ping(guest, address, count=1, wait=1):
    """How many of @count answers came, and the mean time in ms."""
    out = guest.sh(f"ping -q -c {count} -i 0.2 -W {wait} {address}", check=False)
    got = int(re.search(r"(\d+) (?:packets )?received", out).group(1))
    times = re.search(r"= [\d.]+/([\d.]+)/", out)
    return got, float(times.group(1)) if times else None


def test_network():
    """the switch cuts one way and both, delays, loses, and heals"""
    guests = dict(zip("ab", vm.kernels.DEFAULT))
    with vm.Net(guests, test="selftest/network", **PLAIN) as net:
        if ping(net.a, "b", 3, 5)[0] != 3:
            raise vm.Failure("b is not reachable")
        net.cut("a", "b", one_way=True)
        # b hears nothing of a, but a hears b: b's requests arrive, answers do not.
        before = net.a.sh("awk '/Icmp:/ {print $2}' /proc/net/snmp | tail -n 1")
        if ping(net.b, "a")[0] != 0:
            raise vm.Failure("answer through a cut direction")
        after = net.a.sh("awk '/Icmp:/ {print $2}' /proc/net/snmp | tail -n 1")
        if int(after) <= int(before):
            raise vm.Failure("the other direction is cut too")
        net.cut("a", "b")
        if ping(net.a, "b")[0] != 0:
            raise vm.Failure("answer through a cut")
        net.delay("a", "b", 150)
        got, ms = ping(net.a, "b", 3, 5)
        if got != 3 or not 300 <= ms <= 900:
            raise vm.Failure(f"delay of 2 x 150 ms gave {got} answers in {ms} ms")
        net.lose("a", "b", 50, one_way=True)
        got, _ = ping(net.a, "b", 20, 1)
        if not 2 <= got <= 18:
            raise vm.Failure(f"loss of 50 % let {got} of 20 through")
        net.heal()
        if ping(net.a, "b", 3, 5)[0] != 3:
            raise vm.Failure("not healed")
        net.b.power_cut()
        if ping(net.a, "b")[0] != 0:
            raise vm.Failure("a dead guest answers")
        net.b.start()
        if ping(net.a, "b", 1, 5)[0] != 1:
            raise vm.Failure("a rebooted guest does not answer")
        net.b.freeze()
        if ping(net.a, "b")[0] != 0:
            raise vm.Failure("a frozen guest answers")
        net.b.thaw()
        if ping(net.a, "b", 2, 5)[0] < 1:
            raise vm.Failure("a thawed guest does not answer")


TESTS = [value for name, value in list(globals().items()) if name.startswith("test_")]

if __name__ == "__main__":
    vm.quit_on_signals()
    FAILED = 0
    CHOSEN = [t for t in TESTS if len(sys.argv) < 2 or t.__name__[5:] in sys.argv[1:]]
    print(f"1..{len(CHOSEN)}")
    for number, test in enumerate(CHOSEN, 1):
        begin = time.monotonic()
        try:
            test()
            print(f"ok {number} {test.__doc__} # {time.monotonic() - begin:.1f} s", flush=True)
        except (vm.Failure, vm.build.Error, vm.kernels.Error) as error:
            FAILED += 1
            print("".join(f"# {line}\n" for line in str(error).splitlines()), end="")
            print(f"not ok {number} {test.__doc__}", flush=True)
    sys.exit(FAILED != 0)
