# SPDX-License-Identifier: GPL-2.0-only
"""The kernel's own netlink client drives the family from our specification.

tools/net/ynl/cli.py of the kernel's source validates the spec against the
kernel's schema, and knows of ndval only what the spec says.

vm: mix=6.1-generic,6.12-generic
vm: mem=768
vm: timeout=240 debug=no
"""

import concurrent.futures
import json
import shlex

import kernels
from common import NODE, TOP, pair_of

WEB = {"name": "web"}
SPEC = TOP / "Documentation/netlink/specs/ndval.yaml"


def command(*args):
    source = kernels.source()
    return shlex.join((
        "hostroot", "python3", f"{source}/tools/net/ynl/cli.py", "--spec", str(SPEC),
        "--schema", f"{source}/Documentation/netlink/genetlink.yaml", "--output-json", *args))


def cli(guest, *args, rc=0):
    """What the client printed: values from JSON, or the text of a refusal."""
    result = guest.run(command(*args), timeout=120)
    said = (result.out + result.err).decode()
    assert result.rc == rc, f"{guest}: {args}: {said}"
    return said if rc else json.loads(said)


def do(guest, *operations):
    """Several 'do' operations by one run of the client: their replies."""
    words = []
    for name, attributes in operations:
        words += ["--multi", name, json.dumps(attributes)]
    return cli(guest, *words)


def refused(guest, operation, attributes, *words):
    said = cli(guest, "--do", operation, "--json", json.dumps(attributes), rc=1)
    for word in words:
        assert word in said, f"{guest}: {operation} {attributes}: no '{word}' in {said}"


# cli.py sleeps for a time to be told, and may be over before anything happens.
LISTEN = """
import json, sys
sys.path.insert(0, sys.argv[1])
from lib import YnlFamily
family = YnlFamily(*sys.argv[2:])
family.ntf_subscribe("events")
print("listening", flush=True)
sys.stdin.read()
family.check_ntf()
print(json.dumps(family.async_msg_queue))
"""


def hear_of_a_new_pair(guest):
    """An event. (This client is confused by one that comes while it waits for a reply.)"""
    source = kernels.source()
    job = guest.spawn(shlex.join((
        "hostroot", "python3", "-c", LISTEN, f"{source}/tools/net/ynl", str(SPEC),
        f"{source}/Documentation/netlink/genetlink.yaml")))
    job.expect("listening\n")
    guest.sh("ndvalctl pair add web instances=0-1 inspect=on on_divergence=report")
    job.close()
    said = job.wait(60, check=True).text.removeprefix("listening\n")
    events = [e["msg"] for e in json.loads(said)]
    found = [e for e in events if e["kind"] == "pair-new"]
    assert [(e["pair"], e["role"]) for e in found] == [("web", "primary")], said


def drive(guest):
    hear_of_a_new_pair(guest)
    secret = guest.sh(f"head -c 64 {NODE} | xxd -p -c 64")
    change = {**WEB, "overflow": "stall", "ring-size": 65536, "retain": 8192}
    where = {"pair": "web", "stream": "default"}
    changed, pair, values, stream, instance, host = do(
        guest, ("pair-set", change), ("pair-get", WEB),
        ("values-get", {**where, "offset": 16, "length": 48}),
        ("stream-get", {"pair": "web", "name": "default"}),
        ("instance-get", {**where, "instance": 0}), ("member-get", {"name": guest.name}))
    assert changed is None
    expected = {**change, "instances": 3, "health": "standalone", "member": guest.name}
    assert {key: pair[key] for key in expected} == expected, pair
    assert values["value"] == {"offset": 16, "data": secret[32:]}, values
    assert stream["tail"] == 0 and stream["head"] >= 64, stream
    assert (instance["position"], instance["files"]) == (64, 0), instance
    assert host["host"] and host["vm-clone"] == "on", host
    shown = pair_of(guest)
    assert (shown["overflow"], shown["ring_size"], shown["retain"]) == ("stall", 65536, 8192)

    pairs = cli(guest, "--dump", "pair-get")
    assert [p["name"] for p in pairs] == ["default", "web"], pairs
    refused(guest, "pair-set", {**WEB, "ring-size": 12345}, "Invalid argument", "ring")


def on_each(net, what):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(what, net))


def test_kernels_own_client(net):
    on_each(net, drive)
