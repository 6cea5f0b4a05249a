# SPDX-License-Identifier: GPL-2.0-only
"""Hosts fail, are cut off and take over at random; no value may differ unreported.

chaos_steps.py has what happens, chaos_world.py the hosts and their manager,
chaos_check.py the judge. In the environment: NDVAL_FAILOVERS, so many of two hosts and a
tenth of three; NDVAL_SEED, other ones; NDVAL_CHAOS_MODE, rounds of one kind only (suspend,
async, split, force).

vm: mix=6.1,6.12 mix=6.12,6.12,6.1 shared=4 debug=no
vm: timeout=240
"""

import os
import random
import time

from chaos_steps import play
from chaos_world import MODES, Score
from guest import Failure

SEED = 0x6e6476616c
FAILOVERS = int(os.environ.get("NDVAL_FAILOVERS", 0))
SHORT = 4               # failovers in each kind of round of a short run

# In a life of the pair.
MOST = 12

# Of hosts that lose all, so many by a power cut; a boot takes as long as three failovers.
POWER_CUTS = 0.34


def modes(chosen):
    """Strict rounds are every second one of a long run."""
    if chosen:
        return (chosen,)
    if not FAILOVERS:
        return MODES
    return tuple(mode for other in MODES[1:] for mode in (MODES[0], other))


def explain(world, seed, number):
    lines = [f"NDVAL_SEED={seed + number:#x} NDVAL_CHAOS_MODE={world.mode}: "
             f"{len(world.judge.faults)} violations"]
    lines += [f"{kind}: {text}" for kind, text in world.judge.faults[:10]]
    return "\n".join([*lines, *world.steps])


def test_chaos(net):
    seed = int(os.environ.get("NDVAL_SEED", str(SEED)), 0)
    kinds = modes(os.environ.get("NDVAL_CHAOS_MODE"))
    hosts = "+".join(g.kernel.flavour for g in net)
    print(f"# chaos on {hosts}: seed {seed:#x}", flush=True)
    score, begin, number = Score(), time.monotonic(), 0
    wanted = FAILOVERS // (1 if len(net.guests) == 2 else 10) or SHORT * len(kinds)
    try:
        while score["failovers"] < wanted:
            mode = kinds[number % len(kinds)]
            most = MOST if FAILOVERS else SHORT
            world = play(net, random.Random(seed + number), score, mode, most, POWER_CUTS)
            if world.judge.faults:
                raise Failure(explain(world, seed, number))
            world.end()
            number += 1
            if FAILOVERS:
                print(f"# {time.monotonic() - begin:.0f} s: {score['failovers']} failovers",
                      flush=True)
    finally:
        print(f"# chaos on {hosts}: seed {seed:#x}, {time.monotonic() - begin:.0f} s: {score}",
              flush=True)
    assert score["compared"], "nobody got what another one had got"


test_chaos.timeout = max(240, 10 * FAILOVERS)
