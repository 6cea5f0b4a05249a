# SPDX-License-Identifier: GPL-2.0-only
"""The judge of chaos between guests: reads what the applications logged.

A Judge is told, in the order in which it happened, of the lines of each member's
log (guest/streamer.c), and of what the harness did and saw. It knows no guest and no
file. What it finds is in .faults, as (kind, text):

  agreement   an instance got another value than before, or, in strict rounds, than an
              instance of another member; or a value was agreed on that nobody offered
  once        an instance got an offset twice, or skipped one
  commit      who took over lacks values that were given (strict rounds), or that
              fsync confirmed (durable rounds), or has others
  unreported  two members are together that gave different values, and nobody said so
  spread      a member that gave other values went on with the other's
  time        a reading of a clock is below one at an earlier place of the journal
  memory      a member uses more than it may
  state       an error or a report that must not be

In strict rounds (commit=sync, and who is gone on without is outdated or dead before)
nobody may ever differ. In durable ones (async) what fsync confirmed must survive.
In all others members may differ, but it must be reported before it spreads: a copy
that gave other values gets no value of the common life until it is resynced.

The records of a stream's journal are judged as its bytes are, see chaos_journal.py.
Readings of a clock must be in order in strict rounds whoever got them, in durable ones
as far as fsync confirmed them, and in all rounds as far as one member got them, until
it was resynced.

chaos_plants.py plants a violation of each kind, which must be found.
"""

import errno

from chaos_journal import AGREED, KINDS, History, agreed, clock, journal, offer

# So many equal bytes are no coincidence; nor are more than two equal readings.
SAME = 8
SAME_RECORDS = 136

# What read(2) and fsync(2) may say; in strict rounds nobody is diverged.
ERRORS = {errno.EPIPE, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.ENODEV, errno.ENOMEM}
STRICT_ERRORS = ERRORS - {errno.ESTALE}

# Whose history it is, if not one member's: that of strict rounds, and of durable ones.
ALL, DURABLE = "all", "durable"


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


def meets(one, other, begin, same):
    """An offset, @begin or beyond, from which on both know @same equal bytes; or None."""
    both = b"\1" * same
    for at in range(begin, min(one.end, other.end) - same + 1):
        where = slice(at, at + same)
        if (one.known[where] == both and other.known[where] == both
                and one.value[where] == other.value[where]):
            return at
    return None


