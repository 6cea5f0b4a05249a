# SPDX-License-Identifier: GPL-2.0-only
"""What happens to the members in a round of chaos, in an order drawn from a seed.

Each step does something to the primary or to others, lets the manager find a primary,
and then lets everybody come together again. Which steps there are depends on what the
round promises; see chaos_world.py.
"""

import time

from chaos_world import World
from guest import Failure


def weather(world):
    """Links are slow or lose frames."""
    for one, other in world.pairs(world.guests):
        kind = world.random.randrange(5)
        if kind == 0:
            ms = world.random.randint(1, 40)
            world.net.delay(one, other, ms, jitter=world.random.choice((0, 10)))
            world.say(f"{one} {other}: {ms} ms")
        elif kind == 1:
            percent = world.random.choice((1, 3, 10))
            world.net.lose(one, other, percent)
            world.say(f"{one} {other}: {percent} % lost")


def isolate(world, name):
    """Cut off from all, one way or both."""
    for other in world.others(name):
        world.cut(name, other, world.random.choice("<>xx"))


def heir(world, old):
    """Another one that is to take over: all have just been in sync."""
    return world.random.choice(world.others(old))


def flags(world):
    """Who is not connected is dead, frozen or demoted when this is asked."""
    return world.random.choice(("", "--fenced")) if world.fenced else ""


def take_over(world, name, old):
    """The old primary is gone: another one is promoted. It must be possible."""
    for other in world.alive - {name, old}:
        if not world.guests[other].frozen:
            world.await_loss(other, old)
    if old not in world.alive or world.guests[old].frozen:
        world.await_loss(name, old)
    if not world.promote(name, flags(world)) and world.fenced:
        world.judge.find("state", f"{name} was in sync, and is not promoted: {world.steps[-1]}")


# -- the primary fails ------------------------------------------------------------------

def crash(world):
    """The primary's host loses all; some by a power cut, which takes a boot."""
    old = world.primary
    new = heir(world, old)
    world.pause(0.2)
    if world.random.random() < world.power_cuts:
        world.power_cut(old)
    else:
        if world.random.random() < 0.7:
            for other in world.others(old):
                world.cut(old, other, "x")
        world.delete(old)
        world.say(f"{old} has lost all")
    take_over(world, new, old)
    world.pause(0.2)


def freeze(world):
    """The primary stands still until another one has taken over."""
    old = world.primary
    new = heir(world, old)
    world.pause(0.2)
    world.freeze(old)
    take_over(world, new, old)
    world.pause(0.3)
    if world.random.random() < world.power_cuts / 2:
        world.power_cut(old)


def cut_off(world):
    """The primary is cut off; its manager demotes it, and another one goes on."""
    old = world.primary
    new = heir(world, old)
    isolate(world, old)
    world.pause(0.6)
    world.ctl(old, "demote web")
    if world.random.random() < 0.5:
        # It may be asked to take over later: not before it is in sync again.
        world.until(lambda: not any(world.sees(old, o) for o in world.others(old)))
        world.ctl(old, "outdate web")
    take_over(world, new, old)
    world.pause(0.3)


def demote(world):
    """The primary steps down; any of those that may becomes the next."""
    old = world.primary
    rc, _ = world.ctl(old, "demote web")
    if rc:
        return
    new = world.random.choice(sorted(world.guests))
    if not world.promote(new) and world.fenced:
        world.judge.find("state", f"{new} was in sync, and is not promoted: {world.steps[-1]}")


def switch_over(world):
    """The primary hands over, and now and then something happens meanwhile."""
    old = world.primary
    new = heir(world, old)
    world.drain()
    job = world.guests[old].spawn(f"timeout 8 ndvalctl switchover web --to {new} 2>&1")
    harm = world.random.randrange(6)
    if harm < 2:
        world.pause(0.06)
        world.cut(old, new, world.random.choice("<>x"))
    result = job.wait(60)
    world.say(f"{old}: switchover to {new} = {result.rc} {result.text.strip()[:60]}")
    if not result.rc:
        world.score.add("switchovers")
        world.score.add("failovers")
    elif harm >= 2 and result.rc not in (1, 143):
        world.judge.find("hung", f"{old}: the switchover does not end")
    find_primary(world, old, new)


def find_primary(world, old, new):
    """After something that may or may not have made another one primary."""
    roles = {n: s["pair"]["role"] for n, s in world.states().items()}
    found = [n for n, role in roles.items() if role == "primary"]
    if found:
        world.primary = new if new in found else found[0]
        return
    # A target that does not hear the old one any more will not take over later.
    world.until(lambda: not world.sees(new, old) or new in (
        n for n, seen in world.seen.items() if seen["role"] == "primary"), 3)
    states = world.states()
    if states[new]["pair"]["role"] == "primary":
        world.primary = new
    elif states[new]["pair"]["in_sync"]:
        world.promote(new)
    elif states[old]["pair"]["in_sync"]:
        world.promote(old)


