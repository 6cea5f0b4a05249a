# SPDX-License-Identifier: GPL-2.0-only
"""ndvalctl: every command does what it says, and --json is always JSON.

vm: mix=6.12,6.1 debug=instead
vm: sanitize=6.1
vm: timeout=240
vm: modules=vsock_loopback
"""

import json
import re
import shlex
import signal
import time

OK, REFUSED, USAGE, NO_MODULE = range(4)
U64 = re.compile(r"[0-9a-f]{16}")


def run(guest, args, rc=OK, **options):
    """An ndvalctl command; fails unless it ends with this exit code."""
    result = guest.run(f"ndvalctl {args}", **options)
    said = (result.out + result.err).decode(errors="replace")
    assert result.rc == rc, f"ndvalctl {args}: exit {result.rc}, not {rc}: {said}"
    return result


def text(guest, args, **options):
    result = run(guest, args, **options)
    assert not result.err, f"ndvalctl {args}: {result.err}"
    return result.text


def get(guest, args, **options):
    """What a command says with --json: one line."""
    said = text(guest, f"{args} --json", **options)
    assert said.count("\n") == 1 and said.endswith("\n"), f"{args}: {said!r}"
    return json.loads(said)


def refused(guest, args, *words, rc=REFUSED):
    """A command that must fail, with words of its message."""
    result = run(guest, args, rc=rc)
    said = result.err.decode(errors="replace")
    assert not result.out, f"ndvalctl {args} printed {result.out!r}"
    assert said.startswith("ndvalctl: "), f"{args}: {said!r}"
    for word in words:
        assert word in said, f"ndvalctl {args}: no '{word}' in {said!r}"
    return said


def until(condition, what, timeout=20):
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, f"not within {timeout} s: {what}"
        time.sleep(0.2)


def health(guest, pair):
    return get(guest, f"pair show {pair}")["health"]


def two_members(guest):
    """Members x and y in one kernel, with the pair w between them."""
    text(guest, "member add x")
    text(guest, "member add y")
    text(guest, "pair add wx --group w --member x --peer y inspect=on instances=0-2")
    text(guest, "pair add wy --group w --member y --peer x")
    text(guest, "promote wx --new")


def join(guest):
    ids = get(guest, "link attach --member x --unix-pair y")
    assert ids["peer"] == "y" and len(ids["ids"]) == 2, ids
    until(lambda: health(guest, "wx") == health(guest, "wy") == "protected", "protected")
    return ids["ids"]


# -- objects ------------------------------------------------------------------

def test_members(net):
    for guest in net:
        host = get(guest, "member list")
        assert [(m["name"], m["host"], m["pairs"]) for m in host] == [(guest.name, True, 1)], host
        assert U64.fullmatch(host[0]["id"]) and host[0]["vm_clone"] in ("on", "off"), host
        made = get(guest, "member add x")
        assert made["name"] == "x" and not made["host"] and made["id"] != host[0]["id"], made
        refused(guest, "member add x", "has this name")
        assert re.search(r"^x +extra +[0-9a-f]{16} +0 +0$", text(guest, "member list"), re.M)
        assert get(guest, "member del x") == {"name": "x"}
        refused(guest, "member del x", "no such member")
        refused(guest, f"member del {guest.name}")
        for name in ("''", "n" * 64, "a/b", "'a b'", ".a", "'ü'", "'a\x01'"):
            refused(guest, f"member add {name}")


