# SPDX-License-Identifier: GPL-2.0-only
"""Chaos between guests: the members, their applications, and a cluster manager.

The manager does what the administrator's guide says: it promotes after the old primary
is dead, frozen or demoted, and lets a primary go on alone after it has outdated the
others. What the schedules of a round do besides is in chaos_steps.py, what is judged
in chaos_check.py.
"""

import itertools
import json
import struct
import time
from pathlib import Path

import build
from chaos_check import Judge
from guest import Failure

TOP = Path(__file__).resolve().parents[2]
PORTS = itertools.count(8000)
PEER_TIMEOUT_MS = 300
PATIENCE = 30           # s until all must be well again
LINKED = 5              # s that a link may take to come up; frames may be lost
RELINK = 1.0            # s after which a link that is not there is made again
AUDIT = 4096            # bytes of each stream that who takes over is asked for
MODES = ("suspend", "async", "split", "force")
HEADER = struct.Struct("<QQ")
PAGE = 4096


def streamer():
    return build.program(TOP / "selftests/guest/streamer.c", "streamer",
                         ("-D_GNU_SOURCE", f"-I{TOP / 'uapi'}", "-static", "-pthread"),
                         headers=(TOP / "selftests/guest/common.h",))


class Log:
    """The lines that a guest's applications left in the memory it shares with us."""

    def __init__(self, guest):
        self.memory = guest.shared
        self.size = len(self.memory) - PAGE
        self.rest = b""

    def lines(self):
        head, tail = HEADER.unpack_from(self.memory)
        data = b""
        while tail < head:
            at = tail % self.size
            some = min(head - tail, self.size - at)
            data += self.memory[PAGE + at:PAGE + at + some]
            tail += some
        # Only our half of the header: the guest writes the other.
        struct.pack_into("<Q", self.memory, 8, tail)
        *lines, self.rest = (self.rest + data).split(b"\n")
        return [line.decode("ascii") for line in lines]


class Score:
    """Sums of all rounds."""

    NAMES = ("rounds", "steps", "failovers", "power_cuts", "freezes", "cuts", "switchovers",
             "forced", "split", "relinked", "resynced", "repositioned", "stuck", "values",
             "compared", "audited", "fsyncs", "differed", "diverged", "violations")

    def __init__(self):
        self.counts = dict.fromkeys(self.NAMES, 0)

    def add(self, name, count=1):
        self.counts[name] += count

    def __getitem__(self, name):
        return self.counts[name]

    def __str__(self):
        return ", ".join(f"{count} {name.replace('_', ' ')}"
                         for name, count in self.counts.items())


