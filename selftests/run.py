#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs all of ndval's tests ('make test') and says how many passed.

  run.py [-j N] [-l] [-t SECONDS] [-v] [PATTERN..]

  -j N   guests and checks at the same time (default: the number of processors)
  -l     only list the tests
  -t S   seconds that each test in guests may take, instead of its own limit
  -v     pass on everything that tests print

NDVAL_ROUNDS, NDVAL_REMOVALS, NDVAL_SEED and NDVAL_CHAOS_MODE in the environment go on
to tests in one guest that draw what they do at random.

PATTERN, or TESTS=PATTERN,.. in the environment, chooses tests whose name contains
it (shell wildcards may be used); KERNELS=6.12,6.1-generic chooses kernels, and leaves
out what needs none of them. The kcsan kernel is used only if it is chosen; its guests
have two processors.

Three kinds of tests, each known by its place:

  check/NAME.sh   a static check: exit 0 is a pass, 4 a skip
  guest/NAME.sh   runs in a guest, on every kernel it asks for; what it prints is
  guest/NAME.c    TAP, and its plan ('1..N') must be kept. ndval is loaded anew
                  for each and removed after it; what it left behind, leaked or
                  made the kernel complain about is a failure of that test
  hosts/test_*.py every function test_*(net) with a network of guests (vm/vm.py),
                  ndval loaded; an exception is a failure
  and the fuzzers, fuzz/fuzz.py, the benchmark, tools/bench/bench.py -t, and the harness'
  own tests, vm/selftest.py.

A test says what it needs in comments near its top, as 'vm: KEY=VALUE ..':

  flavours=6.1,6.12,debug kernels, one guest for each (guest/); these by default
  mix=6.1,6.12            kernels of guests a, b, .. (hosts/); given more than
                          once, the tests run with each mix
  debug=a                 (hosts/) the guest that has the debug kernel when the tests run
                          once more, the others 6.12, or b; instead: the tests run once, a
                          having it in the mix; no: none has. If KERNELS is debug alone all
                          guests have it, and leaks are looked for
  timeout=120             seconds (each function of hosts/); a slower kernel gets more
  mem=512  smp=1  icount=1  shared=MIB  vmgenid=GUID  qemu="ARGUMENTS"
  sanitize=6.12           with this kernel, the tools are built with ASan and UBSan
  programs=a,b            programs of this machine to take along
  modules=a,b             more kernel modules to take along
  modargs="a=1 b=2"       parameters for 'modprobe ndval'
  module=no               ndval is not loaded for this test
  knobs=1                 ndval is built with driver/knobs.h
  libs="-lx" cflags="-x"  for guest/NAME.c
  helper=yes              guest/NAME.c is no test, but a program that tests use
  sources=x.c,y.c         compiled with guest/NAME.c; paths from guest/

