#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Virtual machines for ndval: a library for tests and a tool for people.

  vm.py up [NAME=FLAVOUR..]       boot guests on one network, ndval loaded, and
                                  give a shell on each (default a=6.1 b=6.12)
  vm.py attach NAME               one more terminal on a guest of a running 'up'
  vm.py run FLAVOUR COMMAND..     boot one guest, run a command, give its verdict
  vm.py flavours                  the kernels that can be named

Options of 'up' and 'run': --no-load (leave ndval to you), --mem=MIB, --smp=N.

In a test:

    import vm

    with vm.Net({"a": "6.1", "b": "6.12"}, test="example") as net:
        net.load()                              # modprobe ndval host=NAME
        print(net.a.sh("uname -r"))             # fails unless it exits with 0
        job = net.b.spawn("cat /dev/ndval-web | head -c 16")
        net.cut("a", "b")                       # both ways; one_way=True: a to b
        net.delay("a", "b", 50)                 # ms, each way
        net.lose("a", "b", 10)                  # percent, each way
        net.flip("a", "b", 1)                   # a bit in so many frames of TCP, a to b
        net.heal()
        net.b.freeze(); net.b.thaw()
        net.b.power_cut(); net.b.start()
        result = job.wait(timeout=30)           # .rc .out .err .text

Leaving the block takes the verdict of every guest: module removed, nothing
leaked, no complaint in the kernel's log, powered off in order.  Anything else
raises vm.Failure.  guest.py describes Guest and Job, switch.py the network.
Logs are in build/logs/TEST/NAME.log.  Addresses are 10.9.0.1, 10.9.0.2, .. in
the order of the guests; the names a, b, .. resolve.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import termios
import threading
import tty
from pathlib import Path

import build
import kernels
from guest import FRAME, Failure, Guest, Switch

LOGS = build.BUILD / "logs"
RUN = build.BUILD / "vm"            # sockets of 'vm.py up', for 'vm.py attach'


class Net:
    """Guests on one virtual network.

    @guests: name -> flavour, or (flavour, {options of this guest}).
    @test: names the folder of the logs.  @options: for all guests; see Guest.
    """

    def __init__(self, guests, test="vm", **options):
        self.test = test
        self.switch = Switch(seed=test)
        self.guests = {}
        try:
            for index, (name, what) in enumerate(guests.items(), 1):
                flavour, own = (what, {}) if isinstance(what, str) else what
                self.guests[name] = Guest(name, flavour, index, LOGS / test, self.switch,
                                          **{**options, **own})
        except BaseException:
            self.switch.close()
            raise

    def __getattr__(self, name):
        try:
            return self.__dict__["guests"][name]
        except KeyError:
            raise AttributeError(f"no guest '{name}'") from None

    def __getitem__(self, name):
        return self.guests[name]

    def __iter__(self):
        return iter(self.guests.values())

    def start(self):
        """Boots those that do not run, all at the same time."""
        booting = [g for g in self if not g.running]
        for guest in booting:
            guest.start(wait=False)
        for guest in booting:
            guest.wait_ready()
        return self

    def load(self, arguments=""):
        """modprobe ndval everywhere, each guest's member named as the guest."""
        jobs = [(g, g.spawn(f"modprobe ndval host={g.name} {arguments}")) for g in self]
        for _, job in jobs:
            job.wait(check=True)

    # -- the network ----------------------------------------------------------

    def rule(self, a, b, one_way=False, **what):
        """Any of drop=True, loss=percent, delay=ms, jitter=ms, flip=frames; replaces the
        last rule."""
        self.switch.rule(a, b, **what)
        if not one_way:
            self.switch.rule(b, a, **what)

    def cut(self, a, b, one_way=False):
        self.rule(a, b, one_way, drop=True)

    def lose(self, a, b, percent, one_way=False):
        self.rule(a, b, one_way, loss=percent)

    def delay(self, a, b, ms, jitter=0, one_way=False):
        self.rule(a, b, one_way, delay=ms, jitter=jitter)

    def flip(self, a, b, frames):
        self.rule(a, b, one_way=True, flip=frames)

    def heal(self, a=None, b=None):
        """Undoes cut, lose and delay; between all guests unless two are named."""
        if a and b:
            self.rule(a, b)
        else:
            self.switch.clear()

    # -- verdicts -------------------------------------------------------------

    def verdict(self):
        """The word of every guest that runs, all at the same time."""
        failures = each([g for g in self if g.agent], Guest.verdict)
        if failures:
            raise failures[0]

    def reset(self):
        """Back to a fresh state for the next test: healed, all up, module removed."""
        self.heal()
        for guest in self:
            if guest.agent and not guest.running:
                guest.kill()
        self.start()
        self.verdict()

    def finish(self):
        failures = each(list(self), Guest.finish)
        self.close()
        if failures:
            raise failures[0]

    def close(self):
        for guest in self:
            guest.kill()
        self.switch.close()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.close()
            raise

    def __exit__(self, kind, value, trace):
        if kind is None:
            self.finish()
            return
        try:
            if not isinstance(value, Failure):
                for guest in self:
                    sys.stderr.write(guest.tail(20))
        finally:
            self.close()


