#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The virtual network: an Ethernet switch that a test can make misbehave.

Every guest's network card is one end of a datagram socket pair; this process
holds the other ends and passes frames on by MAC address.  It runs as a process
of its own so that its timing does not depend on what the harness does.

For each direction a rule says what happens to frames from one guest to
another: drop them all, lose some at random, delay them (in order), change a bit
of what TCP carries in some, with a checksum that is right again.  Frames to
a guest that is frozen wait in a bounded queue and are then lost, as on a wire.

Control: JSON messages on the seqpacket socket on standard input, each answered:
  {"port": NAME, "mac": "52:54:..."}    plus a file descriptor: (re)plug a guest
  {"unplug": NAME}
  {"rule": [FROM, TO], "drop": BOOL, "loss": PERCENT, "delay": MS, "jitter": MS,
   "flip": FRAMES}
  {"clear": true}                       forget all rules and counters
  {"stats": true}                       frames passed, lost and late per direction
It ends when the other side closes.
"""

import contextlib
import heapq
import itertools
import json
import random
import select
import socket
import sys
import time
from collections import deque

QUEUE = 4000        # frames that wait for a guest that does not read
FLIP_LEAST = 48     # bytes that TCP carries, for a frame to be changed
BURST = 64          # frames taken from one guest before the next one's turn


def flipped(frame):
    """The frame with a bit of what TCP carries changed, or None if it carries too little."""
    if frame[12:14] != b"\x08\x00" or frame[23] != 6:
        return None
    tcp = 14 + (frame[14] & 15) * 4
    end = 14 + int.from_bytes(frame[16:18], "big")
    start = tcp + (frame[tcp + 12] >> 4) * 4
    if end - start < FLIP_LEAST or end > len(frame):
        return None
    # Of an even place, so that it is the upper half of a word of the checksum.
    at = end - 20 - (end - 20 - tcp) % 2
    changed = bytearray(frame)
    changed[at] ^= 1
    total = (~int.from_bytes(frame[tcp + 16:tcp + 18], "big") & 0xffff) + \
        (~frame[at] << 8 & 0xff00) + (changed[at] << 8) + 0xff
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    changed[tcp + 16:tcp + 18] = (~total & 0xffff).to_bytes(2, "big")
    return bytes(changed)


class Port:
    """A guest's end of the cable."""

    def __init__(self, name, mac, sock):
        self.name = name
        self.mac = bytes.fromhex(mac.replace(":", ""))
        self.sock = sock
        self.queue = deque()
        sock.setblocking(False)


class Rule:
    """What happens in one direction."""

    def __init__(self):
        self.drop = False
        self.loss = 0.0
        self.delay = 0.0
        self.jitter = 0.0
        self.flip = 0           # frames that are still to be changed
        self.last = 0.0         # when the latest delayed frame leaves
        self.passed = 0
        self.lost = 0
        self.late = 0           # delayed frames not yet delivered