def test_pairs(net):
    for guest in net:
        made = get(guest, "pair add web --owner user --owner-group 33 --mode 0640 ring_size=16K "
                          "retain=8KiB prefetch=0 instances=0,2-3 overflow=stall bind=required "
                          "max_streams=2 memory_max=1M read_timeout_ms=50 peer_timeout_ms=700 "
                          "commit=async on_peer_loss=suspend on_divergence=report "
                          "journal_size=32K skew_max_ms=2000")
        expected = {"name": "web", "group": "web", "member": guest.name, "role": "primary",
                    "health": "standalone", "node": "/dev/ndval-web", "uid": 1000, "gid": 33,
                    "mode": 0o640, "ring_size": 16384, "retain": 8192, "prefetch": 0,
                    "instances": [0, 2, 3], "overflow": "stall", "bind": "required",
                    "max_streams": 2, "memory_max": 1 << 20, "read_timeout_ms": 50,
                    "peer_timeout_ms": 700, "inspect": "off", "epoch": 1, "peers": 0,
                    "commit": "async", "on_peer_loss": "suspend", "on_divergence": "report",
                    "in_sync": False, "outdated": False, "forced": 0, "drops": 0,
                    "journal_size": 32768, "recorded": 0, "skew_max_ms": 2000,
                    "clocks": []}
        for key, value in expected.items():
            assert made[key] == value, f"{key}: {made[key]}, not {value}"
        assert guest.sh("stat -c '%a %u %g' /dev/ndval-web") == "640 1000 33"
        assert all(U64.fullmatch(made[key]) for key in ("incarnation", "epoch_id", "member_id"))

        shown = text(guest, "pair show web")
        assert "mode 0640, owner user, group 33" in shown, shown
        settings = re.findall(r"(\w+=\S+)$", shown, re.M)
        assert len(settings) == 16, settings
        changed = get(guest, "pair set web instances=none ring_size=8K overflow=drop")
        assert (changed["instances"], changed["ring_size"], changed["retain"]) == ([], 8192, 8192)
        text(guest, f"pair set web {' '.join(settings)}")
        assert text(guest, "pair show web").split("settings")[1] == shown.split("settings")[1]

        refused(guest, "pair add web", "has this name")
        refused(guest, "pair set web ring_size=3", "ring_size")
        refused(guest, "pair set web max_streams=0", "max_streams")
        refused(guest, "pair set web retain=64K overflow=drop", "retain")
        assert get(guest, "pair show web")["overflow"] == "stall", "half of a change was made"
        assert [p["name"] for p in get(guest, "pair list")] == ["default", "web"]
        assert re.search(r"^web +primary +standalone +", text(guest, "pair list"), re.M)
        gone = get(guest, "pair del web")
        assert gone["name"] == "web" and gone["done"] is True, gone
        assert guest.run("test -e /dev/ndval-web").rc
        text(guest, "pair add web")
        assert get(guest, "pair del web --no-wait")["operation"] > gone["operation"]
        refused(guest, "pair show web", "no such pair")
        refused(guest, "pair del web", "no such pair")


def test_pair_del_with_readers(net):
    guest = net.b
    text(guest, "pair add web --peer z")        # a secondary: readers wait
    reader = guest.spawn("ndvalctl read web -n 1")
    watcher = guest.spawn("ndvalctl read web -n inf --stream s >/dev/null")
    until(lambda: sum(i["files"] for i in get(guest, "instance list web")) == 2, "two readers")
    text(guest, "pair del web")
    for job in (reader, watcher):
        result = job.wait(10)
        assert result.rc == REFUSED and b"the pair was removed" in result.err, result.err


def test_peers_and_streams(net):
    guest = net.a
    text(guest, "pair add web")
    made = get(guest, "peer add web q")
    assert (made["pair"], made["name"], made["state"]) == ("web", "q", "disconnected"), made
    refused(guest, "peer add web q")
    assert get(guest, "pair show web")["role"] == "secondary"
    refused(guest, "promote web", "knows nothing", "ndvalctl promote web --new")
    text(guest, "promote web --new")
    refused(guest, "promote web", "is the primary", "nothing to do")
    refused(guest, "promote web --new", "is the primary", "nothing to do")
    assert [p["name"] for p in get(guest, "peer list")] == ["q"]
    refused(guest, "peer list nix", "no such pair")
    assert get(guest, "peer del web q") == {"pair": "web", "name": "q"}
    refused(guest, "peer del web q", "no such peer")
    assert get(guest, "peer list web") == []

    assert get(guest, "stream list web") == []
    text(guest, "read web -n 5 --hex")
    text(guest, "read web -n 7 --hex --stream w/1:2")
    streams = {s["name"]: s for s in get(guest, "stream list web")}
    assert set(streams) == {"default", "w/1:2"}, streams
    assert all(s["tail"] == 0 and s["head"] >= 4096 and s["error"] == 0 for s in streams.values())
    assert re.search(r"^web +w/1:2 +0 +\d+ +\d+ +7 ", text(guest, "stream list"), re.M)
    assert get(guest, "stream del web w/1:2") == {"pair": "web", "name": "w/1:2"}
    refused(guest, "stream del web w/1:2", "no such stream")
    refused(guest, "stream list nix", "no such pair")


