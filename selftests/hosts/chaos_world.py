# SPDX-License-Identifier: GPL-2.0-only
"""Chaos between guests: the members, their applications, and a cluster manager.

The manager does what the administrator's guide says: it promotes after the old primary
is dead, frozen or demoted, and lets a primary go on alone after it has outdated the
others. What the schedules of a round do besides is in chaos_steps.py, what is judged
in chaos_check.py.
"""

import errno
import itertools
import json
import time

from chaos_apps import Log, streamer
from chaos_check import Judge
from chaos_journal import from_json, journal
from guest import Failure

PORTS = itertools.count(8000)
PEER_TIMEOUT_MS = 300
PATIENCE = 30           # s until all must be well again
LINKED = 5              # s that a link may take to come up; frames may be lost
RELINK = 1.0            # s after which a link that is not there is made again
AUDIT = 4096            # bytes of each stream that who takes over is asked for
MODES = ("suspend", "async", "split", "force")
LINK_IDS = """ndvalctl link list --json | tr , '\\n' | sed -n 's/.*"id": *\\([0-9]*\\).*/\\1/p'"""


def set_command(move):
    """Puts an instance to places in a stream and its journal, and says how that went."""
    stream = str(next(iter(move))).split(" ", maxsplit=1)[0]
    places = " ".join(f"{'--at' if isinstance(book, int) else '--journal-at'} {at}"
                      for book, at in move.items())
    return f"ndvalctl instance set web --stream {stream} {places} >/dev/null 2>&1; echo $?"


class Score:
    """Sums of all rounds."""

    NAMES = ("rounds", "steps", "failovers", "power_cuts", "freezes", "cuts", "switchovers",
             "forced", "split", "relinked", "resynced", "repositioned",
             "records_repositioned", "values",
             "compared", "audited", "records", "readings_compared", "agreed_compared",
             "records_audited", "fsyncs", "differed", "diverged", "violations")

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
        self.number = random.randrange(1 << 32)
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
            life = self.random.randrange(1 << 32)
            self.judge.born(name, life)
            self.apps[name] = self.guests[name].spawn(
                f"exec /tmp/streamer {self.streams} {life} web {name} {self.number}")

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
        guest.sh("for i in $(seq 100); do ndvalctl pair del web && break; usleep 10000; done; "
                 f"for id in $({LINK_IDS}); do ndvalctl link detach --id $id; done; :")
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
        ends = {stream: needed[stream] for stream in range(self.streams) if needed.get(stream)}
        asked = {stream: max(end - AUDIT, 0) for stream, end in ends.items()}
        # The window may have moved on: then there is nothing to look at.
        commands = ["ndvalctl stream list web --json | tr -d '\\n'; echo",
                    *(f"ndvalctl values web --stream {stream} --at {at} --length "
                      f"{ends[stream] - at} --hex 2>/dev/null || echo"
                      for stream, at in asked.items())]
        # Starting a program takes long: of one stream's journal it is enough.
        stream = self.random.randrange(self.streams)
        end = needed.get(journal(stream), 0)
        records = self.judge.needed_records(stream, max(end - AUDIT, 0), end)
        if records:
            at = records[0].place
            commands.append(f"ndvalctl values web --journal --stream {stream} --at {at} --length "
                            f"{end - at} --json 2>/dev/null | tr -d '\\n'; echo")
        first, *rest = self.run(name, "; ".join(commands)).text.split("\n")
        heads = {}
        for one in json.loads(first):
            number = int(one["name"])
            heads.update({number: one["head"], journal(number): one.get("journal_head", 0)})
        self.judge.took_over(name, needed, heads)
        for (number, at), values in zip(asked.items(), rest):
            self.judge.stores(name, number, at, bytes.fromhex(values))
        if records and rest[len(asked)]:
            for shown in json.loads(rest[len(asked)])["records"]:
                self.judge.stores_record(name, stream, from_json(shown))

    def reposition(self, states):
        """Instances that are lost go on somewhere in their member's window."""
        jobs = []
        for name, state in states.items():
            windows = {s["name"]: s for s in state["streams"]}
            moves = [self._move(name, i, windows[i["stream"]]) for i in state["instances"]
                     if i["stream"] in windows]
            moves = [move for move in moves if move]
            if moves:
                before = [{book: self.judge.position(name, book, at) for book, at in move.items()}
                          for move in moves]
                # One shell for all: it takes as long to start as ndvalctl does.
                job = self.guests[name].spawn("; ".join(map(set_command, moves)))
                jobs.append((name, moves, before, job))
        for name, moves, before, job in jobs:
            for move, was, rc in zip(moves, before, job.wait(60, check=True).text.split()):
                self.say(f"{name}: {move} = {rc}")
                for book, at in was.items():
                    if rc != "0":
                        self.judge.next[name][book], self.judge.error[name][book] = at
                    else:
                        self.score.add("repositioned" if isinstance(book, int) else
                                       "records_repositioned")

    def _move(self, name, instance, window):
        """Where it goes on: {stream: offset, journal of it: place}, whichever is lost. Only if
        the application has heard of it."""
        move, error, stream = {}, self.judge.error[name], int(window["name"])
        if instance["lost"] and error.get(stream) is not None:
            # Not at the tail, which may just be moving.
            move[stream] = self.random.randint((window["tail"] + window["head"]) // 2,
                                               window["head"])
        # Or it would ask for what belongs to the place that it left.
        if instance["journal_lost"] and error.get(journal(stream)) == errno.EPIPE:
            tail, head = window["journal_tail"], window["journal_head"]
            move[journal(stream)] = self.random.choice(
                self.judge.begins(stream, (tail + head) // 2, head) + [head])
        return move

    def resync(self, name):
        """The administrator's word: what this member has is thrown away."""
        self.drain()
        rc, said = self.ctl(name, "resync web")
        if rc:
            self.judge.find("state", f"{name}: resync: {said}")
            return
        error, next_ = self.judge.error[name], self.judge.next[name]

        def has_heard(stream):
            # One that had no record yet is not lost by it.
            return error.get(stream) is not None and (
                error.get(journal(stream)) is not None or not next_.get(journal(stream)))

        # What was being read when it was thrown away is told before EPIPE.
        self.until(lambda: self.drain() or all(map(has_heard, range(self.streams))), 5)
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
        # What was just given need not be stored by all in async rounds, and seldom is.
        well = ("protected", "at-risk") if self.mode == "async" else ("protected",)
        return roles.count("primary") == 1 and len(roles) == len(self.guests) and \
            all(self.seen[n]["health"] in well for n in self.alive)

    def _is_well(self, states):
        return len(states) == len(self.guests) and self._looks_well() and \
            all(s["pair"]["in_sync"] for s in states.values() if s["pair"]["role"] != "primary")

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
        """Every application gets more bytes and records, wherever it stands."""
        self.drain()
        begin = dict(self.judge.reads)
        every = [(n, book) for n in self.guests for s in range(self.streams)
                 for book in (s, journal(s))]

        def gets_more():
            self.drain()
            waiting = [k for k in every if self.judge.reads.get(k, 0) <= begin.get(k, 0)]
            # Nothing can be done for one that has had no error.
            if any(self.judge.error[n].get(book) for n, book in waiting):
                self.reposition(self.states())
            return not waiting

        if not self.until(gets_more, PATIENCE):
            self.judge.find("hung", "somebody is not served any more")

    def check_guests(self):
        for name, app in self.apps.items():
            if not app.running and not self.guests[name].frozen:
                raise Failure(f"{name}: the application has ended: {app.rc} {bytes(app.err)}")
