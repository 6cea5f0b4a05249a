# SPDX-License-Identifier: GPL-2.0-only
"""Tables, goals and plots of what bench.py measured.

A figure is the median of the batches. 'total' is what the whole machine did, 'own' the
thread that called: for two hosts in one kernel the total has the work of both, and what
one of them notices is the own part.
"""

import subprocess

SIZES = (1, 16, 64, 256, 1024, 4096, 16384, 65536, 1048576)


class Error(Exception):
    """A plot could not be made."""


def of_size(size):
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit and size % unit == 0:
            return f"{size // unit} {name}"
    return f"{size} B"


class Figures:
    """What was measured, to be looked up."""

    def __init__(self, result):
        self.wall = "wall" in result["time"]
        self.all = {}
        for figure in result["figures"]:
            key = (figure["group"], figure["name"], figure["size"], figure.get("number"))
            self.all[key] = figure

    def get(self, group, name, size=0, number=None, part="total"):
        """The median, or None if it was not measured."""
        figure = self.all.get((group, name, size, number))
        if figure is None:
            return None
        return figure["value"] if "value" in figure else figure[part][1]

    def has(self, group):
        return any(key[0] == group for key in self.all)

    def group(self, group):
        return [figure for key, figure in self.all.items() if key[0] == group]

    def numbers(self, group, name, size):
        return sorted(key[3] for key in self.all if key[:3] == (group, name, size))


def ratio(one, other):
    return one / other if one is not None and other else None


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    lines += ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join(lines)


def count(value):
    return "-" if value is None else f"{value:,.0f}"


def times(value):
    return "-" if value is None else f"{value:.3f}"


# -- goals ----------------------------------------------------------------------

class Goals:
    """Rows of what was to be reached: what, measured, at most (or least), verdict."""

    def __init__(self):
        self.rows = []
        self.missed = []

    def add(self, what, value, most=None, least=None, form=times):
        if value is None:
            return
        good = value <= most if most is not None else value >= least
        bound = f"at most {form(most)}" if most is not None else f"at least {form(least)}"
        self.rows.append((what, form(value), bound, "met" if good else "**missed**"))
        if not good:
            self.missed.append(what)


MOST_PRIMARY = {16: 0.6, 64: 0.7}
MOST_SECOND = {16: 0.45, 64: 0.3, 4096: 0.06, 16384: 0.06, 65536: 0.06, 1048576: 0.06}


def goals_of_reads(figures, goals):
    def urandom(size):
        return figures.get("read", "urandom", size)

    for size in SIZES:
        goals.add(f"primary, {of_size(size)}, x urandom",
                  ratio(figures.get("read", "primary", size), urandom(size)),
                  MOST_PRIMARY.get(size, 1.0))
    for size in SIZES:
        goals.add(f"primary with a peer, sync, {of_size(size)}, x async",
                  ratio(figures.get("read", "sync", size, part="own"),
                        figures.get("read", "async", size, part="own")), 1.05)
    for name, part in (("instance-second", "total"), ("secondary-async", "own"),
                       ("secondary-sync", "own")):
        for size, most in MOST_SECOND.items():
            goals.add(f"{name}, {of_size(size)}, x urandom",
                      ratio(figures.get("read", name, size, part=part), urandom(size)), most)


def goals_of_links(figures, goals):
    for size in SIZES:
        for commit in ("async", "sync"):
            goals.add(f"secondary ahead, empty window, {commit}, {of_size(size)}, x ping-pong (tcp)",
                      ratio(figures.get("trip", f"{commit} tcp", size),
                            figures.get("trip", "ping tcp", size)), 1.2)
            goals.add("  the same, x ping-pong that draws what it answers",
                      ratio(figures.get("trip", f"{commit} tcp", size),
                            figures.get("trip", "ping-draw tcp", size)), 1.2)
    for carrier in ("tcp", "tls"):
        goals.add(f"link throughput, {carrier}, x one sender",
                  ratio(figures.get("load", f"send 128K {carrier}", LOAD),
                        figures.get("load", f"ndval {carrier}", LOAD)), least=0.8)


