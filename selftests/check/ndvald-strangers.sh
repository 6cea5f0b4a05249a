#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
#
# Who says nothing keeps no peer out whose address is configured, and with whom no
# peer can be, ndvald begins no handshake. Who is greeting when the configuration is read
# again is closed. No module is needed: for want of it ndvald refuses who has got as far.
cd "$(dirname "$0")/../.." || exit 1
make -s -C tools/ndvald ndvald && make -s -C tools/ndvalctl ndvalctl || exit 1
unshare -rn ip link set lo up || {
	echo "no network namespace can be made here"
	exit 4
}
exec timeout 60 unshare -rn "${PYTHON:-python3}" - <<'E'
import os
import signal
import socket
import subprocess
import tempfile

ADDRESS = ("127.0.0.1", 7391)
DENIED = bytes((21, 3, 3, 0, 2, 2, 49))     # alert: fatal, access denied


def connect(source, text):
    sock = socket.socket()
    sock.settimeout(10)
    sock.bind((source, 0))
    sock.connect(ADDRESS)
    sock.send(text)
    return sock


def said(source, text):
    with connect(source, text) as sock:
        try:
            return sock.recv(200)
        except ConnectionResetError:
            return b""


class Ndvald:
    """Runs with these peers: lines of [peer] by name."""

    def __init__(self, scratch, **peers):
        ready = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ready.settimeout(10)
        ready.bind("")
        conf = f"[host]\nname = a\nlisten = {ADDRESS[0]}\nkey_file = {scratch}/key\n"
        conf += "".join(f"[peer {name}]\n{lines}\n" for name, lines in peers.items())
        with open(f"{scratch}/conf", "w", encoding="ascii") as file:
            file.write(conf)
        env = dict(os.environ, NOTIFY_SOCKET="@" + ready.getsockname()[1:].decode())
        self.job = subprocess.Popen(["tools/ndvald/ndvald", "-c", f"{scratch}/conf"], env=env)
        assert b"READY=1" in ready.recv(200)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.job.terminate()
        assert self.job.wait(10) == 0


subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
with tempfile.TemporaryDirectory() as scratch:
    subprocess.run(["tools/ndvalctl/ndvalctl", "key", "gen", f"{scratch}/key"], check=True)

    # Even where one peer may come from anywhere.
    with Ndvald(scratch, b="address = 127.0.0.2:1", c="address = any"):
        silent = [connect(f"127.0.0.{10 + i // 8}", b"") for i in range(40)]
        answer = said("127.0.0.2", b"ndvald 1 b a\n")
        assert answer.startswith(b"no security is psk here for b"), f"kept out: {answer}"
        for sock in silent:
            sock.close()
        answer = said("127.0.0.20", b"\x16\x03\x03\xff\xff")
        assert answer[0:1] == b"\x15" and answer != DENIED, f"no handshake: {answer}"

    with Ndvald(scratch, b="address = 127.0.0.2:1") as ndvald:
        silent = connect("127.0.0.2", b"ndvald")
        said("127.0.0.2", b"ndvald 1 b a\n")       # it has accepted that one, too
        ndvald.job.send_signal(signal.SIGHUP)
        answer = silent.recv(200)
        assert not answer, f"went on as before: {answer}"
        silent.close()
        answer = said("127.0.0.20", b"\x16\x03\x01\x00\x01\x00")
        assert answer == DENIED, f"more than a refusal: {answer}"
E
