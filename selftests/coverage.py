#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Which lines of driver/ and tools/ the tests run ('make coverage').

  coverage.py [PATTERN]     runs the tests on the debug kernel, then reports
  coverage.py --report      reports again on what the last run left

The debug kernel counts the lines of the module (gcov); the tools are built to
count theirs.  Each guest hands its counts over when it ends in good order; what
a guest counted that was killed is lost.  gcov-tool adds them up, gcov relates
them to lines.  The report is build/coverage/report.txt: each file, and each
function of driver/ of which less than GOAL of the lines ran; selftests/coverage.txt
says why for each, a line of 'FILE FUNCTION: REASON'.  The run fails if driver/ as
a whole has less than GOAL, if a reason is missing, or given for what is not there.
"""

import collections
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TOP / "selftests/vm"))

# pylint: disable=wrong-import-position
import build        # noqa: E402
import kernels      # noqa: E402

GOAL = 0.90
LIMIT = "20000"                 # s, for all tests: every guest is a slow one
OUT = build.BUILD / "coverage"
COUNTS = OUT / "counts"         # one folder for each guest that ended
REASONS = TOP / "selftests/coverage.txt"


def run_tests(pattern):
    """True if they pass; their counts are in COUNTS."""
    shutil.rmtree(OUT, ignore_errors=True)
    COUNTS.mkdir(parents=True)
    env = dict(os.environ, NDVAL_COVERAGE=str(COUNTS), KERNELS="debug")
    env.setdefault("NDVAL_RUN_LIMIT", LIMIT)
    done = subprocess.run([sys.executable, TOP / "selftests/run.py", *pattern], env=env,
                          check=False)
    return done.returncode == 0


def add_up():
    """All counts in one folder, each beside the notes of its compilation."""
    total = None
    # A guest in which ndval was never loaded has none.
    counted = [guest for guest in sorted(COUNTS.iterdir()) if any(guest.rglob("*.gcda"))]
    for number, guest in enumerate(counted):
        if total:
            target = OUT / f"sum-{number}"
            subprocess.run(["gcov-tool", "merge", "-o", target, total, guest], check=True,
                           stderr=subprocess.DEVNULL)
            if total.name.startswith("sum-"):
                shutil.rmtree(total)
            total = target
        else:
            total = guest
    if not total:
        raise build.Error(f"no guest left counts in {COUNTS}")
    data = sorted(total.rglob("*.gcda"))
    for file in data:
        notes = Path("/") / file.relative_to(total).with_suffix(".gcno")
        shutil.copy(notes, file.with_suffix(".gcno"))
    return data


def read(data):
    """Source file -> line -> [times run, function]."""
    lines = collections.defaultdict(dict)
    for file in data:
        out = subprocess.run(["gcov", "--json-format", "--stdout", file], text=True,
                             capture_output=True, check=True, cwd=OUT).stdout
        for text in out.splitlines():
            answer = json.loads(text)
            for source in answer["files"]:
                name = source_name(Path(answer["current_working_directory"]) / source["file"])
                if name:
                    note(lines[name], source["lines"])
    return lines


def source_name(path):
    """Path in the tree: build/KV/driver/ring.c is driver/ring.c; None for others' files."""
    found = re.search(r"(?:^|/)((?:driver|tools)/[^/].*\.[ch])$", os.path.normpath(path))
    return found.group(1) if found and (TOP / found.group(1)).is_file() else None


def note(known, lines):
    for line in lines:
        entry = known.setdefault(line["line_number"], [0, line.get("function_name", "")])
        entry[0] += line["count"]


def share(entries):
    entries = list(entries)
    return sum(1 for count, _ in entries if count) / len(entries) if entries else 1


def functions(lines):
    """(file, function) -> entries, of driver/; what is inlined everywhere has no name."""
    found = collections.defaultdict(list)
    for name, entries in lines.items():
        if name.startswith("driver/"):
            for entry in entries.values():
                if entry[1]:
                    # GCC's clones of a function are the function.
                    found[name, entry[1].split(".")[0]].append(entry)
    return found


def reasons():
    found = {}
    if REASONS.exists():
        for line in REASONS.read_text(encoding="utf-8").splitlines():
            match = re.match(r"(\S+) (\S+): (.+)$", line)
            if match:
                found[match.group(1), match.group(2)] = match.group(3)
    return found


def report(lines):
    """Writes the report; returns what is wrong with it."""
    known, wrong = reasons(), []
    text = [f"{'file':36}{'lines':>7}{'run':>8}"]
    for name in sorted(lines):
        text.append(f"{name:36}{len(lines[name]):7}{share(lines[name].values()):8.1%}")
    for part in ("driver/", "tools/"):
        whole = [e for name, entries in lines.items() if name.startswith(part)
                 for e in entries.values()]
        text.append(f"{'all of ' + part:36}{len(whole):7}{share(whole):8.1%}")
        if part == "driver/" and share(whole) < GOAL:
            wrong.append(f"less than {GOAL:.0%} of driver/ ran: {share(whole):.1%}")
    text.append(f"\nfunctions of driver/ below {GOAL:.0%}:")
    ran = {key: share(entries) for key, entries in functions(lines).items()}
    low = {key: part for key, part in ran.items() if part < GOAL}
    for (name, function), part in sorted(low.items()):
        reason = known.get((name, function))
        if not reason:
            wrong.append(f"{name} {function}: {part:.0%} ran, and {REASONS.name} says no reason")
        text.append(f"{name} {function}: {part:.0%}. {reason or ''}")
    # Some is chance: that more ran than last time is no mistake.
    text += [f"{name} {function}: {ran[name, function]:.0%} ran this time, in spite of its reason"
             for name, function in known if ran.get((name, function), 0) >= GOAL]
    wrong += [f"{name} {function}: has a reason, but is not there" for name, function in known
              if (name, function) not in ran]
    text.append("\nlines of driver/ that did not run:")
    for name in sorted(lines):
        if name.startswith("driver/"):
            missed = [str(n) for n, (count, _) in sorted(lines[name].items()) if not count]
            text.append(f"{name}: {' '.join(missed)}")
    (OUT / "report.txt").write_text("\n".join(text) + "\n", encoding="utf-8")
    print("\n".join(text))
    return wrong


def main(argv):
    if argv[:1] == ["-h"] or argv[:1] == ["--help"]:
        print(__doc__)
        return 0
    good = argv[:1] == ["--report"] or run_tests(argv)
    wrong = report(read(add_up()))
    if not good:
        wrong.append("some tests failed")
    for line in wrong:
        print(f"coverage: {line}")
    return 1 if wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (build.Error, kernels.Error) as error:
        sys.exit(f"coverage: {error}")
