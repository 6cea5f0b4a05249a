# SPDX-License-Identifier: GPL-2.0-only
"""Hosts fail, are cut off and take over at random; no value may differ unreported.

chaos_steps.py has what happens, chaos_world.py the hosts and their manager,
chaos_check.py the judge. In the environment: NDVAL_FAILOVERS, so many of two hosts and a
tenth of three; NDVAL_SEED, other ones; NDVAL_CHAOS_MODE, rounds of one kind only (suspend,
async, split, force).

vm: mix=6.1,6.12 mix=6.12,6.12,6.1 shared=4

Not on debug, where all takes four times as long, and what it looks for in one kernel
guest/chaos.c has found.

vm: debug=no
"""

import os
import random
import time

from chaos_steps import play
from chaos_world import MODES, Score
from guest import Failure

SEED = 0x6e6476616c
FAILOVERS = int(os.environ.get("NDVAL_FAILOVERS", 0))
# In a life of the pair.
MOST = 12

# A short run: lives of a failover or two. Three hosts are slower, and are not split.
SHORT = 2

# Of hosts that lose all, so many by a power cut; a boot takes as long as three failovers.
POWER_CUTS = 0.34


def modes(chosen, hosts):
    """Strict rounds are every second one of a long run."""
    if chosen:
        return (chosen,)
    if not FAILOVERS:
        return MODES if hosts == 2 else MODES[:2]
    return tuple(mode for other in MODES[1:] for mode in (MODES[0], other))


def power_cuts(mode, hosts):
    """In a short run only where most is promised."""
    return POWER_CUTS if FAILOVERS else mode == MODES[0] and hosts == 2


def test_chaos(net):
    seed = int(os.environ.get("NDVAL_SEED", str(SEED)), 0)
    kinds = modes(os.environ.get("NDVAL_CHAOS_MODE"), len(net.guests))
    hosts = "+".join(g.kernel.flavour for g in net)
    print(f"# chaos on {hosts}: seed {seed:#x}", flush=True)
    (net.a.dir / "steps").unlink(missing_ok=True)
    score, begin, number = Score(), time.monotonic(), 0
    wanted = FAILOVERS // (1 if len(net.guests) == 2 else 10)
    rounds = 0 if FAILOVERS else len(kinds)
    try:
        while score["failovers"] < wanted or number < rounds:
            mode = kinds[number % len(kinds)]
            most = MOST if FAILOVERS else SHORT
            try:
                play(net, random.Random(seed + number), score, mode, most,
                     power_cuts(mode, len(net.guests)))
            except Failure as err:
                raise Failure(f"NDVAL_SEED={seed + number:#x} NDVAL_CHAOS_MODE={mode}: {err}") \
                    from err
            number += 1
            print(f"# {time.monotonic() - begin:.0f} s: {score['failovers']} failovers, {mode}",
                  flush=True)
    finally:
        print(f"# chaos on {hosts}: seed {seed:#x}, {time.monotonic() - begin:.0f} s: {score}",
              flush=True)
    for what in ("compared", "readings_compared", "agreed_compared"):
        assert score[what], f"nobody got what another one had got: {what}"


test_chaos.timeout = max(400, 10 * FAILOVERS)