def test_read(net):
    for guest in net:
        text(guest, "pair add web instances=0-1 inspect=on on_divergence=report")
        first = text(guest, "read web -n 20 --hex").strip()
        assert re.fullmatch(r"[0-9a-f]{40}", first), first
        again = get(guest, "read web -n 20 --instance 1")
        assert again["data"] == first and again["length"] == 20 and again["instance"] == 1, again
        assert text(guest, "read web -n 3000 --hex").strip() == \
            get(guest, "values web --at 20 --length 3000")["data"]
        long = run(guest, "read web -n 200K --instance 1").out
        assert len(long) == 200 << 10
        assert get(guest, "instance list web")[1]["position"] == 20 + (200 << 10)
        assert run(guest, "read web -n 0").out == b""
        assert guest.sh("ndvalctl read web -n inf --instance 1 | head -c 100000 | wc -c") \
            == "100000"

        holder = guest.spawn("ndvalctl read web -n inf --stream x --excl | sleep 60")
        until(lambda g=guest: any(i["files"] for i in get(g, "instance list web")), "holder")
        refused(guest, "read web -n 1 --stream x", "another file", "ndvalctl instance list web")
        holder.kill(signal.SIGKILL)
        guest.kill_jobs()

        refused(guest, "read web -n 1 --instance 2", "not expected", "pair set web instances")
        refused(guest, "read web -n 1 --stream .x", "a stream's name")
        refused(guest, "read nix -n 1", "no /dev/ndval-nix")
        text(guest, "pair set web max_streams=2")
        refused(guest, "read web -n 1 --stream third", "too many streams", "max_streams")
        result = guest.run("su user -c 'ndvalctl read web -n 1'")
        assert result.rc == REFUSED and b"not permitted" in result.err, result.err
        text(guest, "pair del web")
        text(guest, "pair add web --peer q read_timeout_ms=50")
        refused(guest, "read web -n 1", "read_timeout_ms", "ndvalctl status web")
        text(guest, "pair del web")


def test_values(net):
    for guest in net:
        text(guest, "pair add web")
        data = text(guest, "read web -n 9000 --hex").strip()
        refused(guest, "values web --at 0 --length 1", "inspect")
        text(guest, "pair set web inspect=on")
        assert text(guest, "values web --at 0 --length 9000 --hex") == data + "\n"
        assert run(guest, "values web --at 5 --length 8995 --raw").out.hex() == data[10:]
        assert text(guest, "values web --at 30 --length 20") == \
            f"30: {data[60:64]}\n32: {data[64:96]}\n48: {data[96:100]}\n"
        shown = get(guest, "values web --at 4095 --length 2")
        assert shown == {"pair": "web", "stream": "default", "offset": 4095, "length": 2,
                         "data": data[8190:8194]}, shown
        refused(guest, "values web --at 0 --length 1M", "only the bytes from 0 to")
        refused(guest, "values web --at 0x7fffffffffffffff --length 1", "only the bytes")
        refused(guest, "values web --stream nix --at 0 --length 1", "no such stream")
        refused(guest, "values nix --at 0 --length 1", "no such pair")
        assert text(guest, "instance list web").split()[-5:] == ["9000", "9000", "-", "0", "ok"]
        text(guest, "pair del web")


