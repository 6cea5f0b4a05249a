# SPDX-License-Identifier: GPL-2.0-only
"""What hosts say of each other: health, peers' states, and what repairs a disagreement.

vm: mix=6.1,6.12 debug=instead
vm: timeout=180
"""

import time

from common import (NODE, Reader, await_health, await_no_link, ctl, fails_with, get, health, hexed,
                    join, link, make_pair, pair_of, peer_of, read, refused, roles, same, unlink,
                    until)

TIMEOUT_MS = 500


def state(guest, peer):
    return peer_of(guest, peer)["state"]


def await_state(word, guest, peer):
    until(f"{guest}: peer {peer} is {word}, but {state(guest, peer)}",
          lambda: state(guest, peer) == word)


def says(guest, *words):
    """What 'ndvalctl status' shows to a person."""
    shown = ctl(guest, "status web")
    for word in words:
        assert word in shown, f"{guest}: no '{word}' in\n{shown}"


def test_health_at_each_stage(net):
    primary, secondary = roles(net)
    make_pair(primary, secondary, settings=f"peer_timeout_ms={TIMEOUT_MS}", promote=False)
    for guest, other in ((primary, secondary), (secondary, primary)):
        assert (health(guest), state(guest, other.name)) == ("alone", "disconnected")
        says(guest, "secondary  alone", f"peer {other.name}  disconnected", "no link",
             "promote web --new")
    link(primary, secondary)
    for guest, other in ((primary, secondary), (secondary, primary)):
        await_state("waiting", guest, other.name)
        assert health(guest) == "alone"
    ctl(primary, "promote web --new")
    for guest, other, role in ((primary, secondary, "primary"),
                               (secondary, primary, "secondary")):
        await_health("protected", guest)
        await_state("in-sync", guest, other.name)
        says(guest, f"web  {role}  protected  epoch 1", f"peer {other.name}  in-sync", "tcp")
    read(primary, 100000)
    await_health("protected", primary, secondary)

    secondary.freeze()
    frozen = time.monotonic()
    await_health("alone", primary)
    # That it is this setting that counts is in the log; the rest is what a busy machine
    # may be late.
    assert time.monotonic() - frozen < 10
    reason = primary.sh("dmesg | grep 'ndval: link .* down: ' | tail -n 1")
    assert f"silent for {TIMEOUT_MS} ms" in reason or "error 110" in reason, reason
    await_state("disconnected", primary, secondary.name)
    says(primary, "primary  alone", f"peer {secondary.name}  disconnected",
         f"{secondary.name} is not connected")
    secondary.thaw()
    await_no_link(primary, secondary)
    await_health("alone", secondary)
    says(secondary, "secondary  alone", "the primary is not connected")
    link(primary, secondary)
    await_health("protected", primary, secondary)


def test_at_risk_while_behind(net):
    """What was delivered and is not stored by the peer yet makes the pair at risk."""
    join(net.a, net.b, settings="peer_timeout_ms=60000 prefetch=0 commit=async")
    net.cut("a", "b")
    read(net.a, 50000)
    await_health("at-risk", net.a)
    peer = peer_of(net.a, "b")
    assert peer["state"] == "behind" and peer["lag"] >= 40000, peer
    says(net.a, "primary  at-risk", "peer b  behind")
    net.heal()
    await_health("protected", net.a, net.b)
    assert peer_of(net.a, "b")["lag"] == 0


def test_two_primaries(net):
    """Both were promoted while apart: each refuses the other and says so; resync repairs."""
    make_pair(net.a, net.b)
    ctl(net.b, "promote web --new")
    first = read(net.a, 1000)
    assert first != read(net.b, 1000)
    link(net.a, net.b)
    for guest, other in ((net.a, "b"), (net.b, "a")):
        await_state("refused", guest, other)
        assert "both are primary" in peer_of(guest, other)["reason"]
        assert health(guest) == "alone"
        says(guest, f"peer {other}  refused", "both are primary", "resync")
    # Neither has taken anything from the other.
    assert pair_of(net.a)["incarnation"] != pair_of(net.b)["incarnation"]
    for guest in net:
        fails_with("ok", read(guest, 1000))

    ctl(net.b, "resync web")
    await_health("protected", net.a, net.b)
    assert pair_of(net.a)["incarnation"] == pair_of(net.b)["incarnation"]
    assert pair_of(net.b)["role"] == "secondary"
    fails_with("EPIPE", read(net.b, 1))
    ctl(net.b, "instance set web --at 0")
    same(first, read(net.b, 1000), size=1000)


