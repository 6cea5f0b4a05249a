#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The judge of chaos between guests: reads what the applications logged.

A Judge is told, in the order in which it happened, of the lines of each member's
log (guest/streamer.c), and of what the harness did and saw. It knows no guest and no
file. What it finds is in .faults, as (kind, text):

  agreement   an instance got another value than before, or, in strict rounds, than an
              instance of another member
  once        an instance got an offset twice, or skipped one
  commit      who took over lacks values that were given (strict rounds), or that
              fsync confirmed (durable rounds), or has others
  unreported  two members are together that gave different values, and nobody said so
  spread      a member that gave other values went on with the other's
  memory      a member uses more than it may
  state       an error or a report that must not be

In strict rounds (commit=sync, and who is gone on without is outdated or dead before)
nobody may ever differ. In durable ones (async) what fsync confirmed must survive.
In all others members may differ, but it must be reported before it spreads: a copy
that gave other values gets no value of the common life until it is resynced.

Run as a program, it plants a violation of each kind, and must find it.
"""

import errno
import sys

# So many equal bytes are no coincidence.
SAME = 8

# What read(2) and fsync(2) may say; in strict rounds nobody is diverged.
ERRORS = {errno.EPIPE, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.ENODEV, errno.ENOMEM}
STRICT_ERRORS = ERRORS - {errno.ESTALE}


class Book:
    """Values of a stream by offset, as far as they are known."""

    def __init__(self):
        self.value = bytearray()
        self.known = bytearray()

    @property
    def end(self):
        return len(self.value)

    def write(self, offset, data):
        """(offset of the first that differs from what was known or None, how many were known)"""
        end = offset + len(data)
        if end > self.end:
            more = end - self.end
            self.value += bytes(more)
            self.known += bytes(more)
        known = self.known[offset:end]
        count = known.count(1)
        if count and (count < len(data) or self.value[offset:end] != data):
            bad = next((offset + i for i, k in enumerate(known)
                        if k and self.value[offset + i] != data[i]), None)
            for i, k in enumerate(known):
                if not k:
                    self.value[offset + i] = data[i]
        else:
            bad = None
            self.value[offset:end] = data
        self.known[offset:end] = b"\1" * len(data)
        return bad, count

    def runs(self, begin, end):
        """[(offset, values)] of all that is known from @begin to @end"""
        while (begin := self.known.find(1, begin, end)) >= 0:
            stop = self.known.find(0, begin, end)
            stop = min(end, self.end) if stop < 0 else stop
            yield begin, self.value[begin:stop]
            begin = stop

    def compare(self, offset, data):
        """(the first that is known and differs, how many were compared)"""
        known = self.known[offset:offset + len(data)]
        count = known.count(1)
        if count == len(data) and self.value[offset:offset + len(data)] == data:
            return None, count
        return next((offset + i for i, k in enumerate(known)
                     if k and self.value[offset + i] != data[i]), None), count


def difference(one, other):
    """The first offset that both know, and differently; or None."""
    end = min(one.end, other.end)
    if one.value[:end] == other.value[:end] and one.known[:end] == other.known[:end]:
        return None
    for at in range(end):
        if one.known[at] and other.known[at] and one.value[at] != other.value[at]:
            return at
    return None


def meets(one, other, begin):
    """An offset, @begin or beyond, from which on both know the same; or None."""
    both = b"\1" * SAME
    for at in range(begin, min(one.end, other.end) - SAME + 1):
        where = slice(at, at + SAME)
        if (one.known[where] == both and other.known[where] == both
                and one.value[where] == other.value[where]):
            return at
    return None


class Judge:
    """See above."""

    def __init__(self, members, strict=True, durable=False):
        self.strict, self.durable_only = strict, durable
        self.all = {}                           # stream -> Book of what anybody got
        self.durable = {}                       # stream -> Book of what fsync confirmed
        self.own = {m: {} for m in members}     # member -> stream -> Book
        self.next = {m: {} for m in members}    # member -> stream -> offset
        self.confirmed = {m: {} for m in members}
        self.error = {m: {} for m in members}   # member -> stream -> errno of the last read
        self.reads = {}                         # (member, stream) -> how many
        self.parted = {}                        # (stream, member, member) -> first difference
        self.faults = []
        self.values = self.compared = self.audited = self.differed = self.fsyncs = 0

    def find(self, kind, text):
        self.faults.append((kind, text))

    # -- what the applications say ----------------------------------------------

    def line(self, member, line):
        """A line of a member's log."""
        word, *rest = line.split()
        stream = int(rest[0])
        if word == "r":
            self.delivered(member, stream, int(rest[1]), bytes.fromhex(rest[2]))
        elif word == "f":
            self.synced(member, stream, int(rest[1]), int(rest[2]))
        elif word == "e":
            self.failed(member, stream, int(rest[1]))
        elif word == "o":
            self.next[member][stream] = 0
            self.confirmed[member][stream] = 0
            self.error[member][stream] = None
        else:
            self.find("state", f"{member}: a line that nobody knows: {line[:40]}")

    def delivered(self, member, stream, offset, data):
        expected = self.next[member].get(stream, 0)
        if offset != expected:
            self.find("once", f"{member} stream {stream}: got {offset} after {expected}")
        self.next[member][stream] = offset + len(data)
        self.error[member][stream] = None
        self.values += len(data)
        self.reads[member, stream] = self.reads.get((member, stream), 0) + 1
        again, _ = self.own[member].setdefault(stream, Book()).write(offset, data)
        if again is not None:
            self.find("agreement", f"{member} stream {stream}: got another value than before "
                                   f"at {again}")
        bad, count = self.all.setdefault(stream, Book()).write(offset, data)
        self.compared += count
        if bad is not None:
            self.differed += 1
            if self.strict:
                self.find("agreement", f"{member} stream {stream}: got another value than others "
                                       f"at {bad} (of {offset}+{len(data)})")
        if not self.strict and again is None:
            self._look_for_spread(member, stream, offset, data)

    def _look_for_spread(self, member, stream, offset, data):
        own = self.own[member][stream]
        for other, books in self.own.items():
            if other == member or stream not in books:
                continue
            key = (stream, *sorted((member, other)))
            bad, _ = books[stream].compare(offset, data)
            if bad is not None and bad < self.parted.get(key, bad + 1):
                self.parted[key] = bad
                begin = bad
            elif key in self.parted and offset + len(data) > self.parted[key]:
                begin = max(offset, self.parted[key])
            else:
                continue
            found = meets(own, books[stream], begin)
            if found is not None:
                self.find("spread", f"stream {stream}: {member} and {other} differ at "
                                    f"{self.parted[key]}, and are the same again at {found}")

    def synced(self, member, stream, end, error):
        if error:
            self._error(member, stream, "fsync", error)
            if error == errno.ENOTCONN:
                # Told once: it does not say what became of these.
                self.confirmed[member][stream] = end
            return
        self.fsyncs += 1
        if not self.durable_only:
            return
        own = self.own[member].get(stream, Book())
        durable = self.durable.setdefault(stream, Book())
        for at, data in own.runs(self.confirmed[member].get(stream, 0), end):
            bad, _ = durable.write(at, data)
            if bad is not None:
                self.find("commit", f"{member} stream {stream}: fsync confirmed another value at "
                                    f"{bad} than before")
                break
        self.confirmed[member][stream] = end

    def failed(self, member, stream, error):
        self.error[member][stream] = error
        self._error(member, stream, "read", error)

    def _error(self, member, stream, what, error):
        if error not in (STRICT_ERRORS if self.strict else ERRORS):
            self.find("state", f"{member} stream {stream}: {what} says "
                               f"{errno.errorcode.get(error, error)}")

    # -- what the harness did and saw -------------------------------------------

    def forget(self, member):
        """It has lost its memory, or has thrown away what it gave."""
        for of in (self.own, self.confirmed):
            of[member].clear()
        self.parted = {k: v for k, v in self.parted.items() if member not in k[1:]}

    def position(self, member, stream, offset):
        """An instance is put there."""
        self.next[member][stream] = offset

    def needed(self):
        """{stream: up to where who takes over now must store it}"""
        books = self.durable if self.durable_only else self.all if self.strict else {}
        return {stream: book.end for stream, book in books.items()}

    def took_over(self, member, needed, heads):
        """A member was promoted without force. @heads: {stream: end of what it stores}"""
        for stream, end in needed.items():
            if heads.get(stream, 0) < end:
                self.find("commit", f"{member} stream {stream}: took over with "
                                    f"{heads.get(stream, 0)} bytes, {end} were given")

    def stores(self, member, stream, offset, data):
        """Of what it stores it showed so much."""
        book = (self.durable if self.durable_only else self.all).get(stream, Book())
        bad, count = book.compare(offset, data)
        self.audited += count
        if bad is not None and (self.strict or self.durable_only):
            self.find("commit", f"{member} stream {stream}: took over with another value at {bad}")

    def together(self, members, reported):
        """These are together again; of @reported somebody said that they are diverged."""
        members = [m for m in members if m not in reported]
        for number, one in enumerate(members):
            for other in members[number + 1:]:
                for stream in self.own[one].keys() & self.own[other].keys():
                    at = difference(self.own[one][stream], self.own[other][stream])
                    if at is not None:
                        self.find("unreported", f"stream {stream}: {one} and {other} are "
                                                f"together, but gave other values at {at}")

    def diverged(self, member):
        """It was reported as diverged, or its health is that word."""
        if self.strict:
            self.find("state", f"{member} is diverged")

    def memory(self, member, used, most):
        if used > most:
            self.find("memory", f"{member}: {used} bytes of memory, {most} allowed")


