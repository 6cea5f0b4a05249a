# SPDX-License-Identifier: GPL-2.0-only
"""The applications of chaos between guests, and what they log."""

import struct
from pathlib import Path

import build

TOP = Path(__file__).resolve().parents[2]
HEADER = struct.Struct("<QQ")
PAGE = 4096


def streamer():
    return build.program(TOP / "selftests/guest/streamer.c", "streamer",
                         ("-D_GNU_SOURCE", f"-I{TOP / 'uapi'}", "-static", "-pthread"),
                         headers=(TOP / "selftests/guest/common.h",
                                  TOP / "selftests/guest/journal.h"))


class Log:
    """The lines that a guest's applications left in the memory it shares with us."""

    def __init__(self, guest):
        self.memory = guest.shared
        self.size = len(self.memory) - PAGE
        self.rest = b""

    def lines(self):
        head, tail = HEADER.unpack_from(self.memory)
        data = b""
        while tail < head:
            at = tail % self.size
            some = min(head - tail, self.size - at)
            data += self.memory[PAGE + at:PAGE + at + some]
            tail += some
        # Only our half of the header: the guest writes the other.
        struct.pack_into("<Q", self.memory, 8, tail)
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line.decode("ascii") for line in lines]
