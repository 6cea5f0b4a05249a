# SPDX-License-Identifier: GPL-2.0-only
"""Copies of an application read the same bytes, whoever reads first, on whatever host.

vm: mix=6.12,6.1 debug=instead
vm: timeout=180
"""

from common import (NODE, Reader, attach, await_health, ctl, get, hexed, join, link, links,
                    make_pair, pair_of, read, roles, same)


def test_one_stream(net):
    """Four windows of it: nobody is ever more than one behind."""
    primary, secondary = roles(net)
    join(primary, secondary, settings="overflow=stall")
    readers = [Reader(g, 1 << 20) for g in (primary, secondary)]
    same(*(r.result() for r in readers), size=1 << 20)
    assert hexed(primary, 64) == hexed(secondary, 64), "a shell's bytes differ"


def test_32_streams_by_32_threads(net):
    """Threads start in another order on each host, and pause as they like."""
    primary, secondary = roles(net)
    join(primary, secondary)
    readers = [Reader(g, 60000, streams=32, longest=9000, pause=3000)
               for g in (primary, secondary)]
    results = [r.result() for r in readers]
    same(*results, size=60000)
    digests = {digest for _, digest, _ in results[0].values()}
    assert len(digests) == 32, "two streams have the same bytes"


def test_sizes_1_byte_to_1_mib(net):
    join(net.a, net.b, settings="ring_size=4M")
    for longest in (3, 5000, 1 << 20):
        size = min(longest * 3000, 3 << 20)
        readers = [Reader(g, size, streams=2, prefix=f"x{longest}", longest=longest)
                   for g in net]
        same(*(r.result() for r in readers), size=size)


def test_secondary_ahead(net):
    primary, secondary = roles(net)
    join(primary, secondary)
    ahead = read(secondary, 200000)
    assert pair_of(primary)["delivered"] == 0
    same(ahead, read(primary, 200000), size=200000)


def test_primary_ahead(net):
    primary, secondary = roles(net)
    join(primary, secondary)
    ahead = read(primary, 200000)
    assert pair_of(secondary)["delivered"] == 0
    same(ahead, read(secondary, 200000), size=200000)


def test_taking_turns(net):
    """Now one is ahead, now the other."""
    join(net.a, net.b)
    first, second = (Reader(g, 150000, gate=gate) for g, gate in ((net.a, 60000), (net.b, 1)))
    first.at_gate()
    second.at_gate().go()
    result = second.result()
    same(first.go().result(), result, size=150000)


def test_late_but_inside_the_window(net):
    """The second host's pair is made when the first has read most of a window."""
    primary, secondary = roles(net)
    make_pair(primary, promote=False)
    ctl(primary, f"peer add web {secondary.name}")
    ctl(primary, "promote web --new")
    before = read(primary, 200000, streams=3)
    ctl(secondary, f"pair add web --peer {primary.name}")
    link(primary, secondary)
    same(before, read(secondary, 200000, streams=3), size=200000)


def test_two_instances_on_one_host(net):
    """The smallest redundant pair: no network, no peers."""
    for guest in net:
        # The faster one may be a window ahead, else the slower one is lost.
        ctl(guest, "pair add web instances=0-1 ring_size=4M on_divergence=report")
        readers = [Reader(guest, 1 << 20, streams=4, instance=i) for i in (0, 1)]
        same(*(r.result() for r in readers), size=1 << 20)
        assert not links(guest)


def two_members(guest):
    for member in ("x", "y"):
        ctl(guest, f"member add {member}")
    ctl(guest, "pair add wx --group w --member x --peer y")
    ctl(guest, "pair add wy --group w --member y --peer x")
    ctl(guest, "promote wx --new")
    ctl(guest, "pair set wx on_divergence=report")


def members_read_the_same(guest, transport):
    for name in ("wx", "wy"):
        await_health("protected", guest, name=name)
    assert {found["transport"] for found in links(guest)} == {transport}
    readers = [Reader(guest, 200000, streams=4, node=f"/dev/ndval-{name}")
               for name in ("wx", "wy")]
    same(*(r.result() for r in readers), size=200000)


def test_two_members_in_one_kernel(net):
    for guest in net:
        two_members(guest)
        ctl(guest, "link attach --member x --peer y --unix-pair y")
        members_read_the_same(guest, "unix")


def test_link_over_vsock(net):
    for guest in net:
        guest.sh("modprobe vsock_loopback")
        two_members(guest)
        attach(guest, "--member x --peer y --vsock-listen 7010",
               guest, "--member y --peer x --vsock-connect 1:7010")
        members_read_the_same(guest, "vsock")


def test_unmodified_programs(net):
    """What a shell makes of the node: the same tokens on both hosts."""
    join(net.a, net.b)
    script = f"for i in $(seq 20); do head -c 16 {NODE} | xxd -p; done"
    jobs = [g.spawn(script) for g in net]
    first, second = [job.wait(60, check=True).text for job in jobs]
    assert first == second and len(set(first.split())) == 20, (first, second)
    assert get(net.b, "status web")[0]["instances"][0]["position"] == 320