Tests that need the same guests share them, one after the other.  The last line
of the output is 'N passed, N failed'.  Logs are in build/logs/.
"""

import argparse
import atexit
import contextlib
import fnmatch
import importlib.util
import itertools
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
import traceback
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TOP / "selftests/vm"), str(TOP / "selftests/hosts")]

# pylint: disable=wrong-import-position
import build          # noqa: E402
import kernels        # noqa: E402
import vm             # noqa: E402
from guest import accelerator, end_all_guests  # noqa: E402

HERE = TOP / "selftests"
DEBUG, KCSAN = "debug", "kcsan"
# Starting a program is twice as fast then. In guest/ leaks are looked for always.
NO_KMEMLEAK = "kmemleak=off"
KSFT_SKIP = 4
CHECK_TIMEOUT = 1500
RUN_LIMIT = float(os.environ.get("NDVAL_RUN_LIMIT", 5300))
LIMIT = None            # option -t
# How many of the tests that took longest are named at the end.
SLOWEST = 30
PASSED_ON = ("NDVAL_ROUNDS", "NDVAL_REMOVALS", "NDVAL_SEED", "NDVAL_CHAOS_MODE")
ERRORS = (vm.Failure, build.Error, kernels.Error, subprocess.SubprocessError, OSError)


class Report:
    """Counts results and prints them, whole lines from any thread."""

    def __init__(self, verbose):
        self.verbose = verbose
        self.lock = threading.Lock()
        self.passed = self.failed = 0
        self.skips = []
        self.failures = []
        self.times = []

    def say(self, text):
        with self.lock:
            print(text, flush=True)

    def comment(self, text):
        self.say("".join(f"# {line}\n" for line in text.splitlines()).rstrip("\n"))

    def took(self, name, seconds):
        with self.lock:
            self.times.append((seconds, name))

    def ok(self, name, seconds=None):
        if seconds is not None:
            self.took(name, seconds)
        with self.lock:
            self.passed += 1
            print(f"ok {name}" + (f" # {seconds:.1f} s" if seconds is not None else ""),
                  flush=True)

    def skip(self, name, why):
        with self.lock:
            self.skips.append(f"{name}: {why}")
            print(f"ok {name} # SKIP {why}", flush=True)

    def fail(self, name, why=""):
        with self.lock:
            self.failed += 1
            self.failures.append(name)
            print(f"not ok {name}")
            for line in why.rstrip("\n").splitlines():
                print(f"#   {line}")
            sys.stdout.flush()

    def close(self, seconds):
        """The sums, after the tests that took longest."""
        for took, name in sorted(self.times, reverse=True)[:SLOWEST]:
            print(f"# {took:.0f} s: {name}")
        for name in self.skips:
            print(f"# skipped: {name}")
        for name in self.failures:
            print(f"# failed: {name}")
        print(f"# {seconds:.0f} s, {accelerator()}")
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 0 if self.passed and not self.failed else 1


class Needs:
    """What a test's head asks for."""

    LISTS = ("flavours", "programs", "modules", "sources")

    def __init__(self, path):
        self.mixes = []
        self.values = {}
        with open(path, encoding="utf-8", errors="replace") as file:
            head = [next(file, "") for _ in range(60)]
        for line in head:
            found = re.match(r"^\W*vm:\s+(\S+=.*)$", line)
            if not found:
                continue
            for word in shlex.split(found.group(1).replace("*/", "")):
                key, _, value = word.partition("=")
                if key == "mix":
                    self.mixes.append(tuple(value.split(",")))
                elif key in self.LISTS:
                    self.values[key] = self.values.get(key, ()) + tuple(value.split(","))
                else:
                    self.values[key] = value

    def get(self, key, default=None):
        return self.values.get(key, default)

    @property
    def timeout(self):
        return float(self.get("timeout", 120))

    def flavours(self, chosen):
        """Kernels of a test in one guest."""
        more = (KCSAN,) if KCSAN in chosen else ()
        return self.get("flavours", (*kernels.DEFAULT, DEBUG, *more))

    def all_mixes(self, chosen):
        """Kernels of a test on several hosts, for each time it runs."""
        mixes = self.mixes or [kernels.DEFAULT]
        named = any(flavour in kernels.BUILT for mix in mixes for flavour in mix)
        where = self.get("debug", "a")
        if named or where == "no":
            return mixes
        size = len(mixes[0])
        if set(chosen) == {DEBUG}:
            return [(DEBUG,) * size]
        if where == "instead":
            return mixes if chosen and DEBUG not in chosen else [(DEBUG, *mixes[0][1:])]
        more = [kernels.DEFAULT[-1]] * size
        more["abc".index(where)] = DEBUG
        return [*mixes, tuple(more)]

    def options(self):
        """For Guest: what must be the same for tests to share one."""
        options = {}
        if self.get("mem"):
            options["memory"] = int(self.get("mem"))
        if self.get("smp"):
            options["smp"] = int(self.get("smp"))
        if self.get("icount"):
            options["icount"] = self.get("icount") != "0"
        if self.get("shared"):
            options["shared"] = int(self.get("shared"))
        if self.get("knobs"):
            options["knobs"] = True
        if self.get("vmgenid"):
            options["vmgenid"] = self.get("vmgenid")
        if self.get("cmdline"):
            options["cmdline"] = self.get("cmdline")
        if self.get("qemu"):
            options["qemu"] = tuple(shlex.split(self.get("qemu")))
        for key in ("programs", "modules", "sanitize"):
            if self.get(key):
                options[key] = self.get(key)
        return options