def test_journal(net):
    """Clock readings and agreed values: where they are, what they are, who asked."""
    for guest in net:
        text(guest, "pair add web instances=0-1")
        refused(guest, "values web --journal", "no such stream")
        text(guest, "read web -n 4 --hex")
        refused(guest, "values web --journal", "no journal yet")
        refused(guest, "instance set web --journal-at 0", "no journal")
        assert "journal" not in text(guest, "status web")
        assert not [k for k in get(guest, "stream list web")[0] if k.startswith("journal")]
        assert re.search(r"^web +default .* - +- +- +confirmed$", text(guest, "stream list"), re.M)

        now, up = (get(guest, f"clock web {clock}")["readings"][0]
                   for clock in ("realtime", "cycles"))
        refused(guest, "values web --journal", "inspect")
        text(guest, "pair set web inspect=on")
        guest.sh(r"ln -sf $(command -v ndvalctl) '/tmp/o\d'$(printf '\033')d")
        for program, value in (("ndvalctl", b"an answer"), ("/tmp/o?d?d", b"b\0c"),
                               ("ndvalctl", b"")):
            guest.run(f"{program} agree web", input=value, check=True)
        found = get(guest, "values web --journal")
        assert (found["pair"], found["stream"]) == ("web", "default"), found
        records = found["records"]
        assert [(r["kind"], r["place"]) for r in records] == \
            [("realtime", 0), ("cycles", 64), ("agreed", 128), ("agreed", 192), ("agreed", 248)]
        assert (records[0]["value"], records[0]["steps"]) == (now["value"], 0), records[0]
        assert (records[1]["value"], records[1]["frequency"]) == (up["value"], up["frequency"])
        assert [r["data"] for r in records[2:]] == [b"an answer".hex(), "620063", ""], records
        assert [r["length"] for r in records[2:]] == [9, 3, 0], records
        origin = get(guest, "pair show web")["member_id"]
        assert all((r["origin"], r["member"], r["instance"]) == (origin, guest.name, 0) and
                   r["pid"] > 1 for r in records), records
        odd = r"o\134d\033d"
        assert [r["comm"] for r in records] == ["ndvalctl"] * 3 + [odd, "ndvalctl"], records
        shown = text(guest, "values web --journal").splitlines()
        who = rf"instance 0 of {guest.name}, process \d+ \((ndvalctl|{re.escape(odd)})\)"
        for line, said in zip(shown, (rf"0: realtime   {who}: {now['value']} ns",
                                      rf"64: cycles     {who}: {up['value']} cycles of \d+ kHz",
                                      rf'128: agreed     {who}: "an answer"',
                                      rf"192: agreed     {who}: 620063",
                                      rf'248: agreed     {who}: ""'), strict=True):
            assert re.fullmatch(said, line), (said, line)
        assert text(guest, "values web --journal --at 128 --length 1 --hex").split()[-1] == \
            b"an answer".hex()
        assert get(guest, "values web --journal --at 64 --length 65")["records"] == records[1:3]
        assert get(guest, "values web --journal --at 296")["records"] == []
        refused(guest, "values web --journal --at 8", "place 8", "no record begins there")
        refused(guest, "values web --journal --at 297", "only the records from 0 to 296")
        refused(guest, "values web --journal --length 297", "only the records from 0 to 296")

        stream = get(guest, "stream list web")[0]
        assert (stream["journal_tail"], stream["journal_head"], stream["journal_committed"]) == \
            (0, 296, 296), stream
        assert re.search(r" 0 +296 +296 +confirmed$", text(guest, "stream list web"), re.M)
        places = [i["journal_position"] for i in get(guest, "instance list web")]
        assert places == [296, 0], places
        assert get(guest, "pair show web")["recorded"] == 296
        assert re.search(r"^recorded +296$", text(guest, "pair show web"), re.M)
        status = text(guest, "status web")
        assert "296 B in journals" in status and "at 4, journal 296" in status, status
        # More than one answer of the kernel holds, from another copy.
        guest.sh("for i in $(seq 5); do head -c 4096 /dev/zero | ndvalctl agree web; done | wc -c")
        found = get(guest, "values web --journal")["records"]
        assert len(found) == 10 and {r["length"] for r in found[5:]} == {4096}, found
        text(guest, "pair del web")


