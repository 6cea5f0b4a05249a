# SPDX-License-Identifier: GPL-2.0-only
"""Records of journals, as the judge of chaos between guests knows them.

A record stands in the judge's books as bytes do, at its place and with its size, as an
image that depends on all of it: of two records that differ no bytes are the same.
"""

import bisect
import hashlib
import struct
from typing import NamedTuple

# As enum ndval_value_kind has them, and ndvalctl tells them.
KINDS = ("random", "realtime", "monotonic", "boottime", "tai", "cycles", "agreed")
CYCLES, AGREED = KINDS.index("cycles"), KINDS.index("agreed")

# Bytes of a record before its value, of the value of a clock, and of the longest one.
HEAD = 48
CLOCK = struct.Struct("<QQ")
AGREED_MAX = 4096

# What guest/streamer.c offers, again and again up to its length.
OFFER = struct.Struct("<QQ8s")


def journal(stream):
    """What the judge calls the journal of a stream."""
    return f"{stream} journal"


class Record(NamedTuple):
    """A record without who asked for it first."""
    place: int
    kind: int
    data: bytes

    @property
    def size(self):
        return (HEAD + len(self.data) + 7) // 8 * 8

    @property
    def image(self):
        return hashlib.shake_128(struct.pack("<QI", self.place, self.kind) + self.data).digest(
            self.size)

    @property
    def reading(self):
        """(steps, value) in the order in which they grow. Cycles have their frequency there."""
        value, steps = CLOCK.unpack(self.data)
        return (0 if self.kind == CYCLES else steps), value


def clock(place, kind, value, steps):
    return Record(place, kind, CLOCK.pack(value, steps))


def agreed(place, data):
    return Record(place, AGREED, data)


def from_json(shown):
    """A record that ndvalctl shows."""
    kind = KINDS.index(shown["kind"])
    if kind == AGREED:
        return agreed(shown["place"], bytes.fromhex(shown["data"]))
    more = shown["frequency"] // 1000 if kind == CYCLES else shown["steps"]
    return clock(shown["place"], kind, shown["value"], more)


def mix(number):
    """mix() of guest/streamer.c"""
    mask = (1 << 64) - 1
    number = (number + 0x9e3779b97f4a7c15) & mask
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9 & mask
    number = (number ^ number >> 27) * 0x94d049bb133111eb & mask
    return number ^ number >> 31


def offer(member, life, place):
    """What a life of a member offers at a place, as often as it asks; as guest/streamer.c."""
    drawn = mix((life + mix(place)) & (1 << 64) - 1)
    length = (drawn >> 8) % ((96 if drawn % 8 else AGREED_MAX) + 1)
    head = OFFER.pack(life, place, member.encode())
    return (head * (length // len(head) + 1))[:length]


class History:
    """Records of a journal that are of one history."""

    def __init__(self):
        self.records = {}               # place -> Record
        self.places = []                # in order
        self.clocks = {}                # kind -> [(place, reading)] in order of places

    def add(self, record):
        """The reading of the same clock that this one contradicts, as (place, reading); or
        None."""
        # Whether it is the same is a matter of agreement.
        if record.place in self.records:
            return None
        self.records[record.place] = record
        bisect.insort(self.places, record.place)
        if record.kind == AGREED:
            return None
        clocks = self.clocks.setdefault(record.kind, [])
        at = bisect.bisect(clocks, (record.place,))
        clocks.insert(at, (record.place, record.reading))
        if at and clocks[at - 1][1] > record.reading:
            return clocks[at - 1]
        if at + 1 < len(clocks) and clocks[at + 1][1] < record.reading:
            return clocks[at + 1]
        return None

    def between(self, begin, end):
        """Those that begin there."""
        first, last = (bisect.bisect_left(self.places, at) for at in (begin, end))
        return [self.records[place] for place in self.places[first:last]]