class World:
    """A round's members, by the names of their guests."""

    # pylint: disable=too-many-instance-attributes,too-many-public-methods
    def __init__(self, net, random, score, mode):
        self.net, self.random, self.score, self.mode = net, random, score, mode
        self.guests = {g.name: g for g in net}
        self.strict = mode == "suspend"
        self.fenced = mode in ("suspend", "async")
        self.judge = Judge(self.guests, self.strict, durable=mode == "async")
        self.logs = {name: Log(g) for name, g in self.guests.items()}
        self.streams = random.randint(1, 4)
        self.primary = None
        self.alive = set()              # members whose pair is there
        self.apps = {}
        self.monitors = {}
        self.seen = {}                  # member -> what events said last of it
        self.reported = set()           # of which an event or the health said: diverged
        self.outdated = set()
        self.steps = []
        self.born = time.monotonic()
        self.linked = {}                # (one, other) -> when the link was made last
        self.over = False
        self.settings = (f"ring_size=256K overflow=stall inspect=on memory_max=4M "
                         "on_divergence=report "
                         f"peer_timeout_ms={PEER_TIMEOUT_MS} "
                         f"prefetch={random.choice((4096, 16384, 65536))} "
                         f"commit={'async' if mode == 'async' else 'sync'} "
                         f"on_peer_loss={'suspend' if self.fenced else 'continue'}")

    # -- what is told ---------------------------------------------------------------

    def say(self, text):
        """What happens now: told if the round fails, and to who looks at the logs meanwhile."""
        self.steps.append(text)
        with open(self.net.a.dir / "steps", "a", encoding="utf-8") as file:
            file.write(f"{time.monotonic() - self.born:.1f} {text}\n")

    def drain(self):
        """The judge hears all that the applications said until now."""
        for name, log in self.logs.items():
            for line in log.lines():
                self.judge.line(name, line)

    def look(self):
        """The judge hears of everything that was said by now."""
        self.drain()
        for name, monitor in self.monitors.items():
            *lines, _ = bytes(monitor.out).split(b"\n")
            del monitor.out[:sum(len(line) + 1 for line in lines)]
            for line in lines:
                self._event(name, json.loads(line))

    def _event(self, name, event):
        kind, seen = event["kind"], self.seen[name]
        if kind == "missed":
            self._ask(name)
        if event.get("pair") != "web":
            return
        if kind == "pair-new":
            seen.update(role="secondary", health="alone",
                        peers=dict.fromkeys(self.others(name), "disconnected"))
        elif kind == "peer-change":
            seen["peers"][event["peer"]] = event["peer_state"]
        elif kind in ("pair-change", "state"):
            seen.update({k: event[k] for k in ("role", "health") if k in event})
        # One with a stream tells of applications that read in other sizes.
        if (kind == "diverged" and "stream" not in event) or event.get("health") == "diverged":
            self.is_diverged(name)
        if kind == "fenced":
            self.judge.find("state", f"{name} is fenced")

    def _ask(self, name):
        """Events were missed: the state as it is."""
        if name in self.alive:
            self._learn(name, self.state(name))

    def _learn(self, name, state):
        self.seen[name] = {"role": state["pair"]["role"], "health": state["pair"]["health"],
                           "peers": {p["name"]: p["state"] for p in state["peers"]}}

    def is_diverged(self, name):
        if name not in self.reported:
            self.score.add("diverged")
            self.reported.add(name)
            self.judge.diverged(name)
            self.say(f"{name} is diverged")

    # -- commands -------------------------------------------------------------------

    def run(self, name, command, timeout=60):
        return self.guests[name].run(command, timeout)

    def ctl(self, name, args):
        """(exit status, what was said)"""
        result = self.run(name, f"ndvalctl {args} 2>&1")
        text = result.text.strip().split("\n", 1)[0]
        self.say(f"{name}: {args}" + (f" = {text}" if result.rc else ""))
        return result.rc, result.text

    def states(self):
        """{member: what status says}, of all that can answer."""
        jobs = {n: self.guests[n].spawn("ndvalctl status web --json") for n in self.alive
                if not self.guests[n].frozen}
        found = {}
        for name, job in jobs.items():
            result = job.wait(60)
            if result.rc == 0:
                found[name] = json.loads(result.text)[0]
                self._learn(name, found[name])
                pair = found[name]["pair"]
                self.judge.memory(name, pair["memory"], pair["memory_max"])
                if pair["health"] == "diverged":
                    self.is_diverged(name)
        return found

    def state(self, name):
        return json.loads(self.guests[name].sh("ndvalctl status web --json"))[0]

    def until(self, condition, timeout=10):
        """The condition's value once it is true, or None; meanwhile the logs are read."""
        end = time.monotonic() + timeout
        while not (found := condition()):
            self.look()
            if time.monotonic() > end:
                return None
            time.sleep(0.02)
        return found

    def pause(self, most):
        """Some time for the applications."""
        time.sleep(self.random.random() * most)
        self.look()

    # -- members --------------------------------------------------------------------

    def others(self, name):
        return [n for n in self.guests if n != name]

    def make(self, *names):
        """The pair, and an application that begins at the start of every stream."""
        for name in names:
            self._prepare(name)
        jobs = []
        for name in names:
            peers = " ".join(f"--peer {n}" for n in self.others(name))
            self.alive.add(name)
            jobs.append(self.guests[name].spawn(f"ndvalctl pair add web {peers} {self.settings}"))
        for name, job in zip(names, jobs):
            job.wait(60, check=True)
            seed = self.random.randrange(1 << 32)
            self.apps[name] = self.guests[name].spawn(
                f"exec /tmp/streamer {self.streams} {seed} web")

    def _prepare(self, name):
        """What is needed once after each boot, and in each round."""
        guest = self.guests[name]
        if name in self.monitors:
            return
        if guest.run("test -x /tmp/streamer").rc:
            guest.put("/tmp/streamer", streamer().read_bytes(), 0o755)
        self.seen[name] = {"role": "secondary", "health": "alone", "peers": {}}
        self.monitors[name] = guest.spawn("exec ndvalctl monitor --json")
        # It shows the default pair, and has subscribed before.
        self.monitors[name].expect(r"\n")

    def begin(self):
        self.make(*self.guests)
        self.primary = self.random.choice(sorted(self.guests))
        self.guests[self.primary].sh("ndvalctl promote web --new")
        self.say(f"{self.mode}: {self.primary} begins, {self.streams} streams: {self.settings}")
        self.settle()

    def end(self):
        """Takes it all away again."""
        self.restore()
        for name in list(self.alive):
            self.delete(name)
        for name in self.guests:
            self.monitors.pop(name).kill(9)
        self.look()

    def delete(self, name):
        """The pair and its application are gone, as after a power cut, but the guest lives."""
        guest = self.guests[name]
        if name in self.apps:
            self.apps.pop(name).kill(9)
        guest.sh("for i in $(seq 100); do ndvalctl pair del web && break; usleep 10000; done")
        for link in json.loads(guest.sh("ndvalctl link list --json")):
            guest.run(f"ndvalctl link detach --id {link['id']}")
        self._is_gone(name)

    def power_cut(self, name):
        self.look()
        self.guests[name].power_cut()
        self.apps.pop(name, None)
        self.monitors.pop(name, None)
        self.score.add("power_cuts")
        self.say(f"power cut of {name}")
        self._is_gone(name)

    def _is_gone(self, name):
        self.drain()
        self.alive.discard(name)
        self.judge.forget(name)
        self.reported.discard(name)
        self.outdated.discard(name)

    def freeze(self, name):
        self.guests[name].freeze()
        self.score.add("freezes")
        self.say(f"{name} is frozen")

    # -- links ----------------------------------------------------------------------

    def pairs(self, names):
        return itertools.combinations(sorted(names), 2)

    def link(self, *wanted):
        """Makes links, all at the same time; who has one gets a successor."""
        jobs = []
        for one, other in wanted:
            port = next(PORTS)
            a, b = self.guests[one], self.guests[other]
            listener = a.spawn(f"timeout {LINKED} ndvalctl link attach --listen :{port} "
                               f"--peer {other}")
            client = b.spawn(f"until timeout {LINKED} ndvalctl link attach "
                             f"--connect {a.address}:{port} --peer {one}; do usleep 50000; done")
            jobs.append((listener, client))
            self.linked[one, other] = time.monotonic()
            self.say(f"link {one} {other}")
        for listener, client in jobs:
            self.until(lambda job=listener: not job.running, LINKED + 5)
            # Who has not been heard by now never will be.
            if not self.until(lambda job=client: not job.running, 1):
                client.kill(9)

    def cut(self, one, other, how):
        """@how: '>', '<' or 'x'."""
        if how != "<":
            self.net.cut(one, other, one_way=True)
        if how != ">":
            self.net.cut(other, one, one_way=True)
        self.score.add("cuts")
        self.say(f"cut {one} {how} {other}")

    def restore(self):
        """Nothing is cut, slow or frozen any more, and who was lost is back."""
        self.net.heal()
        for name, guest in self.guests.items():
            if guest.frozen:
                guest.thaw()
                self.say(f"{name} goes on")
        dead = [g for g in self.guests.values() if not g.running]
        for guest in dead:
            guest.start(wait=False)
        for guest in dead:
            guest.wait_ready()
            guest.sh(f"modprobe ndval host={guest.name}")

    # -- the cluster manager --------------------------------------------------------

    def sees(self, name, peer, states=("waiting", "behind", "in-sync", "connecting")):
        self.look()
        return self.seen[name]["peers"].get(peer) in states

    def await_loss(self, name, peer):
        """Until this member has noticed; or the manager tells it."""
        if self.random.random() < 0.5:
            self.run(name, f"ndvalctl link detach --peer {peer}")
        gone = self.until(lambda: not self.sees(name, peer))
        if not gone:
            self.judge.find("hung", f"{name} does not notice that {peer} is gone")

    def go_on_alone(self, lost):
        """The primary goes on without a member that it does not see."""
        if lost in self.alive and not self.guests[lost].frozen:
            self.until(lambda: not self.sees(lost, self.primary))
            self.ctl(lost, "outdate web")
        self.outdated.add(lost)
        self.until(lambda: not self.sees(self.primary, lost))
        self.ctl(self.primary, f"peer outdate web {lost}")

    def fit(self, than=None):
        """Who may take over."""
        return [n for n, s in sorted(self.states().items()) if n != than and s["pair"]["in_sync"]
                and not s["pair"]["outdated"]]

    def promote(self, name, flags=""):
        """True if it is the primary now. What is said of a link that still seems to live, or of
        another promotion, is waited out."""
        self.drain()
        needed = self.judge.needed()
        end = time.monotonic() + PATIENCE
        while True:
            rc, said = self.ctl(name, f"promote web {flags}")
            if not rc or time.monotonic() > end:
                break
            if not any(w in said for w in ("sees the primary", "peer is primary", "in progress",
                                           "not answer", "under way", "is connected")):
                break
            self.pause(0.1)
        if rc:
            return False
        self.primary = name
        self.score.add("failovers")
        if "force" in flags:
            self.score.add("forced")
        else:
            self.audit(name, needed)
        return True

    def audit(self, name, needed):
        """Who has taken over stores all that was given, and the same."""
        asked = {stream: max(end - AUDIT, 0) for stream, end in needed.items() if end}
        # The window may have moved on: then there is nothing to look at.
        command = "ndvalctl stream list web --json | tr -d '\\n'; echo; " + "; ".join(
            f"ndvalctl values web --stream {stream} --at {at} --length {needed[stream] - at} "
            "--hex 2>/dev/null || echo" for stream, at in asked.items())
        first, *rest = self.run(name, command).text.split("\n")
        streams = json.loads(first)
        self.judge.took_over(name, needed, {int(s["name"]): s["head"] for s in streams})
        for (stream, at), values in zip(asked.items(), rest):
            self.judge.stores(name, stream, at, bytes.fromhex(values))

    def reposition(self, states):
        """Instances that are lost go on somewhere in their member's window."""
        lines = {}
        for name, state in states.items():
            tails = {s["name"]: (s["tail"], s["head"]) for s in state["streams"]}
            for instance in state["instances"]:
                stream = instance["stream"]
                if not instance["lost"] or stream not in tails:
                    continue
                tail, head = tails[stream]
                # Not at the tail, which may just be moving.
                at = self.random.randint((tail + head) // 2, head)
                if self.judge.error[name].get(int(stream)) is None:
                    continue            # the application has not heard of it yet
                lines[name, int(stream)] = at
        for (name, stream), at in lines.items():
            before = self.judge.next[name].get(stream, 0)
            self.judge.position(name, stream, at)
            rc, _ = self.ctl(name, f"instance set web --stream {stream} --at {at}")
            if rc:
                self.judge.position(name, stream, before)
            else:
                self.score.add("repositioned")

    def resync(self, name):
        """The administrator's word: what this member has is thrown away."""
        self.drain()
        rc, said = self.ctl(name, "resync web")
        if rc:
            self.judge.find("state", f"{name}: resync: {said}")
            return
        # What was being read when it was thrown away is told before EPIPE.
        self.until(lambda: (self.drain(), all(
            self.judge.error[name].get(s) is not None for s in range(self.streams)))[1], 5)
        self.judge.forget(name)
        self.reported.discard(name)
        self.outdated.discard(name)
        self.score.add("resynced")

    # -- all is well again ------------------------------------------------------------

    def _missing_links(self):
        now = time.monotonic()
        missing = []
        for one, other in self.pairs(self.alive):
            gone = "disconnected" in (self.seen[one]["peers"].get(other),
                                      self.seen[other]["peers"].get(one))
            if gone and now - self.linked.get((one, other), 0) > RELINK:
                missing.append((one, other))
        return missing

    def _looks_well(self):
        """As far as events tell."""
        self.look()
        roles = [self.seen[n]["role"] for n in self.alive]
        return roles.count("primary") == 1 and len(roles) == len(self.guests) and \
            all(self.seen[n]["health"] == "protected" for n in self.alive)

    def _is_well(self, states):
        return len(states) == len(self.guests) and self._looks_well()

    def _find_primary(self, states):
        """The one of the newest epoch, if there are several; the manager makes one, if none."""
        found = [(s["pair"]["epoch"], n) for n, s in states.items()
                 if s["pair"]["role"] == "primary" and s["pair"]["health"] != "diverged"]
        if found:
            self.primary = max(found)[1]
            return
        ready = [n for n, s in sorted(states.items()) if s["pair"]["in_sync"]
                 and not s["pair"]["outdated"] and s["pair"]["health"] != "diverged"]
        if ready:
            self.promote(self.random.choice(ready))
        elif not self.fenced:
            self.promote(self.random.choice(sorted(states)), "--force")

    def _part(self, states):
        """Members that will not come together by themselves, where that is allowed."""
        for name, state in states.items():
            refused = any(p["state"] == "refused" for p in state["peers"])
            if name != self.primary and (refused or state["pair"]["role"] == "primary"):
                self.is_diverged(name)
                self.resync(name)

    def _help(self, waited):
        """What an administrator does when they do not come together."""
        states = self.states()
        self._find_primary(states)
        if self.reported and not self.strict:
            self.compare()
            for name in sorted(self.reported):
                self.resync(name)
        elif not self.strict and waited > 5:
            self._part(states)
        self.reposition(states)

    def settle(self):
        """Heals everything and waits until all members are together."""
        self.restore()
        self.make(*(n for n in self.guests if n not in self.alive))
        begin = time.monotonic()
        links, told = 0, False
        while not self.judge.faults:
            missing = self._missing_links()
            if missing:
                self.link(*missing)
                links += 1
            if self.until(lambda: self._looks_well() or self._missing_links(), 1):
                states = self.states()
                if self._is_well(states):
                    self._find_primary(states)
                    self.reposition(states)
                    break
            waited = time.monotonic() - begin
            if waited > 4 and not told:
                told = True
                self.say(f"waits for {self.seen}")
            if waited > PATIENCE:
                self.judge.find("hung", f"the members do not come together: {self.seen}")
            elif not missing:
                self._help(waited)
        self.score.add("relinked", max(links - 1, 0))
        self.outdated.clear()
        self.compare()

    def compare(self):
        self.look()
        self.judge.together(sorted(self.alive), self.reported)

    def served(self):
        """Every application gets more, wherever it stands."""
        self.drain()
        begin = dict(self.judge.reads)
        every = [(n, s) for n in self.guests for s in range(self.streams)]

        def gets_more():
            self.drain()
            if all(self.judge.reads.get(k, 0) > begin.get(k, 0) for k in every):
                return True
            self.reposition(self.states())
            return False

        if not self.until(gets_more, PATIENCE):
            self.judge.find("hung", "somebody is not served any more")

    def check_guests(self):
        for name, app in self.apps.items():
            if not app.running and not self.guests[name].frozen:
                raise Failure(f"{name}: the application has ended: {app.rc} {bytes(app.err)}")
