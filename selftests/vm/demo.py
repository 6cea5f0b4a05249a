#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Shows in a minute what ndval does ('make demo'): the same random bytes on two hosts.

Two virtual machines with different kernels are set up as an administrator
would do it, and run the same unmodified shell script. Exit status: 0 if every
token was the same on both, 1 otherwise.
"""

import contextlib
import os
import re
import sys
import textwrap
import time

import build
import kernels
import vm

KERNELS = {"a": "6.1", "b": "6.12"}
NODE = "/dev/ndval-web"
CONF = "/etc/ndval/ndvald.conf"
SCRIPT = "/usr/local/bin/token"
TOKEN = f"head -c 16 {NODE} | xxd -p"
WIDTH = 32      # of a token
DRAWS = 2       # of tokens at each step
TIMEOUT = 30    # s, for whatever is waited for

KEY = "/etc/ndval/ndval.key"
CONFIG = """\
[host]
name = {name}
key_file = /etc/ndval/ndval.key
[peer {peer}]
address = {address}
[pair web]
peers = {peer}
"""

INTRO = """\
A program that draws random numbers can't have a copy on another machine that
does the same: each draws its own. With ndval it can. Both read /dev/ndval-web:
one host's kernel draws the bytes, and the other's gives its program the same.
"""


class Wrong(vm.Failure):
    """The demo did not show what it is to show."""


def say(text=""):
    print(text, flush=True)


def until(what, condition):
    end = time.monotonic() + TIMEOUT
    while not condition():
        if time.monotonic() > end:
            raise Wrong(f"not within {TIMEOUT} s: {what}")
        time.sleep(0.1)


def health(guest):
    return guest.sh(f"cat /sys/class/ndval/{os.path.basename(NODE)}/health", check=False)


def await_health(net, word):
    for guest in net:
        until(f"the pair is {word} on host {guest.name}", lambda g=guest: health(g) == word)


def draw(guest, count):
    """What the script prints when it is run so many times."""
    said = guest.sh(f"for i in $(seq {count}); do {SCRIPT}; done")
    tokens = said.split()
    if len(tokens) != count or not all(re.fullmatch(r"[0-9a-f]{32}", t) for t in tokens):
        raise Wrong(f"host {guest.name} printed this instead of {count} tokens:\n{said}")
    return tokens


def row(left, right="", remark=""):
    say(f"   {left:{WIDTH}}   {right:{WIDTH}}   {remark}".rstrip())


def compare(left, right):
    """Shows tokens side by side. Counts the rows that differ."""
    differing = 0
    for one, other in zip(left, right, strict=True):
        differing += one != other
        row(one, other, "same" if one == other else "DIFFERENT")
    return differing


def set_up(net):
    peers = {"a": net.b, "b": net.a}
    configs = {}
    for guest in net:
        peer = peers[guest.name]
        configs[guest.name] = CONFIG.format(name=guest.name, peer=peer.name,
                                            address=peer.address)
        guest.put(CONF, configs[guest.name])
        guest.put(SCRIPT, f"#!/bin/sh\n{TOKEN}\n", 0o755)
    say(f"Set-up, in {CONF} on")
    row(*(f"host {guest.name}, Linux {guest.kernel.flavour}" for guest in net))
    for lines in zip(*(config.splitlines() for config in configs.values()), strict=True):
        row(*lines)
    row(f"# ndvalctl key gen {KEY}")
    row(f"# scp -p {KEY} b:{KEY}")
    net.a.sh(f"ndvalctl key gen {KEY}")
    net.b.put(KEY, net.a.get(KEY), 0o600)
    row("# ndvald &", "# ndvald &")
    daemons = [guest.spawn("exec ndvald") for guest in net]
    row("# ndvalctl promote web --new")
    try:
        until("host a has the pair", lambda: health(net.a))
        net.a.sh("ndvalctl promote web --new")
        await_health(net, "protected")
    except Wrong as err:
        said = "".join(f"\n{job.err.decode(errors='replace')}" for job in daemons)
        raise Wrong(f"{err}; ndvald said:{said}") from None


def show(net):
    """Returns how many tokens were drawn on each host, and how many differed."""
    say(f"The program, the same shell script on both:   {TOKEN}")
    say("1. Both run it.")
    differing = compare(draw(net.a, DRAWS), draw(net.b, DRAWS))
    say("2. b runs ahead, a comes later.")
    ahead = draw(net.b, DRAWS)
    differing += compare(draw(net.a, DRAWS), ahead)
    net.cut("a", "b")
    await_health(net, "alone")
    say("3. The network between them is cut. Bytes were sent ahead of use: both go on.")
    differing += compare(draw(net.a, DRAWS), draw(net.b, DRAWS))
    net.heal()
    await_health(net, "protected")
    say("4. It is healed, ndvald has linked them again. a runs ahead, b comes later.")
    ahead = draw(net.a, DRAWS)
    differing += compare(ahead, draw(net.b, DRAWS))
    return 4 * DRAWS, differing


def show_status(net):
    for guest in net:
        status = [line for line in guest.sh("ndvalctl status web").splitlines() if line]
        say(f"{guest.name}# ndvalctl status web")
        say(textwrap.indent("\n".join(status), "   "))


def prepare():
    """Everything that takes long the first time only."""
    for flavour in KERNELS.values():
        build.module(kernels.get(flavour))
    build.tools()


def demo():
    say(INTRO)
    with contextlib.redirect_stdout(sys.stderr):
        prepare()
    start = time.monotonic()
    print("Booting two virtual machines .. ", end="", flush=True)
    with vm.Net(KERNELS, test="demo") as net:
        say(f"{time.monotonic() - start:.0f} s\n")
        set_up(net)
        drawn, differing = show(net)
        show_status(net)
    if differing:
        raise Wrong(f"{differing} of {drawn} tokens differ")
    say(f"All {drawn} tokens were the same on both hosts. Try it yourself: make vm")


def main():
    vm.quit_on_signals()
    try:
        demo()
    except KeyboardInterrupt:
        return 130
    except (vm.Failure, build.Error, kernels.Error, OSError) as err:
        why = str(err)
    else:
        return 0
    print(f"\ndemo: FAILED: {why}\ndemo: the logs of both hosts are in {vm.LOGS / 'demo'}",
          file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
