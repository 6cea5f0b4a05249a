# SPDX-License-Identifier: GPL-2.0-only
"""A virtual machine is cloned: the clone is another host and must not go on as the old one.

The memory of a guest is saved, and started again with another VM generation id.

vm: mix=6.1,6.12 debug=instead
vm: vmgenid=8f1ed2e2-4d0c-4f6c-a1f7-7b3d0f6f3c01
vm: timeout=240
"""

import struct
import tempfile
import uuid
from pathlib import Path

from common import (Reader, await_health, await_no_link, ctl, fails_with, get, join, link, pair_of,
                    read, same, until)

HEADER, TCP, ETHERNET = struct.Struct("<IIII"), 6, 14


def payloads(capture, source):
    """Bytes that TCP carried from an address, by a pcap file."""
    data = capture.read_bytes()[24:]
    total = 0
    while data:
        _, _, size, _ = HEADER.unpack_from(data)
        packet = data[HEADER.size + ETHERNET:HEADER.size + size]
        data = data[HEADER.size + size:]
        if packet[:1] == b"\x45" and packet[9] == TCP and packet[12:16] == source:
            total += struct.unpack_from(">H", packet, 2)[0] - 20 - (packet[32] >> 4) * 4
    return total


def clone(guest, scratch):
    """Saves the stopped guest, ends it, and starts what was saved with another id, stopped."""
    image, capture = scratch / "image", scratch / "capture"
    guest.qmp("migrate", uri=f"exec:cat >{image}")
    until("the guest is saved", lambda: guest.qmp("query-migrate")["status"] == "completed", 60)
    guest.check_log()
    guest.kill()
    options = dict(guest.options)
    guest.options.update(vmgenid=str(uuid.uuid4()), qemu=(
        "-incoming", f"exec:cat {image}",
        "-object", f"filter-dump,id=f0,netdev=n0,file={capture}"))
    try:
        guest.start(wait=False)
    finally:
        guest.options = options
    guest.agent.release = guest.kernel.version      # its agent says no hello again
    until("the clone is loaded", lambda: guest.qmp("query-status")["status"] == "paused", 60)
    guest.frozen = True
    return capture


def identities(guest):
    return {get(guest, "member list")[0]["id"], pair_of(guest)["member_id"]}


def cloned(net, primary, secondary):
    """Clones guest b while a message that it would answer is under way; it is left fenced.

    The message reaches the clone when its kernel has told it what it is: until
    then nobody in it can know.
    """
    join(primary, secondary, settings="prefetch=0 peer_timeout_ms=60000")
    same(read(net.a, 20000), read(net.b, 20000), size=20000)
    before = identities(net.b)
    net.b.freeze()
    reader = Reader(net.a, 50000)       # makes a send FETCH, or VALUES
    with tempfile.TemporaryDirectory(prefix="ndval-clone-") as scratch:
        net.cut("a", "b", one_way=True)
        capture = clone(net.b, Path(scratch))
        net.b.thaw()
        await_health("fenced", net.b)
        net.heal()
        await_no_link(net.a, net.b)
        sent = payloads(capture, bytes([10, 9, 0, 2]))
    assert not sent, f"the clone has sent {sent} bytes"
    assert not before & identities(net.b), "the clone has the identity of the original"
    assert pair_of(net.b)["retained"] == 0
    fails_with("ESTALE", read(net.b, 1))
    assert "virtual machine was cloned" in net.b.sh("dmesg")
    status = ctl(net.b, "status web")
    assert "fenced" in status and "resync web" in status, status
    assert get(net.b, "member list")[0]["vm_clone"] == "on"
    return reader


def test_clone_of_a_secondary(net):
    reader = cloned(net, net.a, net.b)
    whole = reader.result()
    assert whole["default"][0] == 50000
    link(net.a, net.b)
    until("a knows what b is", lambda: get(net.a, "peer list web")[0]["state"] == "refused")
    ctl(net.b, "resync web")
    await_health("protected", net.a, net.b)
    fails_with("EPIPE", read(net.b, 1))
    ctl(net.b, "instance set web --at 20000")
    same(whole, read(net.b, 50000), size=50000)


def test_clone_of_the_primary(net):
    """Nobody may draw values any more; a new life of the pair is begun by hand."""
    reader = cloned(net, net.b, net.a)
    assert reader.job.running, "values came from nowhere"
    link(net.a, net.b)
    ctl(net.b, "resync web")
    ctl(net.b, "promote web --new")
    await_health("diverged", net.a)
    fails_with("ESTALE", reader.result())
    ctl(net.a, "resync web")
    await_health("protected", net.a, net.b)
    for guest in net:
        ctl(guest, "instance set web --at 0")
    same(*(read(g, 50000) for g in net), size=50000)