def slowest(flavours):
    return max(kernels.SLOWER.get(flavour, 1) for flavour in flavours)


def wanted(patterns, *names):
    return not patterns or any(p in n or fnmatch.fnmatch(n, p) for p in patterns for n in names)


# -- static checks --------------------------------------------------------------

CHILDREN = set()


@atexit.register
def _end_children():
    for process in list(CHILDREN):
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)


class Check:
    """One script of check/."""

    weight = length = 1
    flavours = frozenset()

    def __init__(self, path):
        self.path = path
        self.name = f"check {path.stem}"

    def run(self, report):
        start = time.monotonic()
        env = dict(os.environ, NDVAL_CACHE=str(kernels.cache()),
                   NDVAL_LINUX_SOURCE=str(kernels.source()), PYTHON="/usr/bin/python3")
        with subprocess.Popen([str(self.path)], cwd=TOP, env=env, text=True, errors="replace",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, start_new_session=True) as process:
            CHILDREN.add(process)
            try:
                out, _ = process.communicate(timeout=CHECK_TIMEOUT)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                out = f"still running after {CHECK_TIMEOUT} s"
        CHILDREN.discard(process)
        if process.returncode == 0:
            report.ok(self.name, time.monotonic() - start)
        elif process.returncode == KSFT_SKIP:
            report.skip(self.name, out.strip().splitlines()[-1] if out.strip() else "")
        else:
            lines = out.splitlines()
            if len(lines) > 60:
                lines = [*lines[:40], f".. {len(lines) - 60} more lines ..", *lines[-20:]]
            report.fail(self.name, "\n".join(lines))


class Program:
    """A test that is a program with guests of its own and prints TAP."""

    def __init__(self, name, command, flavours=(), weight=1, length=1):
        self.name, self.command, self.weight, self.length = name, command, weight, length
        self.flavours = frozenset(flavours)

    def run(self, report):
        with subprocess.Popen([sys.executable, *self.command], cwd=HERE, text=True,
                              errors="replace", stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              start_new_session=True) as process:
            CHILDREN.add(process)
            timer = threading.Timer(2400, lambda: os.killpg(process.pid, signal.SIGTERM))
            timer.start()
            tap = Tap(report, self.name)
            for line in process.stdout:
                tap.line(line.rstrip("\n"))
            process.wait()
            timer.cancel()
        CHILDREN.discard(process)
        tap.end(process.returncode)


def programs():
    return (Program("fuzz", ["fuzz/fuzz.py", "--tap", "--time=60"], (DEBUG,), length=30),
            Program("bench", ["../tools/bench/bench.py", "-t"], ("6.12",), length=10),
            Program("vm selftest", ["vm/selftest.py"], weight=2))


# -- tests in one guest -----------------------------------------------------------