def each(guests, what):
    """what(guest) for all at the same time; returns the exceptions."""
    failures = []

    def one(guest):
        try:
            what(guest)
        except Exception as err:  # pylint: disable=broad-except
            failures.append(err)

    threads = [threading.Thread(target=one, args=(g,)) for g in guests]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return failures


# -- for people ---------------------------------------------------------------

def attach(name):
    """A terminal on a guest, through the port that its shell agent serves."""
    link = RUN / name
    if not link.is_symlink():
        raise Failure(f"no guest '{name}' runs here; start some with 'make vm'")
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.connect(os.readlink(link))
    except OSError as err:
        raise Failure(f"guest '{name}': {err.strerror}; is another terminal attached?") from None

    def send(kind, payload=b""):
        sock.sendall(FRAME.pack(len(payload), 1, ord(kind)) + payload)

    def resized(*_):
        size = os.get_terminal_size()
        send("w", struct.pack("<HH", size.lines, size.columns))

    print(f"guest {name}; leave with 'exit' or Ctrl-]\r")
    send("t")
    before = termios.tcgetattr(0)
    try:
        tty.setraw(0)
        signal.signal(signal.SIGWINCH, resized)
        resized()
        _carry(sock, send)
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        print()


def _carry(sock, send):
    data = b""
    while True:
        ready, _, _ = select.select([0, sock], [], [])
        if 0 in ready:
            typed = os.read(0, 4096)
            if not typed or b"\x1d" in typed:
                return
            send("i", typed)
        if sock not in ready:
            continue
        piece = sock.recv(65536)
        if not piece:
            return
        data += piece
        while len(data) >= FRAME.size:
            length, _, kind = FRAME.unpack_from(data)
            if len(data) < FRAME.size + length:
                break
            payload, data = data[FRAME.size:FRAME.size + length], data[FRAME.size + length:]
            if kind == ord("o"):
                os.write(1, payload)
            elif kind == ord("z"):
                return


def _prompt(net):
    """A line-wise shell for when there is no tmux: '@b' switches to guest b."""
    names = list(net.guests)
    current = names[0]
    print(f"Type commands; {', '.join('@' + n for n in names)} switch guests; exit leaves.\n"
          "Each line is a shell of its own. For a terminal: selftests/vm/vm.py attach "
          f"{current}")
    while True:
        try:
            line = input(f"{current}# ").strip()
        except (EOFError, KeyboardInterrupt):
            print()
            return
        if line in ("exit", "quit"):
            return
        if line.startswith("@"):
            name, _, line = line[1:].partition(" ")
            if name not in names:
                print(f"no guest '{name}'")
                continue
            if not line.strip():
                current = name
                continue
        else:
            name = current
        if line:
            _run_line(net[name], line)


