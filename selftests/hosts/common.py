# SPDX-License-Identifier: GPL-2.0-only
"""What tests on several hosts share: pairs, links, readers, and waiting.

    make_pair(net.a, net.b, settings="ring_size=16K")   # a is the primary
    link(net.a, net.b)
    await_health("protected", net.a, net.b)
    same(read(net.a, size=100000), read(net.b, size=100000, seed=2))

A reader (guest/reader.c) reads streams in sizes drawn from a seed, a thread for
each, so that hosts with different seeds read the same bytes in other pieces.
"""

import itertools
import json
import re
import time
from pathlib import Path

import build

TOP = Path(__file__).resolve().parents[2]
NODE = "/dev/ndval-web"
SEEDS = itertools.count(1)
PORTS = itertools.count(7100)

# -- waiting ------------------------------------------------------------------


def until(what, condition, timeout=40):
    """Polls a condition; fails unless it holds within @timeout s."""
    end = time.monotonic() + timeout
    while True:
        start = time.monotonic()
        if found := condition():
            return found
        asked = time.monotonic()
        assert asked < end, f"not within {timeout} s: {what}"
        # Whoever asks is not to take more than half of a guest from what it waits for.
        time.sleep(max(0.05, asked - start))


# -- ndvalctl -----------------------------------------------------------------

def ctl(guest, args, **options):
    """An ndvalctl command that must succeed; what it printed."""
    return guest.sh(f"ndvalctl {args}", **options)


def get(guest, args):
    """What a command says with --json."""
    return json.loads(ctl(guest, f"{args} --json"))


def refused(guest, args, *words):
    """A command that must fail with these words in its message."""
    result = guest.run(f"ndvalctl {args}")
    said = result.err.decode(errors="replace")
    assert result.rc, f"{guest}: ndvalctl {args} was not refused: {result.text}"
    for word in words:
        assert word in said, f"{guest}: ndvalctl {args}: no '{word}' in {said!r}"


def pair_of(guest, name="web"):
    return get(guest, f"pair show {name}")


def peer_of(guest, peer, name="web"):
    found = [p for p in get(guest, f"peer list {name}") if p["name"] == peer]
    assert found, f"{guest}: no peer {peer}"
    return found[0]


def stream_of(guest, name="default", pair="web"):
    """The stream, or None."""
    for stream in get(guest, f"stream list {pair}"):
        if stream["name"] == name:
            return stream
    return None


def instance_of(guest, number=0, stream="default", pair="web"):
    for instance in get(guest, f"instance list {pair}"):
        if (instance["stream"], instance["instance"]) == (stream, number):
            return instance
    return None


def health(guest, name="web"):
    return guest.sh(f"cat /sys/class/ndval/ndval-{name}/health")


def await_health(word, *guests, name="web", timeout=40):
    for guest in guests:
        until(f"{guest}: pair {name} is {word}, but {health(guest, name)}",
              lambda g=guest: health(g, name) == word, timeout)


# -- pairs and links ----------------------------------------------------------

def make_pair(primary, *others, settings="", name="web", promote=True, **own):
    """The pair on every guest, each the others' peer; @own: settings of a guest by name.

    Its copies may read in other pieces, as readers of other seeds do; but for tests that
    say what they want.
    """
    guests = (primary, *others)
    if "on_divergence=" not in settings:
        settings += " on_divergence=report"
    for guest in guests:
        peers = " ".join(f"--peer {g.name}" for g in guests if g is not guest)
        ctl(guest, f"pair add {name} {peers} {settings} {own.get(guest.name, '')}")
    if promote:
        ctl(primary, f"promote {name} --new")


def attach(server, listen, client, connect):
    """Two 'link attach' commands, of which the second is tried until the first listens."""
    job = server.spawn(f"ndvalctl link attach {listen}")
    client.sh(f"i=0; until ndvalctl link attach {connect} 2>/tmp/link; do i=$((i+1)); "
              "[ $i -lt 400 ] || { cat /tmp/link >&2; exit 1; }; usleep 50000; done")
    job.wait(40, check=True)