class Tap:
    """Reads a test's output, counts its results, holds it to its plan."""

    RESULT = re.compile(r"^(ok|not ok)\b\s*(\d*)\s*-?\s*(.*)$")

    def __init__(self, report, prefix):
        self.report, self.prefix = report, prefix
        self.plan = None
        self.results = 0
        self.failed = 0
        self.skip_all = None
        self.said = []          # what was printed since the last result
        self.rest = b""
        self.lines = []

    def feed(self, data):
        *lines, self.rest = (self.rest + data).split(b"\n")
        for line in lines:
            self.line(line.decode(errors="replace").rstrip("\r"))

    def line(self, line):
        self.lines.append(line)
        plan = re.match(r"^1\.\.(\d+)\s*(?:#\s*SKIP\s*(.*))?$", line, re.I)
        result = self.RESULT.match(line)
        if plan:
            self.plan = int(plan.group(1))
            self.skip_all = plan.group(2) or ("" if self.plan == 0 else None)
        elif result:
            self._result(*result.groups())
        else:
            self.said.append(line)
            if self.report.verbose:
                self.report.comment(f"{self.prefix}| {line}")

    def _result(self, word, _number, text):
        self.results += 1
        text, _, directive = text.partition("#")
        name = f"{self.prefix}: {text.strip() or self.results}"
        if word == "ok" and directive.strip().upper().startswith("SKIP"):
            self.report.skip(name, directive.strip()[4:].strip())
        elif word == "ok" or directive.strip().upper().startswith("XFAIL"):
            self.report.ok(name)
        else:
            self.failed += 1
            self.report.fail(name, "\n".join(self.said[-30:]))
        self.said = []

    def end(self, rc):
        """After the last line, with the exit status."""
        if self.rest:
            self.feed(b"\n")
        tail = "\n".join(self.lines[-30:])
        if self.plan == 0 and not self.results:
            self.report.skip(self.prefix, self.skip_all or "")
        elif self.plan is None:
            self.report.fail(f"{self.prefix}: printed no plan (1..N); exit {rc}", tail)
        elif self.plan != self.results:
            self.report.fail(f"{self.prefix}: {self.results} results of {self.plan} planned; "
                             f"exit {rc}", tail)
        elif rc not in (0, KSFT_SKIP) and not self.failed:
            self.report.fail(f"{self.prefix}: exit {rc} although all passed", tail)


class GuestTest:
    """One file of guest/."""

    def __init__(self, path):
        self.path = path
        self.name = path.stem
        self.needs = Needs(path)

    def compile(self):
        """The program of a .c file, or None for a script."""
        if self.path.suffix != ".c":
            return None
        source = kernels.source() / "tools/testing/selftests"
        flags = ["-D_GNU_SOURCE", f"-I{TOP / 'uapi'}", f"-isystem{source}", f"-I{HERE / 'guest'}",
                 "-pthread", *shlex.split(self.needs.get("cflags", ""))]
        more = [(HERE / "guest" / s).resolve() for s in self.needs.get("sources", ())]
        libs = [*map(str, more), *shlex.split(self.needs.get("libs", ""))]
        headers = [*HERE.glob("guest/*.h"), *(TOP / "uapi/linux").glob("*.h"),
                   *(TOP / "driver").glob("*_gen.h"), *more]
        return build.program(self.path, f"guest/{self.name}", flags, libs, headers)


