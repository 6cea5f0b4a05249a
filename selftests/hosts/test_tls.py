# SPDX-License-Identifier: GPL-2.0-only
"""Encrypted links: nobody else reads them, fakes them, or breaks them for good.

vm: mix=6.1,6.12 debug=no
vm: programs=openssl
vm: timeout=240
"""

import re
import struct
import subprocess
import tempfile
import time
from pathlib import Path

import build

from common import await_health, get
from daemon import CONF, Daemon, linked, links, same_bytes, settled, until

TOP = Path(__file__).resolve().parents[2]
KEY = "/etc/ndval/ndval.key"
PORT = 7391
X509 = "ca = /etc/ndval/ca.crt\ncertificate = /etc/ndval/{0}.crt\nkey = /etc/ndval/{0}.key"
OPENSSL = "OPENSSL_CONF=/dev/null timeout 15 openssl"


def config(name, peer, address, how=f"key_file = {KEY}", more=""):
    """@how: lines of [host]; @more: lines of [peer]."""
    return (f"[host]\nname = {name}\n{how}\n[peer {peer}]\naddress = {address}\n{more}\n"
            f"[pair web]\npeers = {peer}\noverflow = stall\n")


def make_key(net):
    """One key on all hosts; what an administrator types."""
    net.a.sh(f"mkdir -p /etc/ndval; rm -f {KEY}; ndvalctl key gen {KEY}")
    net.b.put(KEY, net.a.get(KEY), 0o600)
    return key_of(net.a)


def key_of(guest):
    return re.search(r"(?m)^[0-9a-f]{64}$", guest.sh(f"cat {KEY}")).group()


def other_key(guest):
    guest.sh(f"rm {KEY}; ndvalctl key gen {KEY}")


def certificates(net):
    """Those of certificates.sh, all on both hosts."""
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run([TOP / "tools/ndvald/test/certificates.sh", scratch], check=True)
        for guest in net:
            for file in Path(scratch).iterdir():
                guest.put(f"/etc/ndval/{file.name}", file.read_bytes(), 0o600)


def daemons(net, how=(f"key_file = {KEY}",) * 2, more=("", ""), options="-v"):
    a = Daemon(net.a, config("a", "b", net.b.address, how[0], more[0]), options)
    b = Daemon(net.b, config("b", "a", net.a.address, how[1], more[1]), options)
    return a, b


def start(*who):
    for daemon in who:
        daemon.start()


def stop(*who):
    for daemon in who:
        assert daemon.kill(15).rc == 0, "does not end well on SIGTERM"


def promote(net):
    net.a.sh("ndvalctl promote web --new")
    await_health("protected", *net)


def security(guest):
    return {link["security"] for link in get(guest, "link list")}


# -- what passes the wire -----------------------------------------------------

class Tap:
    """A capture of all that passes a guest's network device."""

    def __init__(self, guest):
        program = build.program(TOP / "selftests/guest/tap.c", "tap", ("-static",))
        guest.put("/tmp/tap", program.read_bytes(), 0o755)
        self.guest = guest
        self.job = guest.spawn("exec /tmp/tap eth0 /tmp/frames")
        self.job.expect("ready")

    def frames(self):
        """Ends it; what it saw."""
        self.job.kill(9)
        self.job.wait(10)
        data, found = self.guest.get("/tmp/frames"), []
        while len(data) >= 4:
            length, = struct.unpack_from("<I", data)
            found.append(data[4:4 + length])
            data = data[4 + length:]
        return found


def streams(frames):
    """{(source, port, destination, port): all bytes of that direction}"""
    pieces = {}
    for frame in frames:
        if frame[12:14] != b"\x08\x00" or frame[23] != 6:
            continue
        tcp = 14 + (frame[14] & 15) * 4
        end = 14 + struct.unpack_from(">H", frame, 16)[0]
        ports = struct.unpack_from(">HH", frame, tcp)
        sequence, = struct.unpack_from(">I", frame, tcp + 4)
        start_of = tcp + (frame[tcp + 12] >> 4) * 4
        way = (frame[26:30], ports[0], frame[30:34], ports[1])
        if frame[tcp + 13] & 2:                 # SYN
            pieces[way] = {}
            sequence += 1
        if end > start_of and way in pieces:
            pieces[way].setdefault(sequence, frame[start_of:end])
    return {way: b"".join(data for _, data in sorted(parts.items()))
            for way, parts in pieces.items()}