def _run_line(guest, line):
    job = guest.spawn(line)
    job.close()
    job.on_output = lambda data: (sys.stdout.buffer.write(data), sys.stdout.flush())
    try:
        guest.agent.wait_for(lambda: not job.running, 1e9)
    except KeyboardInterrupt:
        job.kill(signal.SIGINT)
        job.wait(10)
    sys.stdout.write(job.err.decode(errors="replace"))


def up(guests, load, options):
    RUN.mkdir(parents=True, exist_ok=True)
    print("booting " + ", ".join(f"{n} ({f})" for n, f in guests.items()) + " ..", flush=True)
    if load:
        options.pop("ndval", None)
    with Net(guests, test="vm", lifetime=86400, **options) as net:
        links = []
        try:
            for guest in net:
                link = RUN / guest.name
                link.unlink(missing_ok=True)
                link.symlink_to(guest.shell_path())
                links.append(link)
            if load:
                net.load()
            if sys.stdin.isatty() and sys.stdout.isatty() and shutil.which("tmux") \
               and not os.environ.get("TMUX"):
                _tmux(net)
            else:
                _prompt(net)
        finally:
            for link in links:
                link.unlink(missing_ok=True)
    print("all guests ended well")


def _tmux(net):
    me = f"{sys.executable} {Path(__file__).resolve()} attach"
    tmux = ["tmux", "-L", f"ndval-{os.getpid()}"]
    names = list(net.guests)
    subprocess.run([*tmux, "new-session", "-d", "-s", "ndval", f"{me} {names[0]}"], check=True)
    for name in names[1:]:
        subprocess.run([*tmux, "split-window", "-h", "-t", "ndval", f"{me} {name}"], check=True)
    subprocess.run([*tmux, "select-layout", "-t", "ndval", "even-horizontal"], check=False)
    subprocess.run([*tmux, "set", "-g", "mouse", "on"], check=False)
    subprocess.run([*tmux, "attach", "-t", "ndval"], check=False)
    subprocess.run([*tmux, "kill-server"], check=False, stderr=subprocess.DEVNULL)


def run_one(flavour, command, load, options):
    with Net({"a": flavour}, test="run", **options) as net:
        if load:
            net.load()
        job = net.a.spawn(command)
        job.close()
        job.on_output = lambda data: (sys.stdout.buffer.write(data), sys.stdout.flush())
        result = job.wait(1e6)
        sys.stderr.write(result.err.decode(errors="replace"))
    return result.rc


def main(argv):
    options, words, load = {}, [], True
    while argv and (argv[0].startswith("--") or not words):
        word = argv.pop(0)
        if word in ("-h", "--help"):
            print(__doc__)
            return 0
        if word == "--no-load":
            load = False
        elif word.startswith("--mem="):
            options["memory"] = int(word[6:])
        elif word.startswith("--smp="):
            options["smp"] = int(word[6:])
        elif word.startswith("--"):
            raise Failure(f"unknown option {word}")
        else:
            words.append(word)
    words += argv
    if not load and not (build.TOP / "Kbuild").exists():
        options["ndval"] = None
    verb = words.pop(0) if words else "help"
    if verb == "up":
        guests = dict(w.split("=", 1) if "=" in w else (w, "6.12") for w in words)
        up(guests or {"a": "6.1", "b": "6.12"}, load, options)
    elif verb == "attach" and len(words) == 1:
        attach(words[0])
    elif verb == "run" and len(words) >= 2:
        return run_one(words[0], " ".join(words[1:]), load, options)
    elif verb == "flavours":
        print("\n".join(kernels.FLAVOURS))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


def quit_on_signals():
    """Turns signals into exceptions, so that guests are ended on the way out."""
    numbers = (signal.SIGTERM, signal.SIGHUP)

    def stop(number, _frame):
        # A second one would break off what ends the guests.
        for other in (*numbers, signal.SIGINT):
            signal.signal(other, signal.SIG_IGN)
        raise SystemExit(128 + number)
    for number in numbers:
        signal.signal(number, stop)


if __name__ == "__main__":
    quit_on_signals()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            sys.exit(main(sys.argv[1:]))
    except (Failure, build.Error, kernels.Error) as error:
        sys.exit(f"vm: {error}")