def test_rebuilt_primary(net):
    """A primary with a new life meets a secondary that has delivered values of the old one."""
    primary, secondary = roles(net)
    join(primary, secondary)
    same(read(primary, 1000), read(secondary, 1000), size=1000)
    ctl(primary, "pair del web")
    make_pair(primary, settings=f"--peer {secondary.name}", promote=False)
    await_state("waiting", primary, secondary.name)
    ctl(primary, "promote web --new")
    await_health("diverged", secondary)
    fails_with("ESTALE", read(secondary, 1))
    says(secondary, "diverged", "resync web")
    await_state("refused", primary, secondary.name)
    says(primary, f"peer {secondary.name}  refused", "diverged")
    new = read(primary, 1000)
    ctl(secondary, "resync web")
    await_health("protected", primary, secondary)
    fails_with("EPIPE", read(secondary, 1))
    ctl(secondary, "instance set web --at 0")
    same(new, read(secondary, 1000), size=1000)


def test_rebuilt_primary_and_unread_secondary(net):
    """A secondary that delivered nothing takes the new life over, and nobody notices."""
    join(net.a, net.b)
    read(net.a, 1000)
    ctl(net.a, "pair del web")
    make_pair(net.a, settings="--peer b")
    await_health("protected", net.a, net.b)
    same(read(net.a, 1000), read(net.b, 1000), size=1000)


def test_promote_is_refused(net):
    """Where a pair lives already, nobody begins another life by mistake."""
    join(net.a, net.b)
    refused(net.a, "promote web --new", "this member is the primary")
    refused(net.b, "promote web --new", "has begun its life")
    unlink(net.a, net.b)
    refused(net.b, "promote web --new", "has begun its life")
    link(net.a, net.b)
    await_health("protected", net.a, net.b)


def test_pair_settings_are_carried(net):
    """bind=required, set on the primary, holds on the secondary, which can't set it."""
    primary, secondary = roles(net)
    join(primary, secondary)
    refused(secondary, "pair set web bind=required", "primary")
    ctl(primary, "pair set web bind=required")
    until("b has it", lambda s=secondary: pair_of(s)["bind"] == "required")
    for guest in (primary, secondary):
        said = guest.run(f"head -c 1 {NODE}")
        assert said.rc and b"No such device or address" in said.err, said.err
    same(*(read(g, 1000, streams=1) for g in (primary, secondary)), size=1000)
    refused(secondary, "pair set web bind=any", "primary")
    # Also what was set while they were apart.
    unlink(primary, secondary)
    ctl(primary, "pair set web bind=any")
    link(primary, secondary)
    until("b has it", lambda s=secondary: pair_of(s)["bind"] == "any")
    assert hexed(primary, 8) == hexed(secondary, 8)


def test_peer_that_lacks_the_pair(net):
    """A link without the pair on the other side: connecting; when it is made it is joined."""
    make_pair(net.a, net.b)
    ctl(net.b, "pair del web")
    link(net.a, net.b)
    await_state("connecting", net.a, "b")
    assert health(net.a) == "alone"
    waiting = Reader(net.a, 1000)
    result = waiting.result()
    ctl(net.b, "pair add web --peer a")
    await_health("protected", net.a, net.b)
    same(result, read(net.b, 1000), size=1000)
    # And gone again, under the eyes of the other.
    ctl(net.b, "pair del web")
    await_state("connecting", net.a, "b")
    await_health("alone", net.a)
    kinds = [p["state"] for p in get(net.a, "peer list web")]
    assert kinds == ["connecting"], kinds