class GuestGroup:
    """Tests that share a guest."""

    def __init__(self, flavour, options, tests):
        self.flavour, self.options, self.tests = flavour, options, tests
        self.flavours = {flavour}
        self.weight = min(2, options.get("smp", 1))
        self.length = len(tests) * slowest(self.flavours)
        self.name = f"{flavour} " + " ".join(t.name for t in tests)
        self.guest = None

    def run(self, report):
        files, runnable = {}, []
        for test in self.tests:
            try:
                program = test.compile()
                if program:
                    files[f"/selftests/{test.name}"] = program
                runnable.append(test)
            except ERRORS as err:
                report.fail(f"{self.flavour} {test.name}: does not compile", str(err))
        label = "-".join([self.flavour, *(f"{k}{v}" for k, v in self.options.items()
                                          if k in ("memory", "smp", "icount"))])
        directory = vm.LOGS / "guest" / f"{label}-{self.tests[0].name}"
        try:
            for test in runnable:
                self._one(test, report, files, directory)
            if self.guest:
                try:
                    self.guest.finish()
                except vm.Failure as err:
                    report.fail(f"{self.flavour} guest ends well", str(err))
        finally:
            if self.guest:
                self.guest.kill()

    def _ready(self, files, directory):
        if self.guest and not self.guest.running:
            self.guest.kill()
            self.guest = None
        if not self.guest:
            self.guest = vm.Guest("a", self.flavour, logs=directory, files=files,
                                  **({"lifetime": 1 << 17} if LIMIT else {}), **self.options)
            self.guest.start()

    def _one(self, test, report, files, directory):
        name = f"{self.flavour} {test.name}"
        try:
            self._ready(files, directory)
            self._run(test, report, name)
        except ERRORS as err:
            report.fail(f"{name}: ended well", str(err))
            if self.guest:
                self.guest.clean = True
                self.guest.kill()

    def _run(self, test, report, name):
        guest = self.guest
        guest.mark(f"{test.name} begins")
        if test.needs.get("module") != "no":
            guest.sh(f"modprobe ndval host={guest.name} {test.needs.get('modargs', '')}")
        tap = Tap(report, name)
        what = test.name if test.path.suffix == ".c" else test.path.name
        chosen = "".join(f"{k}={shlex.quote(os.environ[k])} " for k in PASSED_ON
                         if k in os.environ)
        job = guest.spawn(f"cd /selftests && exec env KERNEL={self.flavour} NDVAL_TOP={TOP} "
                          f"NDVAL_SLOWER={guest.kernel.slower} {chosen}./{what} 2>&1")
        job.on_output = tap.feed
        job.close()
        start = time.monotonic()
        try:
            result = job.wait(LIMIT or test.needs.timeout)
        except vm.Failure as err:
            said = "".join(f"    | {line}\n" for line in tap.lines[-30:])
            raise vm.Failure(f"{err}\nwhat it had printed:\n{said}") from err
        tap.end(result.rc)
        report.took(name, time.monotonic() - start)
        guest.mark(f"{test.name} ended with {result.rc}")
        guest.verdict()


# -- tests on several hosts -------------------------------------------------------

class HostsFile:
    """One file of hosts/."""

    def __init__(self, path):
        self.path = path
        self.name = path.stem
        self.needs = Needs(path)
        spec = importlib.util.spec_from_file_location(f"hosts_{self.name}", path)
        self.module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.tests = [v for k, v in vars(self.module).items()
                      if k.startswith("test_") and callable(v)]


