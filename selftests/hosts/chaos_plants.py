#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The test of the judge of chaos between guests: each kind of violation is planted in
invented logs, and must be found, and nothing else.
"""

import errno
import itertools
import sys

from chaos_check import Judge
from chaos_journal import AGREED, CLOCK, KINDS, agreed, clock, journal, offer

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


def told(*records):
    """Lines of records of stream 0."""
    for record in records:
        if record.kind == AGREED:
            yield f"a 0 {record.place} {record.data.hex()}"
        else:
            value, more = CLOCK.unpack(record.data)
            yield f"c 0 {record.place} {record.kind} {value} {more}"


def tell(judge, member, *records):
    for line in told(*records):
        judge.line(member, line)


def one_after_another(*makers):
    """Records of which each begins where the last one ends."""
    records, place = [], 0
    for make in makers:
        records.append(make(place))
        place += records[-1].size
    return records


def reading(value, steps=0, kind="realtime"):
    return lambda place: clock(place, KINDS.index(kind), value, steps)


def offered(member, life):
    return lambda place: agreed(place, offer(member, life, place))


# The clock is set back, and another one has less.
RECORDS = one_after_another(reading(50), offered("b", 2), reading(40, 1), reading(40, 1),
                            reading(7, kind="monotonic"), offered("a", 1), offered("a", 1))
ENDS = [record.place + record.size for record in RECORDS]


def witnessed(strict=True, durable=False, count=4):
    """A judge that has seen a and b get the first of them."""
    judge = Judge("abc", strict, durable)
    judge.born("a", 1)
    judge.born("b", 2)
    for member in "ab":
        judge.line(member, "o 0")
        tell(judge, member, *RECORDS[:count])
    return judge


def record_plants():
    """As plants(), of journals."""
    journal_0, end = journal(0), ENDS[3]

    judge = witnessed()
    tell(judge, "a", *RECORDS[4:])
    judge.line("b", f"f 0 0 {end} 0")
    judge.line("b", f"j 0 {errno.EPIPE}")
    judge.position("b", journal(0), ENDS[4])
    tell(judge, "b", *RECORDS[5:])
    judge.took_over("b", judge.needed(), {journal_0: ENDS[-1]})
    for record in judge.needed_records(0, 0, ENDS[-1]):
        judge.stores_record("b", 0, record)
    judge.together("ab", ())
    assert judge.records_audited == len(RECORDS) and judge.records == 2 * len(RECORDS) - 1
    assert (judge.readings_compared, judge.agreed_compared) == (3, 3)
    yield None, "all is well with records", judge

    for strict in (True, False):
        judge = witnessed(strict)
        judge.position("a" if not strict else "c", journal(0), 0)
        tell(judge, "a" if not strict else "c", reading(51)(0))
        yield "agreement", "another reading", judge
    judge = witnessed()
    tell(judge, "a", RECORDS[4])
    tell(judge, "b", reading(7, kind="boottime")(end))
    yield "agreement", "the same reading of another clock", judge
    judge = witnessed(count=5)
    tell(judge, "a", RECORDS[5])
    tell(judge, "b", offered("b", 2)(ENDS[4]))
    yield "agreement", "both have what they offered", judge
    for data in (offer("a", 1, 8), offer("a", 2, end), offer("a", 1, end)[:-1], b"",
                 offer("a", 1, end) + b"a"):
        judge = witnessed()
        tell(judge, "a", agreed(end, data))
        yield "agreement", "nobody offered this", judge

    for record in (RECORDS[3], RECORDS[5]):
        judge = witnessed()
        tell(judge, "a", record)
        yield "once", "a record twice, or skipped", judge

    # A later place has less; of a's life, of another's, of one's that is put back.
    for strict in (True, False):
        judge = witnessed(strict)
        tell(judge, "a", reading(39, 1)(end))
        yield "time", "below its own", judge
        judge = witnessed(strict)
        tell(judge, "a", reading(60)(end))
        yield "time", "above its own, but set less often", judge
        judge = witnessed(strict)
        judge.forget("a")
        judge.forget("b")
        judge.position("c", journal(0), end)
        tell(judge, "c", reading(39, 1)(end))
        yield "time" if strict else None, "below another one's", judge
        judge = Judge("ab", strict)
        judge.position("a", journal(0), 64)
        tell(judge, "a", reading(40)(64))
        judge.position("a", journal(0), 0)
        tell(judge, "a", reading(41)(0))
        yield "time", "above its own at a later place", judge
    judge = witnessed(strict=False, durable=True)
    judge.line("a", f"f 0 0 {end} 0")
    judge.forget("a")
    judge.position("c", journal(0), end)
    tell(judge, "c", reading(39, 1)(end))
    judge.line("c", f"f 0 0 {end + 64} 0")
    yield "time", "below what fsync confirmed", judge

    judge = witnessed()
    judge.took_over("b", judge.needed(), {journal_0: ENDS[2]})
    yield "commit", "lacks a record", judge
    judge = witnessed()
    judge.took_over("b", judge.needed(), {})
    yield "commit", "lacks a journal", judge
    judge = witnessed()
    judge.stores_record("b", 0, reading(41, 1)(ENDS[1]))
    yield "commit", "stores another reading", judge
    for confirmed in (False, True):
        judge = witnessed(strict=False, durable=True)
        if confirmed:
            judge.line("a", f"f 0 0 {end} 0")
        judge.took_over("b", judge.needed(), {journal_0: ENDS[2]})
        yield "commit" if confirmed else None, "fsync confirmed records", judge
    judge = witnessed(strict=False, durable=True)
    for life, member in enumerate("ab", 1):
        tell(judge, member, offered(member, life)(end))
        judge.line(member, f"f 0 0 {judge.next[member][journal_0]} 0")
    yield "commit", "fsync confirmed two offers", judge

    for reported in ((), ("a",)):
        judge = witnessed(strict=False)
        tell(judge, "a", reading(50, 1)(end))
        tell(judge, "b", reading(51, 1)(end))
        judge.together("ab", reported)
        yield None if reported else "unreported", "different records, and together", judge

    for resynced in (False, True):
        judge = witnessed(strict=False)
        tell(judge, "a", reading(50, 1)(end))
        tell(judge, "b", reading(51, 1)(end))
        if resynced:
            judge.forget("a")
        for member in "ab":
            tell(judge, member, *one_after_another(
                *[lambda place: reading(60 + place, 1)(end + 64 + place)] * 3))
        yield None if resynced else "spread", "different records, and together again", judge
    judge = witnessed(strict=False)
    for member, value in (("a", 50), ("b", 51)):
        tell(judge, member, reading(value, 1)(end))
        tell(judge, member, reading(60, 1)(end + 64), reading(70, 1)(end + 128))
    yield None, "two equal readings, which may be", judge

    judge = witnessed()
    judge.line("a", f"j 0 {errno.ESTALE}")
    yield "state", "the journal says ESTALE in a strict round", judge
    judge = witnessed(strict=False)
    judge.line("a", f"j 0 {errno.EOPNOTSUPP}")
    yield "state", "the journal says what must not be", judge


def plants():
    """(kind, judge that must have found it), and with None: all is well."""
    judge = judged()
    judge.line("a", read(0, 60, A[60:]))
    judge.line("b", read(0, 60, A[60:80]))
    judge.line("b", "f 0 80 0 0")
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
            judge.line("a", "f 0 60 0 0")
        judge.took_over("b", judge.needed(), {0: 59})
        yield "commit" if confirmed else None, "fsync confirmed it", judge
    judge = judged(strict=False, durable=True)
    judge.line("a", read(0, 60, A[60:]))
    judge.line("a", "f 0 100 0 0")
    judge.line("b", read(0, 60, B[:40]))
    judge.line("b", "f 0 100 0 0")
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
    judge.line("a", f"f 0 60 0 {errno.EIO}")
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
    for kind, what, judge in itertools.chain(plants(), record_plants()):
        kinds = {k for k, _ in judge.faults}
        assert kinds == ({kind} if kind else set()), f"{what}: {judge.faults}, not {kind}"
        found |= kinds
    return found


if __name__ == "__main__":
    print("found:", *sorted(selftest()))
    sys.exit(0)