def goals_of_growth(figures, goals):
    for group, name, size in (("pairs", "open+read", 16), ("pairs", "read", 16),
                              ("pairs", "netlink get", 0), ("streams", "open+read", 16),
                              ("streams", "read", 16), ("streams", "round trip", 16)):
        numbers = figures.numbers(group, name, size)
        if len(numbers) > 1:
            goals.add(f"{name} with {numbers[-1]} {group}, x {numbers[0]}",
                      ratio(figures.get(group, name, size, numbers[-1]),
                            figures.get(group, name, size, numbers[0])), 1.1)
    for group, most in (("pairs", 8192), ("streams", 2048)):
        for name in ("memory", "accounted"):
            many = [f for f in figures.group(group) if f["name"] == name]
            if many:
                goals.add(f"bytes of an idle one of {many[-1]['size']} {group}, {name}",
                          many[-1]["value"], most, form=count)


def goals_of_threads(figures, goals):
    for size in (64, 4096):
        one, two, many = (figures.get("threads", "ndval", size, n) for n in (1, 2, 32))
        plain = ratio(figures.get("threads", "urandom", size, 1),
                      figures.get("threads", "urandom", size, 2))
        goals.add(f"2 threads, {size} B, x one thread (urandom: {times(plain)})",
                  ratio(one, two), least=1.7)
        goals.add(f"32 threads, {size} B, x 2 threads", ratio(two, many), least=1.0)


def goals_of(figures):
    goals = Goals()
    goals_of_reads(figures, goals)
    goals_of_links(figures, goals)
    goals_of_growth(figures, goals)
    goals_of_threads(figures, goals)
    return goals


# Bytes of one transfer over a link.
LOAD = 6 << 20

# What 'make test' holds to, in guest instructions and with a margin: (group, what, against
# what, bytes, part, at most).
GUARDED = (
    ("read", "primary", "urandom", 16, "total", 0.70),
    ("read", "primary", "urandom", 64, "total", 0.76),
    ("read", "primary", "urandom", 4096, "total", 1.05),
    ("read", "instance-second", "urandom", 16, "total", 0.54),
    ("read", "instance-second", "urandom", 64, "total", 0.35),
    ("read", "instance-second", "urandom", 4096, "total", 0.07),
    ("read", "secondary-async", "urandom", 16, "own", 0.54),
    ("read", "secondary-sync", "urandom", 4096, "own", 0.10),
    ("read", "sync", "async", 16, "own", 1.25),
    ("read", "sync", "async", 64, "own", 1.25),
    ("load", "ndval tcp", "send 128K tcp", LOAD, "total", 4.30),
    ("load", "ndval tls", "send 128K tls", LOAD, "total", 1.30),
)
PLOTS = {"read.svg", "ratio.svg", "trip.svg", "growth.svg"}


def guarded(result):
    """(what, measured, at most) of what is guarded."""
    figures = Figures(result)
    for group, name, against, size, part, most in GUARDED:
        yield (f"{name}, {of_size(size)}, x {against}",
               ratio(figures.get(group, name, size, part=part),
                     figures.get(group, against, size, part=part)), most)


# -- tables -----------------------------------------------------------------------

READERS = (
    ("/dev/urandom", "urandom", "total"),
    ("getrandom(2)", "getrandom", "total"),
    ("/dev/zero", "zero", "total"),
    ("daemon over AF_UNIX that draws", "daemon", "total"),
    ("daemon that has it stored", "daemon-stored", "total"),
    ("primary without a peer", "primary", "total"),
    ("first of two instances", "instance-first", "total"),
    ("second instance", "instance-second", "total"),
    ("primary, async, its own part", "async", "own"),
    ("primary, sync, its own part", "sync", "own"),
    ("secondary, async, its own part", "secondary-async", "own"),
    ("secondary, sync, its own part", "secondary-sync", "own"),
    ("primary, async, both hosts", "async", "total"),
    ("primary, sync, both hosts", "sync", "total"),
    ("secondary, async, both hosts", "secondary-async", "total"),
    ("secondary, sync, both hosts", "secondary-sync", "total"),
)


def reads(figures):
    head = ["", *map(of_size, SIZES)]
    plain, relative = [], []
    for title, name, part in READERS:
        values = [figures.get("read", name, size, part=part) for size in SIZES]
        plain.append([title, *map(count, values)])
        relative.append([title, *(times(ratio(value, figures.get("read", "urandom", size)))
                                  for value, size in zip(values, SIZES))])
    return ("## Reads\n\n" + table(head, plain) + "\n\nThe same against /dev/urandom:\n\n"
            + table(head, relative) + "\n")