class Judge:
    """See above. What is called a stream may also be the journal() of one."""

    # pylint: disable=too-many-instance-attributes
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
        self.lives = set()                      # (member, life) that offered values
        self.histories = {}                     # (member or ALL or DURABLE, stream) -> History
        self.faults = []
        self.values = self.compared = self.audited = self.differed = self.fsyncs = 0
        self.records = self.readings_compared = self.agreed_compared = self.records_audited = 0

    def find(self, kind, text):
        self.faults.append((kind, text))

    # -- what the applications say ----------------------------------------------

    def line(self, member, line):
        """A line of a member's log."""
        word, *rest = line.split()
        stream = int(rest[0])
        if word == "r":
            self.read(member, stream, int(rest[1]), bytes.fromhex(rest[2]))
        elif word == "c":
            self.recorded(member, stream, clock(*(int(number) for number in rest[1:])))
        elif word == "a":
            self.recorded(member, stream, agreed(int(rest[1]), bytes.fromhex("".join(rest[2:]))))
        elif word == "f":
            self.synced(member, stream, int(rest[1]), int(rest[2]), int(rest[3]))
        elif word == "e":
            self.failed(member, stream, "read", int(rest[1]))
        elif word == "j":
            self.failed(member, journal(stream), "the journal", int(rest[1]))
        elif word == "o":
            for book in (stream, journal(stream)):
                self.next[member][book] = 0
                self.confirmed[member][book] = 0
                self.error[member][book] = None
        else:
            self.find("state", f"{member}: a line that nobody knows: {line[:40]}")

    def read(self, member, stream, offset, data):
        self.values += len(data)
        self.compared += self.delivered(member, stream, offset, data)

    def recorded(self, member, stream, record):
        """An instance got a record of the journal."""
        self.records += 1
        compared = self.delivered(member, journal(stream), record.place, record.image)
        if record.kind != AGREED:
            self.readings_compared += compared > 0
        else:
            self.agreed_compared += compared > 0
            if not any(record.data == offer(*life, record.place) for life in self.lives):
                self.find("agreement", f"{member} stream {stream}: agreed on what nobody offered "
                                       f"at {record.place}")
        self._belongs(member, stream, record, member)
        if self.strict:
            self._belongs(ALL, stream, record, member)

    def history(self, whose, stream):
        return self.histories.setdefault((whose, stream), History())

    def _belongs(self, whose, stream, record, member):
        """It is of this history: time does not run back there."""
        other = self.history(whose, stream).add(record)
        if other is not None:
            place, reading = other
            self.find("time", f"{member} stream {stream}: {KINDS[record.kind]} (times set, value) "
                              f"is {record.reading} at {record.place}, and {reading} at {place}")

    def delivered(self, member, stream, offset, data):
        """Returns how many somebody had got before."""
        expected = self.next[member].get(stream, 0)
        if offset != expected:
            self.find("once", f"{member} stream {stream}: got {offset} after {expected}")
        self.next[member][stream] = offset + len(data)
        self.error[member][stream] = None
        self.reads[member, stream] = self.reads.get((member, stream), 0) + 1
        again, _ = self.own[member].setdefault(stream, Book()).write(offset, data)
        if again is not None:
            self.find("agreement", f"{member} stream {stream}: got another value than before "
                                   f"at {again}")
        bad, count = self.all.setdefault(stream, Book()).write(offset, data)
        if bad is not None:
            self.differed += 1
            if self.strict:
                self.find("agreement", f"{member} stream {stream}: got another value than others "
                                       f"at {bad} (of {offset}+{len(data)})")
        if not self.strict and again is None:
            self._look_for_spread(member, stream, offset, data)
        return count

    def _look_for_spread(self, member, stream, offset, data):
        own = self.own[member][stream]
        same = SAME if isinstance(stream, int) else SAME_RECORDS
        for other, books in self.own.items():
            if other == member or stream not in books:
                continue
            key = (stream, *sorted((member, other)))
            bad, _ = books[stream].compare(offset, data)
            if bad is not None and bad < self.parted.get(key, bad + 1):
                self.parted[key] = bad
                begin = bad
            elif key in self.parted and offset + len(data) > self.parted[key]:
                begin = max(offset - same + 1, self.parted[key])
            else:
                continue
            found = meets(own, books[stream], begin, same)
            if found is not None:
                self.find("spread", f"stream {stream}: {member} and {other} differ at "
                                    f"{self.parted[key]}, and are the same again at {found}")

    def synced(self, member, stream, end, place, error):
        """fsync was called when the instance stood there, and there in the journal."""
        ends = {stream: end, journal(stream): place}
        if error:
            self._error(member, stream, "fsync", error)
            if error == errno.ENOTCONN:
                # Told once: it does not say what became of these.
                self.confirmed[member].update(ends)
            return
        self.fsyncs += 1
        if not self.durable_only:
            return
        begin = self.confirmed[member].get(journal(stream), 0)
        for record in self.history(member, stream).between(begin, place):
            self._belongs(DURABLE, stream, record, member)
        for book, stop in ends.items():
            self._confirm(member, book, stop)

    def _confirm(self, member, stream, end):
        own = self.own[member].get(stream, Book())
        durable = self.durable.setdefault(stream, Book())
        for at, data in own.runs(self.confirmed[member].get(stream, 0), end):
            bad, _ = durable.write(at, data)
            if bad is not None:
                self.find("commit", f"{member} stream {stream}: fsync confirmed another value at "
                                    f"{bad} than before")
                break
        self.confirmed[member][stream] = end

    def failed(self, member, stream, what, error):
        self.error[member][stream] = error
        self._error(member, stream, what, error)

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
        self.histories = {k: v for k, v in self.histories.items() if k[0] != member}

    def born(self, member, life):
        """An application begins that offers values of its own."""
        self.lives.add((member, life))

    def begins(self, stream, begin, end):
        """Places, from @begin to before @end, at which members know records."""
        return sorted({record.place for (_, of), history in self.histories.items()
                       if of == stream for record in history.between(begin, end)})

    def position(self, member, stream, offset):
        """An instance is put there; returns (next offset, error) as they were."""
        before = self.next[member].get(stream, 0), self.error[member].get(stream)
        self.next[member][stream] = offset
        if not isinstance(stream, int):
            # What it said before is no news of the new place.
            self.error[member][stream] = None
        return before

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

    def needed_records(self, stream, begin, end):
        """Those of them that begin there."""
        return self.history(DURABLE if self.durable_only else ALL, stream).between(begin, end)

    def stores(self, member, stream, offset, data):
        """Of what it stores it showed so much."""
        self.audited += self._stores(member, stream, offset, data)

    def stores_record(self, member, stream, record):
        self.records_audited += self._stores(member, journal(stream), record.place,
                                             record.image) > 0

    def _stores(self, member, stream, offset, data):
        book = (self.durable if self.durable_only else self.all).get(stream, Book())
        bad, count = book.compare(offset, data)
        if bad is not None and (self.strict or self.durable_only):
            self.find("commit", f"{member} stream {stream}: took over with another value at {bad}")
        return count

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