class Switch:
    """Ports, rules and the frames under way."""

    def __init__(self, control, seed):
        self.control = control
        self.epoll = select.epoll()
        self.epoll.register(control.fileno(), select.EPOLLIN)
        self.ports = {}         # name -> Port
        self.by_fd = {}
        self.rules = {}         # (from, to) -> Rule
        self.under_way = []     # heap of (when, serial, rule, to, frame)
        self.serial = itertools.count()
        self.random = random.Random(seed)

    def rule(self, sender, receiver):
        return self.rules.setdefault((sender, receiver), Rule())

    def unplug(self, name):
        port = self.ports.pop(name, None)
        if port:
            self.epoll.unregister(port.sock.fileno())
            del self.by_fd[port.sock.fileno()]
            port.sock.close()

    def plug(self, name, mac, fd):
        self.unplug(name)
        port = Port(name, mac, socket.socket(fileno=fd))
        self.ports[name] = port
        self.by_fd[fd] = port
        self.epoll.register(fd, select.EPOLLIN)

    def command(self, message, fds):
        if "port" in message:
            self.plug(message["port"], message["mac"], fds[0])
        elif "unplug" in message:
            self.unplug(message["unplug"])
        elif "rule" in message:
            rule = self.rule(*message["rule"])
            rule.drop = bool(message.get("drop", False))
            rule.loss = float(message.get("loss", 0)) / 100
            rule.delay = float(message.get("delay", 0)) / 1000
            rule.jitter = float(message.get("jitter", 0)) / 1000
            rule.flip = int(message.get("flip", 0))
        elif "clear" in message:
            # Frames under way keep their old rule, and with it their delay.
            self.rules.clear()
        elif "stats" in message:
            return {f"{a}>{b}": [r.passed, r.lost, r.late]
                    for (a, b), r in self.rules.items()}
        return {}

    def forward(self, sender, frame):
        # A frame for one guest goes there only; anything else to everybody.
        to = [p for p in self.ports.values() if p.mac == frame[:6]]
        for port in to or list(self.ports.values()):
            if port is sender:
                continue
            rule = self.rule(sender.name, port.name)
            if rule.flip and (changed := flipped(frame)):
                rule.flip -= 1
                frame = changed
            if rule.drop or (rule.loss and self.random.random() < rule.loss):
                rule.lost += 1
            elif rule.delay or rule.jitter or rule.late:
                when = time.monotonic() + rule.delay + self.random.random() * rule.jitter
                rule.last = max(rule.last, when)
                rule.late += 1
                heapq.heappush(self.under_way,
                               (rule.last, next(self.serial), rule, port.name, frame))
            else:
                rule.passed += 1
                self.send(port, frame)

    def send(self, port, frame):
        if port.queue:
            if len(port.queue) < QUEUE:
                port.queue.append(frame)
            return
        try:
            port.sock.send(frame)
        except BlockingIOError:
            port.queue.append(frame)
            self.epoll.modify(port.sock.fileno(), select.EPOLLIN | select.EPOLLOUT)
        except OSError:
            pass                # the guest is gone; its successor gets a new socket

    def flush(self, port):
        try:
            while port.queue:
                port.sock.send(port.queue[0])
                port.queue.popleft()
        except BlockingIOError:
            return
        except OSError:
            port.queue.clear()
        self.epoll.modify(port.sock.fileno(), select.EPOLLIN)

    def deliver_late(self):
        """Sends what is due; returns how long until the next is."""
        now = time.monotonic()
        while self.under_way and self.under_way[0][0] <= now:
            _, _, rule, name, frame = heapq.heappop(self.under_way)
            rule.late -= 1
            rule.passed += 1
            if name in self.ports:
                self.send(self.ports[name], frame)
        return self.under_way[0][0] - now if self.under_way else None

    def obey(self):
        data, fds, _, _ = socket.recv_fds(self.control, 65536, 1)
        if not data:
            return False
        try:
            answer = self.command(json.loads(data), fds)
        except (KeyError, ValueError, IndexError) as err:
            answer = {"error": repr(err)}
        self.control.send(json.dumps(answer).encode())
        return True

    def receive(self, port, events):
        if events & select.EPOLLIN:
            for _ in range(BURST):
                try:
                    frame = port.sock.recv(70000)
                except OSError:
                    break
                if frame:
                    self.forward(port, frame)
        elif events & (select.EPOLLHUP | select.EPOLLERR):
            self.unplug(port.name)
            return
        if events & select.EPOLLOUT:
            self.flush(port)

    def run(self):
        while True:
            wait = self.deliver_late()
            for fd, events in self.epoll.poll(wait):
                if fd == self.control.fileno():
                    if not self.obey():
                        return
                elif fd in self.by_fd:
                    self.receive(self.by_fd[fd], events)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, ConnectionError):
        Switch(socket.socket(fileno=0), sys.argv[1] if len(sys.argv) > 1 else "ndval").run()
