#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Measures ndval in guests, against what there is besides ('make bench').

  bench.py [-k KERNEL] [-o DIR] [-d N] [-b N] [-w] [-p] [PART..]
  bench.py -t [-k KERNEL]

  -k KERNEL   of the guest: 6.12 (by default), 6.1
  -o DIR      for what comes out (build/bench)
  -b N        batches of each measurement that count
  -d N        a smoke test: so many times less work; figures mean nothing
  -w          by the clock, on two processors, instead of by instructions; only the
              part 'threads' is meant for it
  -p          keep the page: DIR is Documentation/performance
  -t          a test: each part with little work, and whether the most important ratios
              are as they should, with a margin; prints TAP
  PART        read journal link wire pairs streams window request threads; without one
              all but threads

One guest, so that it gives the same answer twice: QEMU counts its instructions as its
time (-icount shift=0,sleep=off), and there is one processor. What takes two hosts is
measured on two members of one group in this one kernel. The processor has no erms and
no fsrm: each iteration of a rep instruction counts, and with these two memcpy would be
one for every byte.

DIR gets KERNEL.json, tables (KERNEL.md) and plots (KERNEL-*.svg, made by gnuplot). The
program that measures is main.c and the files beside it; report.py makes tables of it.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path.insert(0, str(TOP / "selftests/vm"))
sys.path.insert(0, str(HERE))

# pylint: disable=wrong-import-position
import build          # noqa: E402
import kernels        # noqa: E402
import report         # noqa: E402
import vm             # noqa: E402

PARTS = ("read", "journal", "link", "wire", "request", "window", "streams", "pairs")
WALL_PARTS = ("threads",)
CPU = "max,erms=off,fsrm=off"
LIMIT = 3600            # s, for one part
# What the kernel does after it has booted is over then, in s of the guest's time.
SETTLE = 5
KEPT = TOP / "Documentation/performance"


def program():
    """The program that measures, with what it shares with the tests."""
    guest = TOP / "selftests/guest"
    more = [*sorted(p for p in HERE.glob("*.c") if p.name != "main.c"),
            guest / "peer.c", guest / "tls.c", TOP / "tools/lib/nl.c"]
    headers = [*HERE.glob("*.h"), *guest.glob("*.h"), *(TOP / "uapi/linux").glob("*.h"),
               *(TOP / "driver").glob("*_gen.h"), TOP / "tools/lib/nl.h", *more]
    return build.program(HERE / "main.c", "bench",
                         ("-D_GNU_SOURCE", f"-I{TOP / 'uapi'}", f"-I{guest}", "-pthread"),
                         (*map(str, more), "-lmnl"), headers)


def measure(flavour, runs, wall=False, say=print):
    """Runs (part, options) one after the other in a guest; returns what was found.

    That is a result without figures, and a list of figures for each run.
    """
    how = {"smp": 2} if wall else {"icount": True, "cpu": CPU}
    found = []
    with vm.Net({"a": flavour}, test=f"bench-{flavour}", memory=2048, lifetime=1 << 17,
                files={"/selftests/bench": program()}, **how) as net:
        guest = net.a
        guest.sh(f"modprobe ndval host=a default_pair=0 && sleep {SETTLE}")
        for part, options in runs:
            start = time.monotonic()
            result = guest.run(f"/selftests/bench {options} {part}", timeout=LIMIT)
            if result.rc:
                raise guest.failure(f"bench {part}: {result.err.decode(errors='replace')}")
            lines = [json.loads(line) for line in result.text.splitlines()]
            if not lines:
                raise guest.failure(f"bench {part}: no figures")
            found.append(lines)
            say(part, f"{len(lines)} figures, {time.monotonic() - start:.0f} s")
        version = guest.sh("uname -r")
        processor = guest.sh("sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1")
    return {"kernel": version, "processor": processor,
            "time": "wall clock, 2 processors" if wall else "guest instructions, 1 processor",
            "cpu": "" if wall else CPU, "version": described()}, found


def described():
    """The version that was measured."""
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=TOP, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    return done.stdout.strip() or "unknown"


def test(flavour):
    """Every part once, and the ratios that a change of the driver must not spoil."""
    loads = [name for guard in report.GUARDED if guard[0] == "load" for name in guard[1:3]]
    runs = [*((part, "-d 256 -b 1") for part in PARTS), ("read", "-q -b 3"),
            *(("link", f"-b 3 -s {report.LOAD} -n '{name}'") for name in loads)]
    print(f"1..{len(runs) + 1 + len(report.GUARDED)}", flush=True)
    names = iter([*PARTS, "reads that count", *loads])
    result, found = measure(flavour, runs, say=lambda _, said: print(
        f"ok {next(names)}: {said}", flush=True))
    smoke = {**result, "command": "", "smoke": True, "figures": sum(found[:len(PARTS)], [])}
    with tempfile.TemporaryDirectory(prefix="ndval-bench-") as scratch:
        text = report.page(smoke)
        report.plot(smoke, Path(scratch), "test")
        drawn = {path.name for path in Path(scratch).glob("*.svg")}
    good = report.PLOTS <= {name.split("-", 1)[1] for name in drawn} and "Round trips" in text
    print(f"{'ok' if good else 'not ok'} page and plots")
    bad = 0
    counted = sum(found[len(PARTS):], [])
    for what, value, most in report.guarded({"time": "", "figures": counted}):
        bad += value > most
        print(f"{'ok' if value <= most else 'not ok'} {what}: {value:.3f}, at most {most}")
    return 1 if bad or not good else 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__, add_help=False)
    parser.add_argument("-h", "--help", action="help", help=argparse.SUPPRESS)
    parser.add_argument("-k", default="6.12")
    parser.add_argument("-o", type=Path)
    parser.add_argument("-b", type=int)
    parser.add_argument("-d", type=int)
    parser.add_argument("-w", action="store_true")
    parser.add_argument("-p", action="store_true")
    parser.add_argument("-t", action="store_true")
    parser.add_argument("parts", nargs="*")
    args = parser.parse_args()
    vm.quit_on_signals()
    if args.t:
        return test(args.k)
    parts = args.parts or (WALL_PARTS if args.w else PARTS)
    for part in parts:
        if part not in (*PARTS, *WALL_PARTS):
            parser.error(f"there is no part '{part}'")
    options = (["-w"] if args.w else []) + (["-b", str(args.b)] if args.b else []) + \
        (["-d", str(args.d)] if args.d else [])
    result, found = measure(args.k, [(part, shlex.join(options)) for part in parts], args.w,
                            lambda part, said: print(f"bench: {part}: {said}", flush=True))
    result["command"] = shlex.join(["tools/bench/bench.py", *sys.argv[1:]])
    result["smoke"] = bool(args.d)
    keep(result, sum(found, []), args.o or (KEPT if args.p else build.BUILD / "bench"),
         args.k + ("-wall" if args.w else ""))
    return 0


def keep(result, figures, out, name):
    """Writes JSON, a line for each figure, so that diff shows what changed; page, plots."""
    out.mkdir(parents=True, exist_ok=True)
    text = json.dumps(result)[:-1] + ', "figures": [\n' + \
        ",\n".join(json.dumps(figure) for figure in figures) + "\n]}\n"
    (out / f"{name}.json").write_text(text, encoding="utf-8")
    result["figures"] = figures
    page = report.page(result)
    (out / f"{name}.md").write_text(page, encoding="utf-8")
    print(page)
    report.plot(result, out, name)
    print(f"bench: {out}/{name}.json, .md and {name}-*.svg")


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (vm.Failure, build.Error, kernels.Error, report.Error) as error:
        sys.exit(f"bench: {error}")