def seen_in(values, frames):
    """How many 16-byte pieces of @values passed in clear."""
    wire = b"".join(frames)
    return sum(values[at:at + 16] in wire for at in range(0, len(values), 16))


def draw(net, count):
    """Bytes that both hosts read; fails if they differ."""
    values = [g.run(f"head -c {count} /dev/ndval-web", check=True).out for g in net]
    assert len(values[0]) == count and values[0] == values[1], "the hosts read different bytes"
    return values[0]


def prepare(net, how, more=("", "")):
    """Both daemons, linked, the pair promoted, and a tap since before the first byte."""
    tap = Tap(net.b)
    a, b = daemons(net, how, more)
    start(a, b)
    linked(net)
    promote(net)
    return tap, a, b


def test_psk(net):
    """Two commands on each host; values are equal, and on no wire."""
    make_key(net)
    tap, a, b = prepare(net, (f"key_file = {KEY}",) * 2)
    values = draw(net, 65536)
    same_bytes(net, 1 << 20)
    frames = tap.frames()
    assert sum(map(len, frames)) > 1 << 20, "the tap has not seen it all"
    assert not seen_in(values, frames), "values passed in clear"
    assert key_of(net.a).encode() not in b"".join(frames)
    # Names of hosts do pass in clear, those of pairs do not.
    assert b"ndvald 1 " in b"".join(frames) and not seen_in(b"default" * 8, frames)
    assert "neither encrypted" not in a.log + b.log
    before = settled(net)
    same_bytes(net)
    assert settled(net) == before, "the link did not stay"
    for guest in net:
        assert security(guest) == {"tls"}
        assert "tcp, tls" in guest.sh("ndvalctl status web")
        until("kTLS is in use", lambda g=guest: int(g.sh(
            "awk '$1 == \"TlsCurrTxSw\" { print $2 }' /proc/net/tls_stat")) > 0)


def test_x509(net):
    certificates(net)
    tap, *_ = prepare(net, [X509.format(n) for n in "ab"])
    values = draw(net, 65536)
    frames = tap.frames()
    assert sum(map(len, frames)) > 65536 and not seen_in(values, frames)
    same_bytes(net)


def test_aes(net):
    """What GnuTLS falls back to where it must not use ChaCha20, with either kind of keys."""
    make_key(net)
    certificates(net)
    net.a.sh("mkdir -p /etc/gnutls; printf '[overrides]\\ntls-disabled-cipher = "
             "chacha20-poly1305\\n' >/etc/gnutls/config")
    for keys, cipher in (((f"key_file = {KEY}",) * 2, "AES-128-GCM"),
                         ([X509.format(n) for n in "ab"], "AES-256-GCM")):
        a, b = daemons(net, keys)
        start(a, b)
        until(cipher, lambda a=a, c=cipher: f"TLS 1.3 with {c} and X25519" in a.log)
        linked(net)
        settled(net)
        if cipher == "AES-128-GCM":
            promote(net)
        same_bytes(net)
        assert security(net.a) == security(net.b) == {"tls"}
        stop(a, b)
    net.a.sh("rm -r /etc/gnutls")


def test_in_clear(net):
    """The same tap sees the values where that was asked for by name, and it is said."""
    tap, a, b = prepare(net, ("", ""), ("security = none",) * 2)
    values = draw(net, 65536)
    frames = tap.frames()
    seen = seen_in(values, frames)
    assert seen > 3500, f"{seen} of 4096 pieces: the tap is no good"
    for daemon in (a, b):
        daemon.expect("links are neither encrypted nor authenticated")
    for guest in net:
        assert security(guest) == {"plain"}
        assert "tcp, plain" in guest.sh("ndvalctl status web")


# -- who is refused -----------------------------------------------------------

def no_link(net, seconds=1.5):
    time.sleep(seconds)
    assert not links(net.a, None) and not links(net.b, None), "there is a link"


def refused(net, what, how, says, more=("", ""), cure=None):
    """Whoever connects is refused, @says why on each host; after cure() they are linked."""
    print(f"# {what}")
    a, b = daemons(net, how, more)
    start(a, b)
    for daemon, words in zip((a, b), says, strict=True):
        for word in words:
            daemon.expect(word)
    no_link(net)
    if cure:
        cure(a, b)
        linked(net)
        settled(net)
    stop(a, b)
    for guest, peer in ((net.a, "b"), (net.b, "a")):
        guest.run(f"ndvalctl link detach --peer {peer}")
    until("no links", lambda: not links(net.a, None) and not links(net.b, None))