def test_journal_lost(net):
    guest = net.b
    text(guest, "pair add web instances=0-1 journal_size=8K inspect=on")
    text(guest, "clock web")
    text(guest, "clock web --instance 1")
    guest.sh("for i in 1 2 3; do head -c 4000 /dev/zero | ndvalctl agree web || exit; done | wc -c")
    refused(guest, "clock web --instance 1", "lost", "ndvalctl status web")
    shown = get(guest, "instance list web")
    assert [(i["journal_position"], i["journal_lost"], i["lost"]) for i in shown] == \
        [(64 + 3 * 4048, False, False), (64, True, False)], shown
    assert re.search(r"^web +default +1 +0 +0 +64 +0 +journal lost$", text(guest, "instance list"),
                     re.M)
    stream = get(guest, "stream list web")[0]
    assert 64 < stream["journal_tail"] < stream["journal_head"] == 64 + 3 * 4048, stream
    refused(guest, "values web --journal --at 64", "only the records from")
    status = text(guest, "status web")
    assert "  journal lost" in status, status
    advice, = get(guest, "status web")[0]["advice"]
    assert "at 64 of the journal" in advice and advice in status, advice
    assert advice.count("--instance 1 --journal-at PLACE'") == 1, advice
    refused(guest, f"instance set web --instance 1 --journal-at {stream['journal_tail'] + 8}",
            "no record begins")
    moved = get(guest, f"instance set web --instance 1 --journal-at {stream['journal_tail']}")
    assert (moved["journal_position"], moved["journal_lost"]) == (stream["journal_tail"], False)
    assert run(guest, "agree web x --instance 1 --hex").text == "00" * 4000 + "\n"
    assert get(guest, "status web")[0]["advice"] == []


def test_lost_and_set(net):
    guest = net.b
    text(guest, "pair add web instances=0-1 ring_size=8K prefetch=0 inspect=on "
                "on_divergence=report")
    text(guest, "read web -n 4 --hex --instance 1")
    run(guest, "read web -n 20K")
    refused(guest, "read web -n 1 --instance 1", "lost", "ndvalctl status web")
    status = get(guest, "status web")[0]
    lost = [i for i in status["instances"] if i["lost"]]
    assert [(i["instance"], i["position"]) for i in lost] == [(1, 4)], lost
    advice = [a for a in status["advice"] if "ndvalctl instance set web" in a]
    assert len(advice) == 1 and "--instance 1" in advice[0], status["advice"]
    assert advice[0] in text(guest, "status web")
    stream = status["streams"][0]
    refused(guest, f"instance set web --instance 1 --at {stream['tail'] - 1}")
    refused(guest, f"instance set web --instance 1 --at {stream['head'] + 1}")
    refused(guest, "instance set web --instance 2 --at 0", "not expected")
    refused(guest, "instance set web --stream nix --at 0", "no such stream")
    moved = get(guest, f"instance set web --instance 1 --at {stream['tail']}")
    assert (moved["position"], moved["lost"]) == (stream["tail"], False), moved
    assert text(guest, "read web -n 9 --hex --instance 1") == \
        text(guest, f"values web --at {stream['tail']} --length 9 --hex")
    assert get(guest, "status web")[0]["advice"] == []


# -- links --------------------------------------------------------------------

def test_two_members(net):
    for guest in net:
        two_members(guest)
        advice = " ".join(get(guest, "status wy")[0]["advice"])
        assert "not connected" in advice and "promote wy --new" in advice, advice
        ids = join(guest)
        data = text(guest, "read wx -n 100 --hex")
        assert text(guest, "read wy -n 100 --hex") == data
        links = get(guest, "link list")
        assert [(k["id"], k["member"], k["peer"], k["state"], k["transport"], k["security"])
                for k in links] == [(ids[0], "x", "y", "up", "unix", "plain"),
                                    (ids[1], "y", "x", "up", "unix", "plain")], links
        assert all(k["tx_bytes"] and U64.fullmatch(k["peer_id"]) for k in links), links
        status = get(guest, "status wx")[0]
        assert status["pair"]["health"] == "protected" and status["advice"] == [], status
        assert [p["state"] for p in status["peers"]] == ["in-sync"], status["peers"]
        assert [k["peer"] for k in status["links"]] == ["y"], status["links"]
        shown = text(guest, "status wx")
        assert re.search(r"^wx  primary  protected  epoch 1  group w  member x", shown), shown
        assert re.search(r"^  peer y  in-sync  secondary  lag 0 B  unix, plain", shown, re.M)
        assert "!" not in shown, shown

        run(guest, "resync wy")
        until(lambda g=guest: health(g, "wy") == "protected", "in sync again")
        assert get(guest, "instance list wy")[0]["lost"]
        refused(guest, "link detach --peer nix")
        refused(guest, "link detach --id 4000000000", "no such link")
        gone = get(guest, "link detach --member x --peer y")
        assert gone["done"] is True and gone["operation"], gone
        until(lambda g=guest: not get(g, "link list"), "both ends gone")
        text(guest, "link attach --member x --peer y --unix-pair y")
        until(lambda g=guest: health(g, "wx") == "protected", "linked again")
        text(guest, f"link detach --id {get(guest, 'link list')[0]['id']} --no-wait")
        until(lambda g=guest: not get(g, "link list"), "both ends gone")
        refused(guest, "link attach --member x --unix-pair nix", "no such member")
        until(lambda g=guest: not get(g, "link list"), "the first end too")
        for what in ("fd 99", "fd 0", "fd 1"):
            refused(guest, f"link attach --member x --peer y --{what}")
        for name in ("wx", "wy"):
            text(guest, f"pair del {name}")