class HostsGroup:
    """Test functions that share a network: [(file, function)]."""

    def __init__(self, mix, options, tests):
        self.mix, self.options, self.tests = mix, options, tests
        self.flavours = set(mix)
        # The two of a pair mostly wait for each other: together they need one processor.
        self.weight = max(1, min(2, len(mix) // 2))
        self.length = len(tests) * slowest(self.flavours)
        self.prefix = "+".join(mix)
        self.name = f"{self.prefix} " + " ".join(f"{f.name}.{t.__name__}" for f, t in tests)
        self.net = None

    def run(self, report):
        try:
            for file, function in self.tests:
                self._one(file, function, report)
            if self.net:
                try:
                    self.net.finish()
                except vm.Failure as err:
                    report.fail(f"{self.prefix} hosts end well", str(err))
        finally:
            if self.net:
                self.net.close()

    def _one(self, file, function, report):
        name = f"{self.prefix} {file.name}.{function.__name__.removeprefix('test_')}"
        start = time.monotonic()
        try:
            if self.net:
                self.net.reset()
            else:
                guests = {"abcdefgh"[n]: flavour for n, flavour in enumerate(self.mix)}
                self.net = vm.Net(guests, test=f"hosts/{self.prefix}-{self.tests[0][0].name}",
                                  **({"lifetime": 1 << 17} if LIMIT else {}), **self.options)
                self.net.start()
            self._call(file, function, name)
            report.ok(name, time.monotonic() - start)
        except Exception as err:  # pylint: disable=broad-except
            why = str(err) if isinstance(err, ERRORS) else ""
            trace = traceback.extract_tb(err.__traceback__)
            where = [f"{Path(f.filename).name}:{f.lineno}: {f.line}" for f in trace
                     if Path(f.filename) == file.path]
            if not why:
                why = "".join(traceback.format_exception_only(type(err), err))
                why += "".join(g.tail(15) for g in self.net or ())
            report.fail(name, "\n".join([*where, why]))
            if self.net:
                self.net.close()
                self.net = None

    def _call(self, file, function, name):
        """The function within its time; then its guests are taken away from it."""
        for guest in self.net:
            guest.mark(f"{name} begins")
        if file.needs.get("module") != "no":
            self.net.load(file.needs.get("modargs", ""))
        limit = float(getattr(function, "timeout", file.needs.get("timeout", 300)))
        limit = LIMIT or limit * max(guest.kernel.slower for guest in self.net)
        late = []

        def stop():
            late.append(True)
            for guest in self.net:
                guest.diagnose()
                guest.kill()

        timer = threading.Timer(limit, stop)
        timer.start()
        try:
            function(self.net)
            if not late:
                self.net.verdict()
        except Exception as err:
            if late:
                raise vm.Failure(f"did not end within {limit:.0f} s: {err}") from err
            raise
        finally:
            timer.cancel()
        if late:
            raise vm.Failure(f"took longer than {limit:.0f} s")


# -- all of it --------------------------------------------------------------------

def schedule(jobs, capacity, report):
    """Runs jobs at the same time as long as their weights fit; in order otherwise."""
    pending = list(jobs)
    changed = threading.Condition()
    used = 0

    def work(job):
        nonlocal used
        try:
            job.run(report)
        except ERRORS as err:
            report.fail(job.name, str(err))
        except Exception:  # pylint: disable=broad-except
            report.fail(job.name, traceback.format_exc())
        with changed:
            used -= job.weight
            changed.notify()

    threads = []
    with changed:
        while pending:
            job = next((j for j in pending if used + j.weight <= capacity or not used), None)
            if not job:
                changed.wait()
                continue
            pending.remove(job)
            used += job.weight
            thread = threading.Thread(target=work, args=(job,), daemon=True, name=job.name)
            thread.start()
            threads.append(thread)
    for thread in threads:
        thread.join()


# Most tests that share a guest, and that share a network.
SHARE_GUEST, SHARE_NETWORK = 12, 24


def parts(tests, most, file_of):
    """Lists of @tests, each for guests of its own, as even as files allow."""
    count = -(-len(tests) // most)
    lists = [[] for _ in range(count)]
    for _, file in itertools.groupby(tests, key=file_of):
        min(lists, key=len).extend(file)
    return [part for part in lists if part]


def collect(patterns, chosen, report):
    """All jobs, the long ones first: by their tests, and how slow the kernel is."""
    hosts, guests = {}, {}
    for path in sorted(HERE.glob("hosts/test_*.py")):
        try:
            file = HostsFile(path)
        except Exception:  # pylint: disable=broad-except
            report.fail(f"hosts {path.stem}", traceback.format_exc())
            continue
        for mix in file.needs.all_mixes(chosen):
            if not set(mix) <= set(chosen or (*kernels.STOCK, DEBUG)):
                continue
            tests = [(file, t) for t in file.tests
                     if wanted(patterns, file.name, f"{file.name}.{t.__name__[5:]}")]
            options = file.needs.options()
            if DEBUG in mix and mix not in file.needs.mixes and set(chosen) != {DEBUG}:
                options["cmdline"] = NO_KMEMLEAK
            key = (mix, tuple(sorted(options.items())))
            hosts.setdefault(key, []).extend(tests)
    files = sorted([*HERE.glob("guest/*.sh"), *HERE.glob("guest/*.c")])
    for path in files:
        if path.suffix == ".sh" and not os.access(path, os.X_OK):
            continue            # a library of scripts
        test = GuestTest(path)
        if test.needs.get("helper") or not wanted(patterns, test.name):
            continue
        for flavour in test.needs.flavours(chosen):
            if chosen and flavour not in chosen:
                continue
            options = test.needs.options()
            if flavour == KCSAN:
                options["smp"] = 2
            key = (flavour, tuple(sorted(options.items())))
            guests.setdefault(key, []).append(test)
    jobs = [HostsGroup(mix, dict(o), part) for (mix, o), t in hosts.items()
            for part in parts(t, SHARE_NETWORK, lambda test: test[0].name)]
    jobs += [GuestGroup(f, dict(o), part) for (f, o), t in guests.items()
             for part in parts(t, SHARE_GUEST, lambda test: test.name)]
    jobs += [p for p in programs() if wanted(patterns, p.name)
             and (patterns or not chosen or p.flavours & set(chosen))]
    jobs += [Check(p) for p in sorted(HERE.glob("check/*.sh"))
             if os.access(p, os.X_OK) and wanted(patterns, p.stem) and (patterns or not chosen)]
    return sorted(jobs, key=lambda job: job.length, reverse=True)


def prepare(jobs, report):
    """Downloads and builds what the jobs need; returns those that can be run."""
    flavours = set().union(*(job.flavours for job in jobs))
    broken = set()
    for flavour in sorted(flavours):
        start = time.monotonic()
        name = f"build {flavour}"
        try:
            kernel = kernels.get(flavour)
            build.module(kernel)
            if said := build.warnings(kernel):
                report.fail(f"{name}: no warning", said)
            report.ok(f"{name}: module", time.monotonic() - start)
        except ERRORS as err:
            report.fail(f"{name}: module", str(err))
            broken.add(flavour)
    if flavours:
        start = time.monotonic()
        try:
            build.tools()
            report.ok("build tools", time.monotonic() - start)
        except ERRORS as err:
            report.fail("build tools", str(err))
            broken |= flavours
        accelerator()
    kernels.source()
    for job in jobs:
        if job.flavours & broken:
            report.fail(f"{job.name}: not run, its module or the tools do not build")
    return [job for job in jobs if not job.flavours & broken]


def watchdog(report):
    """The end of a run that does not end by itself."""
    time.sleep(RUN_LIMIT)
    report.fail(f"the whole run: not done after {RUN_LIMIT:.0f} s", "\n".join(
        f"still there: {t.name}" for t in threading.enumerate()))
    report.close(RUN_LIMIT)
    _end_children()
    end_all_guests()
    os._exit(1)


def words_of(variable):
    return [w for w in re.split(r"[,\s]+", os.environ.get(variable, "")) if w]


def main():
    global LIMIT  # pylint: disable=global-statement
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-j", type=int, default=os.cpu_count() or 1)
    parser.add_argument("-l", action="store_true")
    parser.add_argument("-t", type=float)
    parser.add_argument("-v", action="store_true")
    parser.add_argument("patterns", nargs="*", metavar="PATTERN")
    args = parser.parse_args()
    chosen = words_of("KERNELS")
    patterns = args.patterns or words_of("TESTS")
    for name in chosen:
        if name not in kernels.FLAVOURS:
            parser.error(f"KERNELS: '{name}' is not one of {', '.join(kernels.FLAVOURS)}")
    LIMIT = args.t
    vm.quit_on_signals()
    report = Report(args.v)
    jobs = collect(patterns, chosen, report)
    if not jobs and not report.failed:
        parser.error("no test is called so, on these kernels: "
                     + " ".join([*patterns, *chosen]) + "; -l lists them")
    if args.l:
        for job in jobs:
            print(job.name)
        return 0
    start = time.monotonic()
    threading.Thread(target=watchdog, args=(report,), daemon=True).start()
    jobs = prepare(jobs, report)
    schedule(jobs, max(args.j, 1), report)
    return report.close(time.monotonic() - start)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (build.Error, kernels.Error) as error:
        sys.exit(f"run: {error}\n0 passed, 1 failed")