def test_wrong_keys(net):
    """Nothing is delivered, each side says why, and the cause gone all is well by itself."""
    key = f"key_file = {KEY}"
    make_key(net)
    good = net.a.get(KEY)
    other_key(net.b)

    def copy(_a, b):
        net.b.put(KEY, good, 0o600)
        b.hang_up()

    refused(net, "another key", (key, key),
            ((rf"b: {net.b.address}:{PORT}: it ended the TLS handshake .*is the key the same",),
             (r"refused the connection from 10.9.0.1: it does not have the key of a",)),
            cure=copy)
    refused(net, "encrypted here, not there", (key, ""),
            ((r"no peer configured there has this host's address, or no keys are",),
             (r"it refuses: security is psk here for b, not none",)), ("", "security = none"),
            lambda _a, b: b.reload(config("b", "a", net.a.address)))

    # Names: a host that says it is c, which has the same key, and one that asks for c.
    text = config("c", "b", net.b.address)
    b = Daemon(net.b, config("b", "a", net.a.address)).start()
    for guest in (net.a,):
        guest.sh("rmmod ndval; modprobe ndval")
    c = Daemon(net.a, text).start()
    b.expect("refused the connection from 10.9.0.1: c is not a peer configured here")
    c.expect(r"it has no key for this host, or is another host")
    stop(c)
    net.a.sh("rmmod ndval; modprobe ndval")
    a = Daemon(net.a, config("a", "c", net.b.address)).start()
    b.expect("refused the connection from 10.9.0.1: this host is b, not c")
    no_link(net)
    a.reload(config("a", "b", net.b.address))
    linked(net)


def test_wrong_certificates(net):
    certificates(net)
    a, b = (X509.format(n) for n in "ab")

    def reload_a(daemon, _b):
        daemon.reload(config("a", "b", net.b.address, a))

    refused(net, "expired", (X509.format("expired"), b),
            ((r"expired.crt has expired: peers will refuse", r"certificate was expired|"
              r"does not accept this host's certificate"),
             (r"refused the connection from 10.9.0.1: its certificate is not accepted: .*expired",)),
            cure=reload_a)
    refused(net, "of another CA", (X509.format("foreign"), b),
            ((r"does not accept this host's certificate",),
             (r"its certificate is not accepted: .*issuer is unknown",)), cure=reload_a)

    # b has a certificate for c, and so can neither connect nor be connected to as b.
    text = config("b", "a", net.a.address, X509.format("b"))
    net.b.sh("cp /etc/ndval/b.crt /etc/ndval/good.crt; cp /etc/ndval/b.key /etc/ndval/good.key")
    one, two = Daemon(net.a, config("a", "b", net.b.address, a)), Daemon(net.b, text)
    net.b.sh("cd /etc/ndval; cp c.crt b.crt; cp c.key b.key")
    two.start().expect(r"ndvald.conf:3: /etc/ndval/b.crt is a certificate for c, not for b")
    two.job.wait(10)
    net.b.sh("rmmod ndval; modprobe ndval")
    # It says it is c: nobody a knows. It says it is a: nobody it has proved to be.
    two = Daemon(net.b, config("c", "a", net.a.address, text.split("\n[peer")[0].split("\n", 2)[2]))
    one.start()
    two.start()
    one.expect(rf"b: {net.b.address}:{PORT}: its certificate is for c, not for b")
    one.expect(r"refused the connection from 10.9.0.2: c is not a peer configured here")
    two.expect(r"it refuses: c is not a peer configured here")
    no_link(net)
    stop(two)
    net.b.sh("rmmod ndval; modprobe ndval; cd /etc/ndval; cp good.crt b.crt; cp good.key b.key")
    two = Daemon(net.b, text).start()
    linked(net)