# -- others fail ------------------------------------------------------------------------

def lose_secondary(world):
    """A secondary is away for a while; the primary waits, or is told to go on."""
    name = world.random.choice(world.others(world.primary))
    how = world.random.randrange(4)
    if how == 0:
        world.freeze(name)
        world.pause(0.8)
    elif how == 1:
        world.delete(name)
    elif how == 2 and world.random.random() < world.power_cuts:
        world.power_cut(name)
    else:
        isolate(world, name)
        world.pause(0.8)
    if world.fenced and world.random.random() < 0.6 and not world.guests[name].frozen:
        world.go_on_alone(name)
    world.pause(0.4)


def break_link(world):
    """A link ends, or gets a successor, while all is well."""
    one, other = world.random.choice(list(world.pairs(world.guests)))
    if world.random.random() < 0.5:
        world.run(one, f"ndvalctl link detach --peer {other}")
        world.say(f"detach {one} {other}")
    else:
        world.link((one, other))
    world.pause(0.2)


# -- where less is promised -------------------------------------------------------------

def split(world):
    """Nobody fences the old primary: both give values."""
    old = world.primary
    new = heir(world, old)
    for other in world.others(old):
        world.cut(old, other, world.random.choice("<>xx"))
    for other in world.others(old):
        world.await_loss(other, old)
    world.pause(0.3)
    if world.promote(new):
        world.score.add("split")
    world.pause(0.4)


def force(world):
    """One that lacks values is promoted all the same, and says so."""
    old = world.primary
    new = world.random.choice(world.others(old))
    for other in world.others(old):
        world.cut(old, other, "x")
    for other in world.others(old):
        world.await_loss(other, old)
    world.ctl(new, "outdate web")
    if world.random.random() < 0.5:
        for other in world.others(old):
            world.ctl(old, f"peer outdate web {other}")
    world.pause(0.4)
    if world.random.random() < 0.5:
        world.delete(old)
    before = world.state(new)["pair"]["forced"]
    if not world.promote(new, "--force"):
        world.judge.find("state", f"{new} is not promoted by force: {world.steps[-1]}")
    elif world.state(new)["pair"]["forced"] != before + 1:
        world.judge.find("unreported", f"{new} was promoted by force, and does not say so")
    world.pause(0.3)


COMMON = (crash, crash, crash, crash, freeze, freeze, freeze, cut_off, cut_off, demote, demote,
          switch_over, switch_over, switch_over, lose_secondary, lose_secondary, break_link)
# Each round begins with the first.
STEPS = {
    "suspend": COMMON,
    "async": COMMON,
    "split": (split, split, split, crash, switch_over, lose_secondary, break_link),
    "force": (force, force, force, crash, switch_over, demote, lose_secondary),
}


def live(world, failovers):
    """A life of the pair with about so many failovers; returns how many steps it had."""
    score, before, steps = world.score, world.score["failovers"], 0
    world.begin()
    while score["failovers"] - before < failovers and steps < 3 * failovers \
            and not world.judge.faults:
        if world.random.random() < 0.4:
            weather(world)
        step = world.random.choice(STEPS[world.mode]) if steps else STEPS[world.mode][0]
        world.say(f"-- {step.__name__}")
        step(world)
        world.check_guests()
        if not world.judge.faults:
            world.settle()
        steps += 1
    if not world.judge.faults:
        world.served()
        world.compare()
    return steps


def play(net, random, score, mode, failovers, power_cuts=0.1):
    """One round; fails with all that happened if something is wrong with it."""
    begin = time.monotonic()
    world = World(net, random, score, mode)
    world.power_cuts = power_cuts
    try:
        steps = live(world, failovers)
    except Exception as err:
        raise Failure("\n".join([f"{type(err).__name__}: {err}", *world.steps])) from err
    score.add("rounds")
    score.add("steps", steps)
    for name in ("values", "compared", "audited", "records", "readings_compared",
                 "agreed_compared", "records_audited", "fsyncs", "differed"):
        score.add(name, getattr(world.judge, name))
    score.add("violations", len(world.judge.faults))
    if world.judge.faults:
        raise Failure("\n".join([*(f"{kind}: {text}" for kind, text in world.judge.faults[:10]),
                                 *world.steps]))
    world.end()
    world.say(f"{time.monotonic() - begin:.1f} s")