def test_failover(net):
    """The commands of a failover: what they do, and what they say when they can't."""
    guest = net.b
    epochs = "/var/lib/ndval/epochs"
    two_members(guest)
    assert guest.run(f"test -e {epochs}").rc, "stored, though nobody made the directory"
    guest.sh("mkdir -p /var/lib/ndval")
    job = guest.spawn("exec ndvalctl monitor --json")
    job.expect('"pair":"wy"')
    join(guest)
    until(lambda: get(guest, "pair show wy")["in_sync"], "in sync")
    given = text(guest, "read wx -n 100 --hex").strip()
    assert get(guest, "peer list wx")[0]["membership"] == "in-sync"
    assert "membership" not in get(guest, "peer list wy")[0]

    # A primary that lives is not replaced, but hands over.
    refused(guest, "promote wy", "primary", "ndvalctl switchover wy")
    refused(guest, "demote wy", "secondary", "nothing to do")
    refused(guest, "switchover wy", "ndvalctl status wy")
    refused(guest, "switchover wx --to nix", "no such peer", "ndvalctl peer list wx")
    refused(guest, "outdate wx", "ndvalctl demote wx")
    refused(guest, "peer outdate wx y", "connected")
    refused(guest, "peer outdate wy x", "ndvalctl outdate wy")
    assert get(guest, "switchover wx --to y")["role"] == "secondary"
    taken = get(guest, "pair show wy")
    assert (taken["role"], taken["epoch"]) == ("primary", 2), taken
    until(lambda: health(guest, "wx") == health(guest, "wy") == "protected", "protected")
    assert text(guest, "read wy -n 100 --hex").strip() == given
    assert text(guest, "read wy -n 50 --hex") == text(guest, "read wx -n 50 --hex")

    # Without a primary either may be promoted; the epoch is on disk by then.
    assert get(guest, "demote wy")["role"] == "secondary"
    promoted = get(guest, "promote wx")
    assert (promoted["role"], promoted["epoch"], promoted["forced"]) == ("primary", 3, 0)
    assert guest.sh(f"grep ' wx$' {epochs}") == f"{promoted['incarnation']} 3 wx"
    until(lambda: health(guest, "wy") == "protected" and
          get(guest, "pair show wy")["in_sync"], "protected")

    # A primary that waits for a lost peer, until it is told not to.
    text(guest, "pair set wx on_peer_loss=suspend")
    until(lambda: get(guest, "pair show wy")["on_peer_loss"] == "suspend", "carried")
    text(guest, "link detach --member x --peer y")
    until(lambda: health(guest, "wx") == "suspended", "suspended")
    job.expect('"kind":"peer-lost"')
    assert any("ndvalctl peer outdate wx" in a for a in get(guest, "status wx")[0]["advice"])
    assert "was in sync" in text(guest, "status wy")
    assert get(guest, "outdate wy")["outdated"]
    refused(guest, "promote wy", "outdated", "ndvalctl promote wy --force")
    assert get(guest, "peer outdate wx y")["outdated"]
    until(lambda: health(guest, "wx") == "alone", "going on")
    text(guest, "read wx -n 1 --hex")
    forced = get(guest, "promote wy --force")
    assert (forced["role"], forced["epoch"], forced["forced"]) == ("primary", 4, 1), forced
    job.expect('"kind":"forced"')
    assert "forced 1" in text(guest, "status wy")
    job.kill()
    job.wait(10)
    lost = [e for e in lines(job) if e["kind"] == "peer-lost"]
    assert any(e["pair"] == "wx" and e["peer"] == "y" for e in lost), lost
    for name in ("wx", "wy"):
        text(guest, f"pair del {name}")


