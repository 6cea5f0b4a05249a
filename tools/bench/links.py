#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Links between the same guests, plain and over kTLS, against processes that do without ndval.

  links.py [ROUNDS]         two guests, 6.1 and 6.12, on one virtual network
  links.py --one [ROUNDS]   two members in one guest, of each kernel in turn, whose clock
                            counts instructions: the same figures at every run

A secondary reads values that its primary draws for it (bytes a second), and has clock
readings recorded, a round trip each (calls a second, and messages of both directions). A
process sends as much over the same kind of socket, in 128 KiB, and answers 16 bytes to 4
(pings a second); between guests iperf3 sends too. All take turns in each round; what is
printed are medians, and medians of ratios of the same round. Between guests rates depend
on this machine and on what else it does, ratios less.
"""

import itertools
import json
import statistics
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "selftests/vm"), str(TOP / "selftests/hosts")]

# pylint: disable=wrong-import-position
import build    # noqa: E402
import vm       # noqa: E402
from common import await_health, ctl    # noqa: E402

HOW = ("plain", "CHACHA20-POLY1305", "AES-256-GCM")
ROUNDS = 5
BYTES = 2 << 20
CALLS = 500
MODULES = "tls,chacha20poly1305,gcm"
PORTS = itertools.count(7600)
# Nothing is to wait for what the test does not measure.
SETTINGS = "ring_size=1M prefetch=256K peer_timeout_ms=60000 on_divergence=report"
OWN = {"primary": "instances=none", "secondary": "instances=0"}


def put_speed(guest):
    sources = [TOP / "selftests/guest" / name for name in ("peer.c", "tls.c")]
    sources.append(TOP / "tools/lib/nl.c")
    flags = ("-D_GNU_SOURCE", f"-I{TOP}/uapi", *map(str, sources))
    program = build.program(TOP / "selftests/guest/speed.c", "guest/speed", flags,
                            ("-lmnl", "-lpthread"), sources)
    guest.put("/tmp/speed", program.read_bytes(), 0o755)


def connect(net, how):
    """Links the members; returns the number of the secondary's end."""
    if len(net.guests) == 1:
        return net.a.sh(f"/tmp/speed pair {how} b a").strip()
    port = next(PORTS)
    job = net.a.spawn(f"/tmp/speed listen {how} {port} a b")
    number = net.b.sh(f"/tmp/speed connect {how} {net.a.address} {port} b a")
    job.wait(30, check=True)
    return number.strip()


def measure(net, how):
    """Bytes, calls and messages in a second, over a new link."""
    primary, secondary = net["a"], list(net)[-1]
    number = connect(net, how)
    await_health("protected", primary, name="web-a")
    data, _ = secondary.sh(f"/tmp/speed read web-b {BYTES} {number}", timeout=600).split()
    calls, messages = secondary.sh(f"/tmp/speed call web-b {CALLS} {number}",
                                   timeout=600).split()
    ctl(secondary, f"link detach --id {number}")
    sent, pings = compare_with(net, how)
    return float(data) / 1e6, float(calls), float(messages), sent, pings


def compare_with(net, how):
    """Bytes and pings in a second of processes."""
    primary, secondary, port = net["a"], list(net)[-1], next(PORTS)
    job = primary.spawn(f"/tmp/speed serve {how} {port}")
    address = primary.address if len(net.guests) > 1 else "127.0.0.1"
    sent, pings = secondary.sh(f"/tmp/speed ask {how} {address} {port} {BYTES} {CALLS}",
                               timeout=600).split()
    job.wait(30, check=True)
    return float(sent) / 1e6, float(pings)


def iperf(net):
    """MB/s of iperf3, one stream from the primary to the secondary."""
    job = net.a.spawn("exec iperf3 -s")
    # With -J it says 0 where it has failed, too.
    net.b.sh("n=0; until iperf3 -c %s -R -n %d -J >/tmp/iperf && grep -q sum_received /tmp/iperf;"
             "do sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || exit 1; done" %
             (net.a.address, BYTES), timeout=600)
    job.kill(15)
    job.wait(30)
    end = json.loads(net.b.sh("cat /tmp/iperf"))["end"]
    return end["sum_received"]["bits_per_second"] / 8e6


def prepare(net):
    for member, peer, own, guest in (("a", "b", OWN["primary"], net["a"]),
                                     ("b", "a", OWN["secondary"], list(net)[-1])):
        if len(net.guests) == 1 and member == "b":
            ctl(guest, "member add b")
        put_speed(guest)
        ctl(guest, f"pair add web-{member} --group web --member {member} --peer {peer} "
            f"{SETTINGS} {own}")
    ctl(net["a"], "promote web-a --new")


def compare(guests, rounds, **options):
    with vm.Net(guests, test="bench-links", modules=MODULES, programs=("iperf3",),
                **options) as net:
        net.start()
        net.load()
        prepare(net)
        # The first time is another one: modules are loaded, code is translated.
        for how in HOW:
            measure(net, how)
        taken = [{how: measure(net, how) for how in HOW} for _ in range(rounds)]
        by_iperf = [iperf(net) for _ in range(rounds)] if len(net.guests) > 1 else []
        for guest, member in ((net["a"], "a"), (list(net)[-1], "b")):
            ctl(guest, f"pair del web-{member}")
        if len(net.guests) == 1:
            ctl(net["a"], "member del b")
    print(f"{' and '.join(guests.values())}, {rounds} rounds")
    print(f"{'':20}{'MB/s':>8}{'x plain':>9}{'sender':>9}{'x':>6}{'messages/s':>12}"
          f"{'x plain':>9}{'calls/s':>9}{'pings/s':>9}{'x':>6}")
    for how in HOW:
        data, calls, messages, sent, pings = (statistics.median(r[how][i] for r in taken)
                                              for i in range(5))
        plain = [statistics.median(r[how][i] / r["plain"][i] for r in taken) for i in (0, 2)]
        ratios = [statistics.median(r[how][i] / r[how][i + 3] for r in taken) for i in (0, 1)]
        print(f"{how:20}{data:8.2f}{plain[0]:9.2f}{sent:9.2f}{ratios[0]:6.2f}"
              f"{messages:12.0f}{plain[1]:9.2f}{calls:9.0f}{pings:9.0f}{ratios[1]:6.2f}",
              flush=True)
    if by_iperf:
        print(f"{'iperf3':20}{'':17}{statistics.median(by_iperf):9.2f}")


def main(argv):
    one = "--one" in argv
    rounds = int(next((word for word in argv if word.isdigit()), ROUNDS))
    vm.quit_on_signals()
    if not one:
        compare({"a": "6.1", "b": "6.12"}, rounds)
        return 0
    for flavour in ("6.1", "6.12"):
        compare({"a": flavour}, rounds, icount=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