def test_strangers(net):
    """What speaks something else at the port gets nowhere, and the link is not disturbed."""
    key = make_key(net)
    a, b = daemons(net)
    start(a, b)
    linked(net)
    promote(net)
    before = settled(net)
    client = f"{OPENSSL} s_client -connect {net.b.address}:{PORT} -quiet"
    identity = "-psk_identity 'ndvald 1 a b'"
    lines = "printf 'ndvald 1 z b\\n'; sleep 2"
    for what, command, words in (
            ("TLS 1.2", f"{client} -tls1_2 </dev/null", r"do both speak TLS 1.3"),
            ("TLS 1.3 without a key", f"{client} </dev/null", r"it found nothing that both hosts accept"),
            ("no identity of ours", f"{client} -psk {key} -psk_identity x </dev/null",
             r"it does not say who it is as ndvald does"),
            ("a wrong key", f"{client} -psk {'0' * 64} {identity} </dev/null",
             r"it does not have the key of a"),
            ("the key, another name", f"({lines}) | {client} -psk {key} {identity}",
             r"its key is that of a, not of z"),
            ("the key, no greeting", f"(echo GET / HTTP/1.0; sleep 2) | "
             f"{client} -psk {key} {identity}", r"that is not its greeting"),
            ("plain text", f"(echo hello; sleep 1) | timeout 10 nc {net.b.address} {PORT}",
             r"that is not its greeting"),
            ("the greeting in clear", f"(echo ndvald 1 a b; sleep 1) | "
             f"timeout 10 nc {net.b.address} {PORT}", r"security is psk here for a, not none"),
            ("junk that looks like TLS", f"(printf '\\026\\003\\003\\377\\377xxx'; sleep 1) | "
             f"timeout 10 nc {net.b.address} {PORT}", r"it does not speak TLS"),
    ):
        print(f"# {what}")
        since = len(b.log)
        said = net.a.run(command, timeout=30)
        until(f"{what}: refused with {words}: {said.out} {said.err} {b.log[since:]}",
              lambda w=words, s=since: re.search("refused the connection .*" + w, b.log[s:]), 10)
        assert b"ok\n" not in said.out, f"{what}: greeted"
    # The next two say nothing more: a handshake that is not gone on with, and none at all.
    since = len(b.log)
    net.a.run(f"(printf '\\026\\003\\001\\002\\000\\001'; sleep 8) | timeout 12 nc "
              f"{net.b.address} {PORT}", timeout=30)
    until("it takes too long", lambda: "not done in time" in b.log[since:])
    assert settled(net) == before, "the link was disturbed"
    same_bytes(net)


# -- the network as the enemy -------------------------------------------------

def test_flipped_bits(net):
    """A bit is changed on the way, with a right TCP checksum: the link ends, and comes back."""
    make_key(net)
    a, b = daemons(net)
    start(a, b)
    linked(net)
    promote(net)
    for sender, receiver in (("a", "b"), ("b", "a"), ("a", "b")):
        before = settled(net)
        net.flip(sender, receiver, 1)
        jobs = [g.spawn("for i in $(seq 40); do head -c 5000; done </dev/ndval-web | sha256sum")
                for g in net]
        until("the link has ended", lambda: not set(links(net.a)) & set(before[:1]))
        results = [job.wait(60, check=True).text for job in jobs]
        assert results[0] == results[1], "the hosts read different bytes"
        linked(net)
        settled(net)
    # In the handshake: each of the first frames in turn.
    for number in range(1, 4):
        net.flip("a", "b", number)
        net.flip("b", "a", number)
        net.a.run("ndvalctl link detach --peer b")
        # Who waits for the rest of a message waits 5 s, and after links that did not last
        # the next tries are up to 12 s apart.
        linked(net, 90)
        settled(net)
        net.heal()
    same_bytes(net)


def test_replay(net):
    """What one side said in an old session, said again."""
    make_key(net)
    tap, a, b = prepare(net, (f"key_file = {KEY}",) * 2)
    draw(net, 20000)
    said = {way: data for way, data in streams(tap.frames()).items()
            if way[3] == PORT or way[1] == PORT}
    assert any(len(data) > 20000 for data in said.values()), "no session was recorded"
    before = settled(net)
    for way, data in said.items():
        if len(data) < 400:
            continue
        since = len(b.log)
        net.a.put("/tmp/said", data)
        answer = net.a.run(f"(cat /tmp/said; sleep 2) | timeout 10 nc {net.b.address} {PORT}",
                           timeout=30)
        until("it is refused", lambda s=since: "refused the connection" in b.log[s:], 10)
        assert len(answer.out) < 2000, way
    assert settled(net) == before, "the link was disturbed"
    same_bytes(net)


# -- fresh links --------------------------------------------------------------