# -- its own test -----------------------------------------------------------------

A, B = bytes(range(1, 101)), bytes(range(101, 201))


def read(stream, offset, data):
    return f"r {stream} {offset} {data.hex()}"


def judged(strict=True, durable=False):
    """A judge that has seen a and b get the same."""
    judge = Judge("abc", strict, durable)
    for member in "ab":
        judge.line(member, "o 0")
        judge.line(member, read(0, 0, A[:60]))
    return judge


def plants():
    """(kind, judge that must have found it), and with None: all is well."""
    judge = judged()
    judge.line("a", read(0, 60, A[60:]))
    judge.line("b", read(0, 60, A[60:80]))
    judge.line("b", "f 0 80 0")
    judge.line("b", f"e 0 {errno.EPIPE}")
    judge.position("b", 0, 90)
    judge.line("b", read(0, 90, A[90:]))
    judge.took_over("b", judge.needed(), {0: 100})
    judge.stores("b", 0, 0, A + B)
    judge.together("ab", ())
    judge.memory("a", 5, 5)
    yield None, "all is well", judge

    judge = judged()
    judge.line("a", read(0, 60, A[60:]))
    judge.line("b", read(0, 60, A[60:70] + B[:1]))
    yield "agreement", "another value than the other member's", judge

    judge = judged(strict=False)
    judge.position("a", 0, 10)
    judge.line("a", read(0, 10, B[:1]))
    yield "agreement", "another value than before", judge

    for offset, what in ((59, "twice"), (61, "skipped")):
        judge = judged()
        judge.line("a", read(0, offset, A[offset:]))
        yield "once", what, judge

    judge = judged()
    judge.took_over("b", judge.needed(), {0: 59})
    yield "commit", "lacks a value", judge
    judge = judged()
    judge.took_over("b", judge.needed(), {})
    yield "commit", "lacks a stream", judge
    judge = judged()
    judge.stores("b", 0, 50, A[50:59] + B[:1])
    yield "commit", "stores another value", judge

    for confirmed in (False, True):
        judge = judged(strict=False, durable=True)
        if confirmed:
            judge.line("a", "f 0 60 0")
        judge.took_over("b", judge.needed(), {0: 59})
        yield "commit" if confirmed else None, "fsync confirmed it", judge
    judge = judged(strict=False, durable=True)
    judge.line("a", read(0, 60, A[60:]))
    judge.line("a", "f 0 100 0")
    judge.line("b", read(0, 60, B[:40]))
    judge.line("b", "f 0 100 0")
    yield "commit", "fsync confirmed two values", judge

    for reported in ((), ("a",)):
        judge = judged(strict=False)
        judge.line("a", read(0, 60, A[60:]))
        judge.line("b", read(0, 60, B[:40]))
        judge.together("ab", reported)
        yield None if reported else "unreported", "different, and together", judge

    for resynced in (False, True):
        judge = judged(strict=False)
        judge.line("a", read(0, 60, A[60:80]))
        judge.line("b", read(0, 60, B[:40]))
        if resynced:
            judge.forget("a")
        judge.line("a", read(0, 80, B[20:40]))
        yield None if resynced else "spread", "different, and together again", judge
    judge = judged(strict=False)
    judge.line("a", read(0, 60, A[60:70] + B[10:20]))
    judge.line("b", read(0, 60, B[:40]))
    yield "spread", "different, and the same before it was known", judge

    judge = judged()
    judge.line("a", f"e 0 {errno.ESTALE}")
    yield "state", "ESTALE in a strict round", judge
    judge = judged(strict=False)
    judge.line("a", f"e 0 {errno.ESTALE}")
    yield None, "ESTALE in another", judge
    judge = judged(strict=False)
    judge.line("a", f"f 0 60 {errno.EIO}")
    yield "state", "an error that must not be", judge
    judge = judged()
    judge.diverged("a")
    yield "state", "diverged in a strict round", judge
    judge = judged()
    judge.memory("a", 6, 5)
    yield "memory", "too much memory", judge


def selftest():
    """Raises AssertionError unless each planted violation is found, and nothing else."""
    found = set()
    for kind, what, judge in plants():
        kinds = {k for k, _ in judge.faults}
        assert kinds == ({kind} if kind else set()), f"{what}: {judge.faults}, not {kind}"
        found |= kinds
    return found


if __name__ == "__main__":
    print("found:", *sorted(selftest()))
    sys.exit(0)