def trips(figures):
    head = ["", *map(of_size, SIZES)]
    rows = []
    for carrier in ("unix", "tcp", "tls"):
        ping = [figures.get("trip", f"ping {carrier}", size) for size in SIZES]
        rows.append([f"ping-pong, {carrier}", *map(count, ping)])
        drawn = [figures.get("trip", f"ping-draw {carrier}", size) for size in SIZES]
        rows.append([f"ping-pong that draws, {carrier}", *map(count, drawn)])
        for commit in ("async", "sync"):
            values = [figures.get("trip", f"{commit} {carrier}", size) for size in SIZES]
            rows.append([f"secondary ahead, {commit}, {carrier}", *map(count, values)])
            rows.append(["  x ping-pong", *(times(ratio(v, p)) for v, p in zip(values, ping))])
    return "## Round trips: the secondary reads what nobody has drawn yet\n\n" + \
        table(head, rows) + "\n"


def loads(figures):
    rows = []
    for carrier in ("unix", "tcp", "tls"):
        for name in ("send 16K", "send 128K", "ndval"):
            for figure in figures.group("load"):
                if figure["name"] == f"{name} {carrier}":
                    size = figure["size"]
                    rows.append((f"{name}, {carrier}", f"{figure['total'][1] / size:.2f}",
                                 f"{size / figure['total'][1] * 1000:,.0f}"))
    return "## Throughput of a link, the work of both hosts\n\n" + \
        table(("", "for a byte", "bytes for 1,000"), rows) + "\n"


def journal(figures, group, title):
    rows = [(f["name"], of_size(f["size"]) if f["size"] else "", count(f["total"][1]),
             count(f["own"][1])) for f in figures.group(group)]
    return f"## {title}\n\n" + table(("", "bytes", "total", "own part"), rows) + "\n"


def wire(figures):
    rows = [(f["name"], of_size(f["size"]) if f["size"] else "clock", f"{f['value']:,.2f}")
            for f in figures.group("wire")]
    return ("## On the wire, for a value that two copies draw in turns\n\n"
            "Bytes of the stream, without headers of packets; both directions.\n\n"
            + table(("", "value", "for each"), rows) + "\n")


def growth(figures, group, title):
    rows = []
    for figure in figures.group(group):
        if "value" in figure:
            rows.append((f"{figure['name']} of one, bytes", f"{figure['size']:,}",
                         count(figure["value"])))
        else:
            size = f", {of_size(figure['size'])}" if figure["size"] else ""
            rows.append((figure["name"] + size, f"{figure['number']:,}",
                         count(figure["total"][1])))
    rows.sort(key=lambda row: row[0])
    return f"## {title}\n\n" + table(("", "number", ""), rows) + "\n"


def spread(figures):
    """How far batches differ: what a figure is worth."""
    worst = sorted(((f["total"][2] - f["total"][0]) / f["total"][1] for f in
                    figures.all.values() if "total" in f and f["group"] == "read"))
    if not worst:
        return ""
    return (f"Among the batches of a read, most and least are {worst[len(worst) // 2]:.1%} apart "
            f"in the middle case, {worst[-1]:.1%} in the worst.\n")


def page(result):
    """The page of one run."""
    figures = Figures(result)
    goals = goals_of(figures)
    unit = "ns" if figures.wall else "guest instructions"
    parts = [f"# ndval {result['version']} on Linux {result['kernel']}\n",
             f"    {result['command']}\n",
             f"{result['time'].capitalize()}; {result['processor']}"
             + (f", -cpu {result['cpu']}" if result["cpu"] else "")
             + f". Figures are {unit} for one operation, the median of the batches. "
             + spread(figures)]
    if result["smoke"]:
        parts.append("**A smoke test: these figures mean nothing.**\n")
    if goals.rows:
        parts.append(f"## Goals: {len(goals.rows) - len(goals.missed)} met, "
                     f"{len(goals.missed)} missed\n\n"
                     + table(("", "measured", "goal", ""), goals.rows) + "\n")
    for group, make in (("read", reads), ("trip", trips), ("load", loads), ("wire", wire)):
        if figures.has(group):
            parts.append(make(figures))
    for group, title in (("journal", "Clocks, agreed values, output commit"),
                         ("request", "A request: an id, the time, output commit")):
        if figures.has(group):
            parts.append(journal(figures, group, title))
    for group, title in (("pairs", "Many pairs"), ("streams", "Many streams"),
                         ("window", "Wide windows"), ("threads", "Threads")):
        if figures.has(group):
            parts.append(growth(figures, group, title))
    return "\n".join(parts)


