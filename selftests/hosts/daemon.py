# SPDX-License-Identifier: GPL-2.0-only
"""What tests of ndvald on several hosts share: the daemons, and the links they make."""

import json
import time

CONF = "/tmp/ndvald.conf"


class Daemon:
    """ndvald on a guest."""

    def __init__(self, guest, text, options="-v"):
        self.guest, self.options = guest, options
        guest.put(CONF, text)
        self.job = None

    def start(self):
        self.job = self.guest.spawn(f"exec ndvald {self.options} -c {CONF}")
        return self

    def kill(self, sig=9):
        self.job.kill(sig)
        return self.job.wait(10)

    def hang_up(self):
        """Has it read its files again."""
        self.job.kill(1)

    def reload(self, text):
        self.guest.put(CONF, text)
        self.hang_up()

    def expect(self, pattern, timeout=30):
        return self.job.expect(pattern, timeout)

    @property
    def log(self):
        return bytes(self.job.err).decode(errors="replace")


def links(guest, state="up"):
    """The numbers of the links of a guest."""
    found = json.loads(guest.sh("ndvalctl link list --json"))
    return [link["id"] for link in found if state in (link["state"], None)]


def until(what, condition, timeout=30):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.1)


def linked(net, timeout=30):
    """Waits until both have a link; returns their numbers."""
    until("a link on both", lambda: links(net.a) and links(net.b), timeout)
    return links(net.a)[0], links(net.b)[0]


def settled(net):
    """Exactly one link on both, and nothing that is still coming or going."""
    until("exactly one link on both",
          lambda: all(len(links(g)) == 1 and len(links(g, None)) == 1 for g in net))
    return links(net.a)[0], links(net.b)[0]


def digest(guest, count, node="/dev/ndval-web"):
    return guest.spawn(f"head -c {count} {node} | sha256sum")


def same_bytes(net, count=100000):
    jobs = [digest(g, count) for g in net]
    first, *others = [job.wait(60, check=True).text for job in jobs]
    assert all(other == first for other in others), "the hosts read different bytes"