def test_two_hosts(net):
    ways = [(f"--listen :7010 --peer {net.b.name}",
             f"--connect {net.a.address}:7010 --peer {net.a.name}"),
            (f"--listen {net.a.address}:7010 --peer {net.b.name}",
             f"--connect {net.a.name}:7010 --peer {net.a.name}")]
    text(net.a, f"pair add web --peer {net.b.name}")
    text(net.b, f"pair add web --peer {net.a.name}")
    text(net.a, "promote web --new")
    for listen, connect in ways:
        server = net.a.spawn(f"ndvalctl link attach {listen} --json")
        until(lambda: ":1B62 " in net.a.sh("cat /proc/net/tcp /proc/net/tcp6"), "listening")
        assert len(get(net.b, f"link attach {connect}")["ids"]) == 1
        assert len(json.loads(server.wait(20, check=True).text)["ids"]) == 1
        until(lambda: {health(g, "web") for g in net} == {"protected"}, "protected")
        assert text(net.a, "read web -n 1000 --hex") == text(net.b, "read web -n 1000 --hex")
        link = get(net.a, "status web")[0]["links"][0]
        assert link["transport"] == "tcp" and link["peer"] == net.b.name, link
        text(net.b, f"link detach --peer {net.a.name}")
        until(lambda: {health(g, "web") for g in net} == {"alone"}, "alone")


def test_vsock(net):
    guest = net.b
    guest.sh("modprobe vsock_loopback")
    two_members(guest)
    server = guest.spawn("ndvalctl link attach --member x --peer y --vsock-listen 7010")
    time.sleep(1)
    text(guest, "link attach --member y --peer x --vsock-connect 1:7010")
    server.wait(20, check=True)
    until(lambda: health(guest, "wy") == "protected", "protected")
    assert {k["transport"] for k in get(guest, "link list")} == {"vsock"}
    for name in ("wx", "wy"):
        text(guest, f"pair del {name}")


# -- looking on ---------------------------------------------------------------

def lines(job):
    return [json.loads(line) for line in bytes(job.out).decode().splitlines()]


def test_monitor(net):
    guest = net.b
    two_members(guest)
    job = guest.spawn("exec ndvalctl monitor --json")
    plain = guest.spawn("exec ndvalctl monitor")
    job.expect('"pair":"wy"')
    plain.expect("state pair=wy role=secondary")
    join(guest)
    text(guest, "read wx -n 4 --hex --stream s")
    text(guest, "values wx --stream s --at 0 --length 2 --hex")
    text(guest, "instance set wx --stream s --at 1")
    text(guest, "pair del wy")
    job.expect('"kind":"op-done"')
    plain.expect("op-done")
    for one in (job, plain):
        one.kill()
        one.wait(10)
    heard = lines(job)
    kinds = [e["kind"] for e in heard]
    assert kinds[:3] == ["state"] * 3 and "missed" not in kinds, kinds
    for kind in ("link-up", "pair-change", "peer-change", "stream-new", "values-read",
                 "instance-set", "pair-del", "op-done"):
        assert kind in kinds, f"no {kind} in {kinds}"
    numbers = [e["seq"] for e in heard if "seq" in e]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers))), numbers
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", e["time"]) for e in heard)
    read = next(e for e in heard if e["kind"] == "values-read")
    assert (read["pair"], read["stream"], read["length"]) == ("wx", "s", 2), read
    said = bytes(plain.out).decode()
    assert re.search(r"^\S+ \S+ values-read pair=wx .*stream=s .*offset=0 length=2", said, re.M)
    assert not bytes(job.err) and not bytes(plain.err)


