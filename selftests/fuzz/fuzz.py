#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Fuzzers of ndval in a guest with the debug kernel ('make fuzz').

  fuzz.py [TARGET..] [--time=SECONDS] [--replay] [--tap] [--keep]

  netlink   requests to the family, well made and not
  link      what a peer sends: to a primary, to a secondary, before and after HELLO
  calls     open, bind, read, poll, close of several threads on several pairs

  --time=N  fuzz each target for N seconds (600); with --tap, all together
  --replay  only run the corpus
  --tap     for the test suite: results as TAP, the tree's corpus is left alone
  --keep    leave the tree's corpus alone
  --record  make first inputs anew from real traffic (record.sh), add them
  --top=DIR the module of another tree: to see that a mistake in it is found

libFuzzer makes the inputs, and is led by the lines of ndval.ko that they run
(kcov.c).  It starts from corpus/TARGET/, which record.c made from real traffic
and fuzzing made better; what is new is merged into it at the end.  A complaint
of the kernel (KASAN, lockdep, a warning: all are a panic here), a promise that
the module broke, or a hang is a finding: findings/TARGET-TIME/ gets the guest's
log, what its tasks and locks were at, and the last inputs before it.  They are the
regression test of its fix: put the shortest that does it into the corpus.

  fuzz.py TARGET --replay FILE..    runs these inputs, in this order
"""

import argparse
import contextlib
import hashlib
import io
import re
import shutil
import signal
import struct
import subprocess
import sys
import tarfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(TOP / "selftests/vm"), str(TOP / "selftests")]

# pylint: disable=wrong-import-position
import build        # noqa: E402
import coverage     # noqa: E402
import kernels      # noqa: E402
import vm           # noqa: E402

TARGETS = ("netlink", "link", "calls")
LIBFUZZER = "/usr/lib/llvm-14/lib/libFuzzer.a"
CORPUS = HERE / "corpus"
FINDINGS = HERE / "findings"
OUT = build.BUILD / "fuzz"
INTERVAL = 20           # seconds between two looks at what is new
INPUT_MAX = 2560         # bytes

# kmemleak takes most of the time; what ndval forgets is missed when it is removed.
# A line on the console costs more than an input: what has no place there is shown
# again by a panic, and lockdep, which does not panic, is asked.
CMDLINE = "kmemleak=off loglevel=4 panic_print=0x20 log_buf_len=4M"
LOCKDEP = "grep -q 'debug_locks: *1$' /proc/lockdep_stats || { dmesg; exit 1; }"
# Of every lock, task and workqueue: a hang tells itself there.
STATE = ("dmesg -C; for key in d t; do echo $key >/proc/sysrq-trigger; done; dmesg;"
         "ndvalctl status; ndvalctl link list")
SLOT = struct.Struct("<QQ")
SLOT_SIZE = 16384       # as kcov.c has it
OPTIONS = (f"-max_len={INPUT_MAX} -len_control=0 -timeout=100 -rss_limit_mb=0 "
           "-detect_leaks=0 -reload=0 -print_final_stats=1 -artifact_prefix=/fuzz/found/")


def program(name):
    """Compiles a fuzzer; the instrumentation that counts is the kernel's."""
    flags = ["-D_GNU_SOURCE", f"-I{TOP / 'uapi'}", f"-I{HERE}", "-pthread"]
    more = [HERE / "kcov.c", HERE / "message.c", TOP / "selftests/guest/peer.c",
            TOP / "tools/lib/nl.c"]
    libs = [*map(str, more), LIBFUZZER, "-lmnl", "-lstdc++", "-lm"]
    headers = [*more, *HERE.glob("*.h"), *(TOP / "selftests/guest").glob("*.h"),
               *(TOP / "driver").glob("*_gen.h")]
    return build.program(HERE / f"{name}.c", f"fuzz/{name}", flags, libs, headers)


def module(top):
    name = None if top == TOP else "fuzz-other-tree"
    return build.module(kernels.get("debug"), top, name)