class Watch:
    """Sees whether the secondary ever leaves the in-sync set, from now on."""

    # For both hosts: a command, and what must be in all that it says.
    LOOP = ("while [ ! -e /tmp/enough ]; do x=$(ndvalctl %s --json); "
            "case $x in *'%s'*) usleep 50000;; *) echo \"$x\"; exit 1;; esac; done")

    def __init__(self, net):
        self.net = net
        for guest in net:
            guest.sh("rm -f /tmp/enough")
        self.sampling = [
            net.a.spawn(self.LOOP % ("peer list web", '"membership":"in-sync"')),
            net.b.spawn(self.LOOP % ("pair show web", '"in_sync":true'))]
        self.events = net.a.spawn("exec ndvalctl monitor")
        self.events.expect("state pair=web")

    def end(self):
        """Fails if it has."""
        for guest, job in zip(self.net, self.sampling, strict=True):
            guest.sh("touch /tmp/enough")
            done = job.wait(20)
            assert done.rc == 0, f"{guest}: {done.text}"
        self.events.kill(9)
        said = self.events.wait(10).text
        assert "peer-lost" not in said, said


def test_rekey_by_age(net):
    """Links are replaced again and again while copies read; nobody leaves the in-sync set."""
    make_key(net)
    a, b = daemons(net, (f"key_file = {KEY}\nrekey_after = 10",) * 2)
    start(a, b)
    linked(net)
    promote(net)
    lost = int(net.a.sh("cat /sys/class/ndval/ndval-web/lost"))
    watch = Watch(net)
    jobs = [g.spawn("for i in $(seq 80); do head -c 8000; usleep 200000; "
                    "done </dev/ndval-web | sha256sum") for g in net]
    begun = time.monotonic()
    numbers = {settled(net)}
    end = begun + 40
    while time.monotonic() < end:
        now = (links(net.a), links(net.b))
        assert now[0] and now[1], "a host has no link"
        numbers.add((now[0][-1], now[1][-1]))
        time.sleep(0.5)
    results = [job.wait(90, check=True).text for job in jobs]
    assert results[0] == results[1], "the hosts read different bytes"
    assert len({n for n, _ in numbers}) >= 3, f"the link was not replaced: {numbers}"
    watch.end()
    assert int(net.a.sh("cat /sys/class/ndval/ndval-web/lost")) == lost
    # One of the two begins, and the other need not.
    made = a.log.count("attached as link")
    assert made <= (time.monotonic() - begun) / 9 + 4, f"{made} links"
    # At the start both may have connected at the same moment.
    odd = re.sub(r"is down: .*(replaced|there is a newer link).*", "", a.log + b.log)
    assert "is down: " not in odd, odd


def test_rekey_by_messages(net):
    make_key(net)
    a, b = daemons(net, (f"key_file = {KEY}\nrekey_messages = 1000",) * 2)
    start(a, b)
    linked(net)
    promote(net)
    before = settled(net)
    same_bytes(net, 20 << 20)
    until("a fresh link", lambda: set(links(net.a)) - {before[0]} and
          set(links(net.b)) - {before[1]})
    same_bytes(net)


def test_new_key(net):
    """A changed key is taken over by SIGHUP on both hosts; no gap, and the old one is no good."""
    make_key(net)
    old = net.a.get(KEY)
    a, b = daemons(net)
    start(a, b)
    linked(net)
    promote(net)
    before = settled(net)
    watch = Watch(net)
    other_key(net.a)
    net.b.put(KEY, net.a.get(KEY), 0o600)
    assert net.a.get(KEY) != old
    a.hang_up()
    a.expect("b: the keys have changed, its link is made anew")
    b.expect("it does not have the key of a")           # b has not been told yet
    assert settled(net) == before, "the old link was cut"
    b.hang_up()
    until("a fresh link", lambda: links(net.a) and links(net.b) and
          links(net.a)[-1] != before[0] and links(net.b)[-1] != before[1])
    fresh = settled(net)
    same_bytes(net)
    watch.end()
    # Nothing changed: nothing happens. A key that is no good: refused, all stays.
    a.hang_up()
    a.expect("is in use")
    net.a.sh(f"chmod 644 {KEY}")
    a.hang_up()
    a.expect(r"may be used by others than its owner \(mode 0644\)")
    a.expect("the configuration stays as it was")
    assert settled(net) == fresh
    # Started anew, ndvald can't know what a link was made with: it makes it anew.
    net.a.sh(f"chmod 600 {KEY}")
    a.kill(9)
    a.start()
    until("a fresh link", lambda: links(net.a) and links(net.a)[-1] != fresh[0])
    settled(net)
    same_bytes(net)
    # The other way round: from a key to none, by name.
    for daemon, name, peer in ((a, "a", net.b), (b, "b", net.a)):
        daemon.reload(config(name, peer.name, peer.address, "", "security = none"))
    a.expect("links are neither encrypted nor authenticated")
    until("it is in clear", lambda: security(net.a) == security(net.b) == {"plain"})
    settled(net)
    same_bytes(net)