def test_monitor_missed(net):
    """A listener that is stopped misses events, says so, and shows the states again."""
    guest = net.b
    guest.sh("sysctl -q net.core.rmem_max=4096")
    job = guest.spawn("exec ndvalctl monitor --json")
    job.expect('"state"')
    job.kill(signal.SIGSTOP)
    guest.sh("for i in $(seq 4000); do echo 4096; echo 8192; done |"
             "while read -r n; do echo $n >/sys/class/ndval/ndval/retain; done", timeout=120)
    job.kill(signal.SIGCONT)
    job.expect('"kind":"missed"', timeout=60)
    text(guest, "pair add late")
    job.expect('"pair":"late"')
    job.kill()
    job.wait(10)
    heard = lines(job)
    missed = max(i for i, e in enumerate(heard) if e["kind"] == "missed")
    assert heard[missed + 1]["kind"] == "state" and heard[missed + 1]["pair"] == "default"


def test_status_watch(net):
    guest = net.a
    job = guest.spawn("exec ndvalctl status --watch 0.2 --json")
    job.expect(r"(?s)\n.*\n.*\n")
    job.kill()
    job.wait(10)
    assert all(s[0]["pair"]["name"] == "default" for s in lines(job))
    job = guest.spawn("exec ndvalctl status default --watch=0.2")
    job.expect(r"(?s)default  primary.*default  primary")
    job.kill()
    job.wait(10)
    assert b"\x1b" not in job.out, "colours without a terminal"
    refused(guest, "status nix", "no such pair")
    text(guest, "pair del default")
    assert "ndvalctl pair add" in text(guest, "status")
    assert get(guest, "status") == []


def test_many_pairs(net):
    """All of them, in the order of their names: far more than one message holds."""
    guest = net.b
    guest.sh("for i in $(seq 200); do ndvalctl pair add p$i --peer q; done", timeout=200)
    status = get(guest, "status", timeout=60)
    assert len(status) == 201 and all(len(s["peers"]) == 1 for s in status[1:]), len(status)
    names = [s["pair"]["name"] for s in status]
    assert names == sorted(names), "not in the order of names"
    assert len(get(guest, "pair list")) == 201


def test_unprivileged(net):
    for guest in net:
        text(guest, "pair add web --peer q --owner user --mode 600 instances=0")
        text(guest, "promote web --new")

        def user(args, guest=guest):
            # Where lines are counted, that user can't add to what root's programs counted.
            command = "GCOV_PREFIX=/tmp/user ndvalctl " + args
            return guest.run(f"su user -c {shlex.quote(command)}")

        result = user("status")
        assert result.rc == OK and not result.err, result.err
        assert "1 peer, which only root sees" in result.text and "no primary" not in result.text
        for args in ("pair list", "pair show web", "member list", "stream list", "instance list",
                     "read web -n 3 --hex", "status --json"):
            result = user(args)
            assert result.rc == OK, f"{args}: {result.err}"
        for args in ("pair add x", "pair del web", "pair set web retain=0", "member add x",
                     "member del x", "promote web --new", "promote web --force",
                     "demote web", "switchover web", "outdate web", "peer outdate web q",
                     "resync web", "peer add web z",
                     "peer del web q", "peer list", "link list", "link detach --peer q",
                     "link attach --peer q --fd 0", "instance set web --at 0",
                     "stream del web default", "values web --at 0 --length 1", "monitor"):
            result = user(args)
            assert result.rc == REFUSED, f"{args}: {result.rc}"
            assert b"CAP_NET_ADMIN" in result.err, f"{args}: {result.err}"
        assert get(guest, "pair show web")["retain"] == 262144


def test_no_module(net):
    for guest in net:
        guest.sh("modprobe -r ndval && modprobe -n -q ndval; d=/lib/modules/$(uname -r); "
                 "mv $(find $d -name ndval.ko) /tmp/ndval.away")
        try:
            for args in ("status", "pair list", "read default -n 1", "monitor",
                         "member add x --json"):
                refused(guest, args, "the ndval module is not loaded", "modprobe ndval",
                        rc=NO_MODULE)
        finally:
            guest.sh("mv /tmp/ndval.away $(dirname $(awk -F: '/ndval.ko/ {print FILENAME \"/\" $1}'"
                     " /lib/modules/$(uname -r)/modules.dep | "
                     "sed 's,modules.dep/,,' | head -n 1))/ndval.ko")
        guest.sh(f"modprobe ndval host={guest.name}")
        text(guest, "status")