class Result:
    """What a target did."""

    def __init__(self, name):
        self.name = name
        self.replayed = self.executions = self.seconds = 0
        self.features = self.points = 0
        self.lines = None       # the share that ran
        self.new = 0
        self.finding = None

    def row(self):
        speed = self.executions / self.seconds if self.seconds else 0
        lines = "-" if self.lines is None else f"{self.lines:.1%}"
        return (f"{self.name:8} {self.replayed:8} {self.executions:10} {speed:8.1f} "
                f"{self.features:9} {self.points:7} {lines:>7} {self.new:5} "
                f"{self.finding or '-'}")

    HEAD = (f"{'target':8} {'replayed':>8} {'executions':>10} {'exec/s':>8} {'features':>9} "
            f"{'points':>7} {'lines':>7} {'new':>5} finding")


class Fuzzing:
    """A guest, and the targets one after the other in it."""

    def __init__(self, targets, inputs=(), top=TOP):
        self.dir = OUT / f"run-{int(time.time())}"
        self.dir.mkdir(parents=True)
        self.last = self.dir / "last"       # inputs, see kcov.c
        self.last.write_bytes(bytes(1 << 20))
        files = {f"/fuzz/{t}": program(t) for t in (*targets, "record")}
        files["/fuzz/record.sh"] = HERE / "record.sh"
        for target in targets:
            for number, path in enumerate(inputs or sorted((CORPUS / target).glob("*"))):
                files[f"/fuzz/corpus/{target}/{number:05}"] = path.read_bytes()
        self.in_order = "/*" if inputs else ""      # else it sorts them by size
        self.guest = vm.Guest(
            "fuzz", "debug", logs=self.dir, files=files, memory=768, lifetime=1 << 20, icount=True,
            cmdline=CMDLINE, ndval=module(top), qemu=(
                "-object", f"memory-backend-file,id=last,share=on,mem-path={self.last},size=1M",
                "-device", "ivshmem-plain,memdev=last"))

    def close(self):
        self.guest.kill()

    def _ready(self, target):
        if not self.guest.running:
            self.guest.kill()
            self.guest.checked = self.guest.log.stat().st_size if self.guest.log.exists() else 0
            self.guest.start()
        with open(self.last, "r+b") as last:    # the guest has it mapped
            last.write(bytes(1 << 20))
        self.guest.sh("for d in /sys/bus/pci/devices/*; do"
                      "  if [ $(cat $d/vendor)$(cat $d/device) = 0x1af40x1110 ]; then"
                      "    echo 1 >$d/enable; ln -sf $d/resource2 /fuzz/shared;"
                      "  fi;"
                      "done; [ -e /fuzz/shared ] || exit 1;"
                      f"mkdir -p /fuzz/corpus/{target} /fuzz/new/{target} /fuzz/found;"
                      "rm -f /fuzz/found/*; echo 1 >/sys/kernel/debug/gcov/reset;"
                      "dmesg -n 4; modprobe ndval host=fuzz")

    def _spawn(self, target, arguments):
        """Starts a fuzzer; what it says goes on to a file."""
        said = open(self.dir / f"{target}.said", "ab")  # pylint: disable=consider-using-with
        job = self.guest.spawn(f"cd /fuzz && exec ./{target} {OPTIONS} {arguments} 2>&1")
        job.close()

        def take(piece):
            said.write(piece)
            said.flush()

        job.on_output = take
        return job

    def _wait(self, job, result, seconds, limit=600):
        """Looks at the guest from time to time until the fuzzer has ended.

        After @seconds it is told to: the guest's own clock counts instructions.
        """
        start = time.monotonic()
        told = False
        while job.running and time.monotonic() < start + seconds + limit:
            if not told and time.monotonic() >= start + seconds:
                job.kill(signal.SIGUSR1)
                told = True
            self.guest.agent.wait_for(lambda: job.rc is not None,
                                      min(INTERVAL, max(start + seconds - time.monotonic(), 1))
                                      / self.guest.kernel.slower)
            self.look()
            self.collect(result)
            self._count(result)
        if job.running:
            raise self.guest.failure(f"{result.name}: hangs", hung=True)
        if job.rc:
            raise self.guest.failure(f"{result.name}: exit {job.rc}\n"
                                     + bytes(job.out)[-2000:].decode(errors="replace"))

    def look(self):
        """Raises Failure if the kernel has complained, but goes on."""
        self.guest.check_log()
        self.guest.run(LOCKDEP, check=True)

    def collect(self, result):
        """Copies what the fuzzer has found worth keeping out of the guest."""
        target = self.dir / result.name
        self._fetch(f"/fuzz/new/{result.name}", target)
        if target.is_dir():
            result.new = sum(1 for _ in target.iterdir())

    def _fetch(self, path, into):
        tar = self.guest.run(f"cd {path} && tar c . 2>/dev/null").out
        into.mkdir(exist_ok=True)
        with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
            for entry in archive:
                if entry.isfile() and not (into / Path(entry.name).name).exists():
                    (into / Path(entry.name).name).write_bytes(archive.extractfile(entry).read())

    def _count(self, result):
        """What kcov.c says of the inputs since the fuzzer was started, and of all."""
        inputs, points = SLOT.unpack_from(self.last.read_bytes())
        result.points = max(result.points, points)
        return inputs

    def replay(self, result):
        """Runs the corpus alone; fuzz() begins with it."""
        job = self._spawn(result.name, f"-runs=0 /fuzz/corpus/{result.name}{self.in_order}")
        self._wait(job, result, 600)
        result.replayed = self._count(result)

    def fuzz(self, result, seconds):
        job = self._spawn(result.name, f"/fuzz/new/{result.name} /fuzz/corpus/{result.name}")
        job.expect(r"\sINITED\s", timeout=600)   # it has run the corpus
        self.look()
        before = result.replayed = self._count(result)
        start = time.monotonic()
        try:
            self._wait(job, result, seconds)
        finally:
            result.seconds = time.monotonic() - start
            result.executions = self._count(result) - before
            found = re.findall(r" ft: (\d+)", bytes(job.out).decode(errors="replace"))
            result.features = int(found[-1]) if found else 0

    def merge(self, result):
        """The smallest corpus that does what the old one and the new inputs do."""
        name = result.name
        job = self._spawn(name, f"-merge=1 /fuzz/merged /fuzz/corpus/{name} /fuzz/new/{name}")
        job.wait(900, check=True)
        merged = self.dir / f"{name}-merged"
        self._fetch("/fuzz/merged", merged)
        replace_corpus(name, merged)

    def lines(self, result):
        """The share of driver/'s lines that ran."""
        counts = self.dir / f"{result.name}-counts"
        counts.mkdir()
        self.guest.hand_over_counts(counts)
        coverage.OUT, coverage.COUNTS = self.dir, counts
        try:
            ran = coverage.read(coverage.add_up())
        except subprocess.CalledProcessError:
            return              # the tree's module was built again since
        result.lines = coverage.share(entry for name, entries in ran.items()
                                      if name.startswith("driver/")
                                      for entry in entries.values())

    def run(self, result, seconds, replay_only, merge):
        """One target, from loading the module to its removal."""
        try:
            self._ready(result.name)
            self.guest.sh("mkdir -p /fuzz/merged; rm -f /fuzz/merged/*")
            if replay_only:
                self.replay(result)
            else:
                self.fuzz(result, seconds)
            self.collect(result)
            self.lines(result)
            if merge:
                self.merge(result)
            self.look()
            self.guest.sh("dmesg -n 7")
            self.guest.verdict()
        except vm.Failure as failure:
            result.finding = self.save(result, failure)

    def record(self):
        """Adds what real traffic is made of to the tree's corpus."""
        for target in TARGETS:
            self._ready(target)
            self.guest.verdict()
        self.guest.sh("modprobe ndval host=fuzz && /fuzz/record.sh", timeout=200)
        for target in TARGETS:
            recorded = self.dir / f"{target}-recorded"
            self._fetch(f"/fuzz/new/{target}", recorded)
            print(f"{target}: {add_to_corpus(target, recorded)} inputs")
        self.guest.verdict()

    def save(self, result, failure):
        """A finding: what the guest said and the last inputs, in order."""
        where = FINDINGS / f"{result.name}-{time.strftime('%H%M%S')}"
        where.mkdir(parents=True)
        (where / "why").write_text(str(failure), encoding="utf-8")
        if self.guest.running:
            with contextlib.suppress(vm.Failure):
                self._fetch("/fuzz/found", where)
                (where / "state").write_bytes(self.guest.run(STATE).out)
        shutil.copy(self.guest.log, where / "log")
        for number, data in self.last_inputs():
            (where / f"input-{number:08}").write_bytes(data)
        self.guest.kill()
        return where.relative_to(TOP)

    def last_inputs(self):
        memory = self.last.read_bytes()
        slots = []
        for start in range(SLOT_SIZE, len(memory), SLOT_SIZE):
            number, size = SLOT.unpack_from(memory, start)
            if number and size <= SLOT_SIZE - SLOT.size:
                data = memory[start + SLOT.size:start + SLOT.size + size]
                slots.append((number, data))
        return sorted(slots)[-16:]