# -- plots ------------------------------------------------------------------------

def gnuplot(script, target):
    head = (f"set terminal svg size 900,560 font 'sans,13' background 'white'\n"
            f"set output '{target}'\nset grid\nset key outside right\n")
    try:
        done = subprocess.run(["gnuplot"], input=head + script, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        raise Error("gnuplot is missing: run 'make deps' (package gnuplot-nox)") from None
    if done.returncode:
        raise Error(f"gnuplot: {done.stdout}")


def curves(lines, options):
    """A script: @lines are (title, [(x, y)])."""
    lines = [(title, points) for title, points in lines if points]
    data = "".join(f"$d{i} << EOD\n" + "".join(f"{x} {y}\n" for x, y in points) + "EOD\n"
                   for i, (_, points) in enumerate(lines))
    plots = ", ".join(f"$d{i} with linespoints title '{title}'"
                      for i, (title, _) in enumerate(lines))
    return f"{data}{options}plot {plots}\n"


def points_of(figures, group, name, part="total", relative=None):
    points = []
    for size in SIZES:
        value = figures.get(group, name, size, part=part)
        if relative:
            value = ratio(value, figures.get(group, relative, size))
        if value is not None:
            points.append((size, value))
    return points


LOGSCALE = ("set logscale x 2\nset xtics ('1' 1, '16' 16, '64' 64, '256' 256, '1Ki' 1024, "
            "'4Ki' 4096, '16Ki' 16384, '64Ki' 65536, '1Mi' 1048576)\n"
            "set xlabel 'bytes of a read'\n")


def plot(result, out, name):
    """SVG files in @out, of what was measured."""
    figures = Figures(result)
    if figures.has("read"):
        lines = [(title, points_of(figures, "read", what, part))
                 for title, what, part in READERS[:12]]
        gnuplot(curves(lines, LOGSCALE + "set logscale y\nset ylabel 'instructions'\n"),
                out / f"{name}-read.svg")
        lines = [(title, points_of(figures, "read", what, part, "urandom"))
                 for title, what, part in READERS[5:12]]
        gnuplot(curves(lines, LOGSCALE + "set yrange [0:1.2]\nset ylabel 'x /dev/urandom'\n"),
                out / f"{name}-ratio.svg")
    if figures.has("trip"):
        lines = [(what, points_of(figures, "trip", f"{what} {carrier}".strip()))
                 for carrier in ("tcp",) for what in ("ping", "async", "sync")]
        lines += [(f"{what} tls", points_of(figures, "trip", f"{what} tls"))
                  for what in ("ping", "async", "sync")]
        gnuplot(curves(lines, LOGSCALE + "set logscale y\nset ylabel 'instructions'\n"),
                out / f"{name}-trip.svg")
    lines = [(f"{what}, {group}", [(n, figures.get(group, what, size, n))
                                   for n in figures.numbers(group, what, size)])
             for group, what, size in (("pairs", "open+read", 16), ("pairs", "netlink get", 0),
                                       ("streams", "open+read", 16), ("streams", "read", 16))]
    if any(points for _, points in lines):
        gnuplot(curves(lines, "set logscale x\nset yrange [0:*]\nset xlabel 'number'\n"
                       "set ylabel 'instructions'\n"), out / f"{name}-growth.svg")
    lines = [(f"{what}, {size} B", [(n, figures.get("threads", what, size, n))
                                    for n in figures.numbers("threads", what, size)])
             for what in ("urandom", "ndval") for size in (64, 4096)]
    if any(points for _, points in lines):
        gnuplot(curves(lines, "set logscale x 2\nset logscale y\nset xlabel 'threads'\n"
                       "set ylabel 'ns for a read'\n"), out / f"{name}-threads.svg")