def test_no_longer_in_clear(net):
    """A link in clear to a peer that is to have none has a minute, not longer."""
    make_key(net)
    clear = [config(name, peer.name, peer.address, "", "security = none")
             for name, peer in (("a", net.b), ("b", net.a))]
    keyed = [config(name, peer.name, peer.address) for name, peer in (("a", net.b), ("b", net.a))]
    a, b = (Daemon(guest, text, "") for guest, text in zip(net, clear, strict=True))
    start(a, b)
    linked(net)
    promote(net)
    plain = settled(net)
    said = r"link \d+ is in clear, and is to be encrypted: it is detached in 60 s"

    # Both are told within that time: no gap.
    watch = Watch(net)
    a.reload(keyed[0])
    a.expect("b: " + said)
    assert settled(net) == plain and security(net.a) == {"plain"}, "it was cut at once"
    b.reload(keyed[1])
    until("it is encrypted", lambda: security(net.a) == security(net.b) == {"tls"})
    fresh = settled(net)
    same_bytes(net)
    watch.end()

    # Another program makes one, by hand, of a peer with keys.
    job = net.b.spawn("ndvalctl link attach --listen 0.0.0.0:9000 --peer a")
    until("it listens", lambda: "9000" in net.b.sh("netstat -lnt"))
    since = len(a.log)
    net.a.sh(f"ndvalctl link attach --connect {net.b.address}:9000 --peer b")
    job.wait(10, check=True)
    until("it is told", lambda: re.search(said, a.log[since:]))
    until("it is encrypted", lambda: security(net.a) == security(net.b) == {"tls"} and
          settled(net) != fresh)

    # ndvald is started with other files than the link was made with; b is not told.
    for daemon, text in ((a, clear[0]), (b, clear[1])):
        daemon.reload(text)
    until("it is in clear", lambda: security(net.a) == security(net.b) == {"plain"})
    settled(net)
    stop(a)
    a = Daemon(net.a, keyed[0], "").start()
    a.expect("b: " + said)
    began = time.monotonic()
    a.expect(r"b: link \d+ was still in clear: detached", 90)
    assert time.monotonic() - began > 50, "that was no minute"
    until("there is none", lambda: not links(net.a, None) and not links(net.b, None))
    no_link(net)
    b.reload(keyed[1])
    linked(net)
    assert security(net.a) == security(net.b) == {"tls"}
    same_bytes(net)


def test_files_that_are_no_good(net):
    """ndvald does not start with them, and says what to do."""
    make_key(net)
    for break_it, words in ((f"chmod 640 {KEY}", "may be used by others than its owner"),
                            (f"chmod 600 {KEY}; chown 1000 {KEY}", "make it root's"),
                            (f"rm {KEY}", "No such file")):
        net.a.sh(break_it)
        net.a.put(CONF, config("a", "b", net.b.address))
        done = net.a.run(f"ndvald -c {CONF}")
        assert done.rc == 2 and words in done.err.decode(), done.err


def test_vsock(net):
    """AF_VSOCK, by name and in clear only: listened on and connected to."""
    net.a.sh("modprobe vsock_loopback")
    a = Daemon(net.a, config("a", "b", "vsock:1:7000", "listen = vsock:any:7391",
                             "security = none")).start()
    a.expect("b: vsock:1:7000: ")
    job = net.a.spawn("ndvalctl link attach --vsock-connect 1:7391 --peer x --member y "
                      "2>&1; ndvalctl member add y; "
                      "ndvalctl link attach --vsock-connect 1:7391 --peer a --member y")
    a.expect(r"refused the connection from vsock:1: this is ndvald, and that is not its")
    job.wait(30)
    job = net.a.spawn("ndvalctl link attach --vsock-listen 7000 --peer a --member y")
    a.expect(r"b: vsock:1:7000: it (does not speak as ndvald does|closed the connection)")
    job.wait(30, check=True)
    stop(a)