def add_to_corpus(name, directory):
    """Adds inputs to the tree's corpus, named by their content; returns how many."""
    target = CORPUS / name
    target.mkdir(parents=True, exist_ok=True)
    added = set()
    for path in directory.iterdir():
        data = path.read_bytes()
        added.add(hashlib.sha1(data).hexdigest()[:16])
        (target / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)
    return len(added)


def replace_corpus(name, merged):
    """The tree's corpus is what was merged."""
    if any(merged.iterdir()):
        shutil.rmtree(CORPUS / name, ignore_errors=True)
        add_to_corpus(name, merged)


def tap(results, replay_only):
    """Prints results as TAP; False if one is not ok."""
    checks = []
    for r in results:
        checks.append((r.replayed and r.points, f"{r.name}: the corpus, {r.replayed} inputs"))
        if not replay_only:
            checks.append((r.executions and r.points,
                           f"{r.name}: fuzzed for {r.seconds:.0f} s, {r.executions} executions, "
                           f"{r.points} places of the module"))
        checks.append((not r.finding, f"{r.name}: no findings" if not r.finding else
                       f"{r.name}: finding in {r.finding}"))
    print(f"1..{len(checks)}")
    for number, (good, text) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} {text}")
    return all(good for good, _ in checks)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="TARGET", help=", ".join(TARGETS))
    parser.add_argument("--time", type=int, default=600)
    parser.add_argument("--replay", action="store_true")
    parser.add_argument("--tap", action="store_true")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--record", action="store_true")
    parser.add_argument("--top", type=Path, default=TOP)
    args = parser.parse_intermixed_args()
    targets = [w for w in args.words if w in TARGETS] or list(TARGETS)
    inputs = [Path(w) for w in args.words if w not in TARGETS]
    for path in inputs:
        if not path.is_file():
            parser.error(f"'{path}' is neither a target nor a file")
    vm.quit_on_signals()
    seconds = args.time // (len(targets) if args.tap else 1)
    results = [Result(t) for t in targets]
    fuzzing = Fuzzing(targets, inputs, args.top)
    try:
        if args.record:
            fuzzing.record()
            return 0
        for result in results:
            fuzzing.run(result, seconds, args.replay, not (args.tap or args.replay or args.keep))
            if not args.tap:
                print(*([Result.HEAD] if result is results[0] else []), result.row(), sep="\n",
                      flush=True)
    finally:
        fuzzing.close()
    if args.tap:
        return 0 if tap(results, args.replay) else 1
    return 1 if any(r.finding for r in results) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (build.Error, kernels.Error, subprocess.SubprocessError) as error:
        sys.exit(f"fuzz: {error}")