def link(a, b):
    """A TCP link between two guests."""
    port = next(PORTS)
    attach(a, f"--listen :{port} --peer {b.name}",
           b, f"--connect {a.address}:{port} --peer {a.name}")


def links(guest):
    return get(guest, "link list")


def unlink(a, b):
    """An orderly end of the link, seen by both."""
    ctl(a, f"link detach --peer {b.name}")
    for guest, other in ((a, b), (b, a)):
        until(f"{guest}: no link to {other} is left",
              lambda g=guest, o=other: o.name not in [one["peer"] for one in links(g)])


def await_no_link(*guests, timeout=40):
    for guest in guests:
        until(f"{guest}: no link is left", lambda g=guest: not links(g), timeout)


def join(primary, *others, settings="", **own):
    """A pair that is protected on all guests, every two of them linked."""
    make_pair(primary, *others, settings=settings, **own)
    for a, b in itertools.combinations((primary, *others), 2):
        link(a, b)
    await_health("protected", primary, *others)


def roles(net):
    """(primary, secondary): a and b, but b and a where one of them has the debug kernel.

    Tests that ask run in both networks: each of the hosts has been either.
    """
    if net.a.kernel.built != net.b.kernel.built:
        return net.b, net.a
    return net.a, net.b


# -- readers ------------------------------------------------------------------

def reader_program():
    return build.program(TOP / "selftests/guest/reader.c", "reader",
                         ("-D_GNU_SOURCE", f"-I{TOP / 'uapi'}", "-static", "-pthread"))


class Reader:
    """A running reader. @gate: offset at which it waits for go();
    @commit: it calls fsync in the end."""

    # pylint: disable=too-many-arguments
    def __init__(self, guest, size, streams=0, prefix="s", node=NODE, gate=0, seed=None,
                 longest=1 << 20, pause=0, instance=0, commit=False):
        if guest.run("test -x /tmp/reader").rc:
            guest.put("/tmp/reader", reader_program().read_bytes(), 0o755)
        seed = seed or next(SEEDS)
        self.guest = guest
        command = f"exec /tmp/reader -b {size} -S {seed} -m {longest} -w {pause} -i {instance}"
        if commit:
            command += " -f"
        if gate:
            command += f" -g {gate}"
        if streams:
            command += f" -t {streams} -s {prefix}"
        self.job = guest.spawn(f"{command} {node}")

    def at_gate(self, timeout=60):
        self.job.expect(r"(?m)^gate$", timeout)
        return self

    def go(self):
        self.job.write(b"go\n")
        return self

    def result(self, timeout=60):
        """{stream: (bytes, digest, "ok" or errno)}"""
        said = self.job.wait(timeout)
        assert not said.err, f"{self.guest}: {said.err.decode()}"
        rows = re.findall(r"(?m)^(\S+) (\d+) ([0-9a-f]{16}) (\w+)$", said.text)
        assert rows, f"{self.guest}: reader: exit {said.rc}: {said.text}"
        return {name: (int(size), digest, word) for name, size, digest, word in rows}


def quick(net):
    """A setting: who is silent is missed soon, but not who is only slow."""
    return f"peer_timeout_ms={500 * max(g.kernel.slower for g in net)}"


def read(guest, size, **options):
    return Reader(guest, size, **options).result()


def same(first, *others, size=None):
    """Results of readers: all read everything, and the same."""
    for result in (first, *others):
        for stream, (count, _, word) in result.items():
            assert word == "ok", f"stream {stream}: {word} after {count} bytes"
            assert size in (None, count), f"stream {stream}: {count} bytes, not {size}"
    for other in others:
        assert other.keys() == first.keys(), f"streams {sorted(first)} and {sorted(other)}"
        differing = [s for s in first if first[s] != other[s]]
        assert not differing, f"hosts read different bytes from {differing}: {first} {other}"


def fails_with(errno, result):
    for stream, (count, _, word) in result.items():
        assert word == errno, f"stream {stream}: {word}, not {errno}, after {count} bytes"


def hexed(guest, size, options=""):
    """Bytes by 'ndvalctl read'."""
    return ctl(guest, f"read web -n {size} --hex {options}")
