# SPDX-License-Identifier: GPL-2.0-only
"""memcheck finds nothing in a session of ndvalctl and ndvald with the module.

The first host runs this machine's valgrind (vm/hostroot.sh); check/valgrind.sh
has what needs no module.

vm: mix=6.12-generic,6.12
vm: debug=no
vm: mem=768
vm: timeout=240
"""

from common import TOP, get, until

# Without libc's own clean-up at the end: it would pull the resolver's memory from
# under threads of getaddrinfo_a(3) that are still there.
MEMCHECK = ("hostroot valgrind -q --error-exitcode=99 --leak-check=full --vgdb=no "
            f"--run-libc-freeres=no --suppressions={TOP}/selftests/check/valgrind.supp")
PAIR = "[pair web]\npeers = b\ninspect = on\n"


def command(tool, args):
    return f"{MEMCHECK} {TOP}/tools/{tool}/{tool} {args}"


def memcheck(guest, args):
    """An ndvalctl command under memcheck: what it printed."""
    result = guest.run(command("ndvalctl", args), timeout=60)
    said = result.err.decode(errors="replace")
    assert result.rc == 0 and "==" not in said, f"ndvalctl {args}: exit {result.rc}: {said}"
    return result.text


def asleep(guest, process):
    return guest.sh(f"ps -o stat,args | grep '{process}'").startswith("S")


def configure(guest, peer, more=""):
    # hostroot has the guest's /selftests, not its /tmp.
    guest.put("/selftests/ndvald.conf",
              f"[host]\nname = {guest.name}\n[peer {peer.name}]\naddress = {peer.address}\n"
              f"security = none\n{more}")


def has_link(guest):
    return [link["state"] for link in get(guest, "link list")] == ["up"]


def test_ndvalctl(net):
    """Commands that have the most to do; each takes some 8 s."""
    guest = net.a
    guest.sh("ndvalctl member add x; ndvalctl member add y; "
             "ndvalctl pair add wy --group w --member y --peer x")
    monitor = guest.spawn("exec " + command("ndvalctl", "monitor --json"))
    monitor.expect('"pair":"wy"', 60)
    memcheck(guest, "pair add wx --group w --member x --peer y --mode 0640 "
             "inspect=on instances=0-2 ring_size=64K overflow=stall")
    guest.sh("ndvalctl promote wx --new")
    memcheck(guest, "link attach --member x --unix-pair y")
    until("protected", lambda: get(guest, "pair show wx")["health"] == "protected")
    drawn = guest.sh("ndvalctl read wx -n 64 --hex --stream s")
    assert memcheck(guest, "values wx --stream s --at 0 --length 64 --hex").strip() == drawn
    assert "protected" in memcheck(guest, "status")
    memcheck(guest, "link detach --member x --peer y")
    guest.sh("ndvalctl pair del wx")
    monitor.expect('"kind":"pair-del"', 60)
    # In the midst of something a pointer may be nowhere that memcheck looks.
    until("monitor waits for events", lambda: asleep(guest, "monitor --jso[n]"))
    monitor.kill(2)
    said = monitor.wait(30).err.decode(errors="replace")
    assert not said, said


def test_ndvald(net):
    configure(net.a, net.b, PAIR)
    configure(net.b, net.a, PAIR.replace("= b", "= a"))
    a = net.a.spawn("exec " + command("ndvald", "-v -c /selftests/ndvald.conf"))
    b = net.b.spawn("exec ndvald -v -c /selftests/ndvald.conf")
    until("a link", lambda: has_link(net.a))

    # Refused and taken reloads; a peer that comes and goes, one that has no address.
    net.a.put("/selftests/ndvald.conf", "[host\n")
    a.kill(1)
    a.expect("the configuration stays as it was")
    configure(net.a, net.b, PAIR + "[peer c]\naddress = 10.9.0.3 c.invalid\nsecurity = none\n")
    a.kill(1)
    a.expect(r"c: 10.9.0.3:7391: ")
    net.a.sh("ndvalctl link detach --peer b")
    until("a link again", lambda: has_link(net.a))

    # The other daemon, and the module, go and come back.
    b.kill(15)
    assert b.wait(10).rc == 0
    net.b.sh("ndvalctl link detach --peer a")
    a.expect("Connection refused")
    b = net.b.spawn("exec ndvald -v -c /selftests/ndvald.conf")
    until("a link to another daemon", lambda: has_link(net.a))
    net.a.sh("rmmod ndval")
    a.expect("module was unloaded; waiting")
    net.a.sh("modprobe ndval")
    until("a link of the new module", lambda: has_link(net.a))

    a.kill(15)
    ended = a.wait(30)
    said = ended.err.decode(errors="replace")
    assert ended.rc == 0 and "==" not in said, f"exit {ended.rc}: {said}"
    b.kill(15)
    b.wait(10)
