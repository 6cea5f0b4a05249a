# SPDX-License-Identifier: GPL-2.0-only
"""One guest: its QEMU, the agent in it, its kernel log, its verdict.

A guest has failed until it says otherwise: finish() lets the agent remove the
module, look for leaks and say "verdict: clean" over the serial port that the
agent has to itself; QEMU must then end by itself and the kernel's log hold
nothing from ALARMS.  A panic, a hang or a lost QEMU raise Failure wherever the
harness waits at that moment.
"""

import atexit
import contextlib
import json
import mmap
import os
import re
import shlex
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import build
import initramfs
import kernels

# What must not be in the log of a guest that passes. The kcsan kernel reports races
# of the whole kernel, and lives on after them; those that one of our modules takes
# part in count.
ALARMS = re.compile("|".join((
    r"WARNING: ", r"\bBUG: (?!KCSAN)", r"BUG: KCSAN: .*\[ndval", r"kernel BUG at",
    r"Oops[: ]", r"Kernel panic", r"Call Trace:",
    r"general protection fault", r"KASAN: ", r"KFENCE: ", r"UBSAN: ", r"KMEMLEAK|kmemleak: \d+ new",
    r"unreferenced object", r"INFO: task .* blocked for more than", r"INFO: rcu|rcu: INFO: ",
    r"soft lockup", r"hard LOCKUP", r"possible (circular|recursive|irq) lock",
    r"INFO: possible ", r"suspicious RCU usage", r"inconsistent lock state", r"bad unlock balance",
    r"held lock freed", r"BUG kmalloc", r"Objects remaining", r"list_(add|del) corruption",
    r"refcount_t: ", r"Out of memory: |oom-kill:", r"ndval: .*leak", r"ndval: .*still in use",
    r"scheduling while atomic", r"sleeping function called from invalid context",
)))

BOOT_TIMEOUT = 90
LIVE = set()        # guests whose QEMU may be running
FRAME = struct.Struct("<III")


@atexit.register
def end_all_guests():
    """Whatever way the harness ends, no guest stays behind."""
    for guest in list(LIVE):
        guest.kill()


def first_alarm(log):
    """The first line of a kernel log that must not be there, or None."""
    found = ALARMS.search(log)
    if not found:
        return None
    return log[log.rfind("\n", 0, found.start()) + 1:].split("\n", 1)[0].strip()


class Failure(Exception):
    """A test failed; the text says why, with the end of the guest's log."""


class Result:
    """What a command in a guest did: rc, out and err (bytes)."""

    def __init__(self, rc, out, err):
        self.rc, self.out, self.err = rc, out, err

    @property
    def text(self):
        return self.out.decode(errors="replace")


class Job:
    """A command running in a guest."""

    def __init__(self, agent, number, command):
        self.agent, self.number, self.command = agent, number, command
        self.out, self.err = bytearray(), bytearray()
        self.rc = None          # exit status, or 128 + signal
        self.on_output = None   # called with each piece of stdout

    def write(self, data):
        """Bytes for its stdin."""
        for start in range(0, len(data), 1 << 16):
            self.agent.send(self.number, "i", data[start:start + (1 << 16)])

    def close(self):
        """End of its stdin."""
        self.agent.send(self.number, "c")

    def kill(self, sig=signal.SIGTERM):
        self.agent.send(self.number, "k", bytes([sig]))

    @property
    def running(self):
        return self.rc is None

    def wait(self, timeout=60, check=False):
        """Waits for its end: a Result. @check: fail unless it exits with 0."""
        guest = self.agent.guest
        if not self.agent.wait_for(lambda: self.rc is not None, timeout):
            raise guest.failure(f"still running after {timeout} s: {self.command}\n"
                                f"{self._said()}", hung=True)
        if check and self.rc != 0:
            raise guest.failure(f"exit {self.rc}: {self.command}\n{self._said()}")
        return Result(self.rc, bytes(self.out), bytes(self.err))

    def expect(self, pattern, timeout=60):
        """Waits until its output (stdout or stderr) matches a regular expression."""
        found = []
        want = re.compile(pattern.encode() if isinstance(pattern, str) else pattern)

        def there():
            match = want.search(self.out) or want.search(self.err)
            found.append(match)
            return match or self.rc is not None

        if not self.agent.wait_for(there, timeout) or not found[-1]:
            state = "running" if self.rc is None else f"exit {self.rc}"
            raise self.agent.guest.failure(
                f"no /{pattern}/ ({state}) in: {self.command}\n{self._said()}")
        return found[-1]

    def _said(self):
        text = (bytes(self.out)[-3000:] + bytes(self.err)[-3000:]).decode(errors="replace")
        return "".join(f"    | {line}\n" for line in text.splitlines())


class Agent:
    """The harness' end of the agent's port; see agent.c for the frames."""

    def __init__(self, guest, sock):
        self.guest, self.sock = guest, sock
        self.jobs = {}
        self.next = 1
        self.release = None     # the guest kernel's, once it has said hello
        self.hellos = 0
        self.closed = False
        self.changed = threading.Condition()
        self.sending = threading.Lock()
        threading.Thread(target=self._listen, daemon=True).start()

    def send(self, number, kind, payload=b""):
        try:
            with self.sending:
                self.sock.sendall(FRAME.pack(len(payload), number, ord(kind)) + payload)
        except OSError:
            pass                # whoever waits for an answer will see that it is closed

    def start(self, command, kind="x"):
        with self.changed:
            job = Job(self, self.next, command)
            self.jobs[self.next] = job
            self.next += 1
        self.send(job.number, kind, command.encode())
        return job

    def wait_for(self, condition, timeout):
        """Waits until condition(); False after @timeout, Failure if the guest is gone.

        @timeout: in seconds of Debian's kernels; a slower one gets more.
        """
        end = time.monotonic() + timeout * self.guest.kernel.slower
        with self.changed:
            while not condition():
                if self.closed:
                    raise self.guest.failure("the guest is gone")
                left = end - time.monotonic()
                if left <= 0:
                    return False
                self.changed.wait(left)
        return True

    def _listen(self):
        data = bytearray()
        while True:
            try:
                piece = self.sock.recv(1 << 18)
            except OSError:
                piece = b""
            if not piece:
                break
            data += piece
            while len(data) >= FRAME.size:
                length, number, kind = FRAME.unpack_from(data)
                if len(data) < FRAME.size + length:
                    break
                payload = bytes(data[FRAME.size:FRAME.size + length])
                del data[:FRAME.size + length]
                self._handle(number, chr(kind), payload)
        with self.changed:
            self.closed = True
            self.changed.notify_all()

    def _handle(self, number, kind, payload):
        with self.changed:
            job = self.jobs.get(number)
            if kind == "h":
                self.release = payload.decode()
                self.hellos += 1
            elif job and kind in "oe":
                (job.out if kind == "o" else job.err).extend(payload)
            elif job and kind == "z":
                word, value = payload.decode().split()
                job.rc = int(value) + (128 if word == "signal" else 0)
                del self.jobs[number]
            self.changed.notify_all()
        if job and kind == "o" and job.on_output:
            job.on_output(payload)


class Qmp:
    """QEMU's machine protocol, as far as needed."""

    def __init__(self, sock):
        self.file = sock.makefile("rwb")
        self.lock = threading.Lock()
        self.ready = False

    def __call__(self, command, **arguments):
        with self.lock:
            if not self.ready:
                self.file.readline()
                self._ask("qmp_capabilities", {})
                self.ready = True
            return self._ask(command, arguments)

    def _ask(self, command, arguments):
        self.file.write(json.dumps({"execute": command, "arguments": arguments}).encode() + b"\n")
        self.file.flush()
        for line in self.file:
            answer = json.loads(line)
            if "return" in answer:
                return answer["return"]
            if "error" in answer:
                raise Failure(f"QEMU: {command}: {answer['error'].get('desc')}")
        raise Failure(f"QEMU: {command}: closed")


def _probe_kvm(vmlinuz):
    """Boots a kernel without a root file system: it must get as far as its panic."""
    cmd = ["timeout", "-k", "1", "5", "qemu-system-x86_64", "-accel", "kvm", "-cpu", "host",
           "-m", "256", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
           "-serial", "stdio", "-kernel", str(vmlinuz), "-append", "console=ttyS0 panic=-1"]
    done = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0 and b"Kernel panic" in done.stdout


def accelerator():
    """'kvm' or 'tcg'. Asked once per boot of this machine; NDVAL_ACCEL overrides."""
    chosen = os.environ.get("NDVAL_ACCEL")
    if chosen:
        return chosen
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    answer = build.BUILD / "accelerator"
    with build.locked("accelerator"):
        with contextlib.suppress(OSError, ValueError):
            known, found = answer.read_text(encoding="ascii").split()
            if known == boot:
                return found
        found = "tcg"
        if os.access("/dev/kvm", os.R_OK | os.W_OK) and \
           _probe_kvm(kernels.get(kernels.DEFAULT[-1]).vmlinuz):
            found = "kvm"
        answer.write_text(f"{boot} {found}\n", encoding="ascii")
    return found


class Guest:
    """A virtual machine. Options (all optional):

    memory=512 (MiB; twice as much with a kernel that is built here), smp=1,
    icount=False (guest time counts instructions; one processor), qemu=[more QEMU
    arguments], cmdline="more kernel parameters", sanitize=FLAVOUR (tools with ASan and
    UBSan where the guest has this kernel), modules=[..], programs=[..],
    files={guest path: Path or bytes} for the initramfs, ndval=PATH of another
    ndval.ko, or None for none at all; knobs=False (driver/knobs.h);
    vmgenid=GUID, rng=True (virtio-rng), host9p=True where the kernel has 9p,
    shared=0 (MiB of memory that is also .shared here, and outlives the guest),
    lifetime=3600 (s; QEMU is ended then, whatever happens).
    """

    def __init__(self, name, kernel, index=1, logs=None, switch=None, **options):
        self.name = name
        self.kernel = kernels.get(kernel) if isinstance(kernel, str) else kernel
        self.index = index
        self.address = f"10.9.0.{index}"
        self.mac = f"52:54:00:09:00:{index:02x}"
        self.switch = switch
        self.options = options
        self.dir = Path(logs or tempfile.mkdtemp(prefix="ndval-"))
        self.dir.mkdir(parents=True, exist_ok=True)
        self.log = self.dir / f"{name}.log"
        self.log.unlink(missing_ok=True)
        self.process = self.agent = self.qmp = None
        self.checked = 0        # how far the log has been searched
        self.boots = 0
        self.frozen = False
        self.counting = self.kernel.flavour == "debug" and os.environ.get("NDVAL_COVERAGE")
        self.clean = True       # no guest has been started that did not end well
        self.ending = threading.RLock()
        self.shared = None
        if options.get("shared"):
            self._share(int(options["shared"]) << 20)

    def __str__(self):
        return f"{self.name} ({self.kernel.flavour})"

    # -- life ---------------------------------------------------------------

    def _module(self):
        if "ndval" in self.options:
            return self.options["ndval"]
        return build.module(self.kernel, knobs=self.options.get("knobs", False))

    def _memory(self):
        return self.options.get("memory", 512) * (2 if self.kernel.built else 1)

    def _archive(self):
        return initramfs.make(self.kernel, self._module(), self.options.get("programs", ()),
                              self.options.get("modules", ()), self.options.get("files"),
                              self._variant())

    def _variant(self):
        """Of the tools in this guest."""
        if self.counting:
            return "counted"
        return "asan" if self.options.get("sanitize") == self.kernel.flavour else None

    def _command(self, archive, agent, qmp, net):
        icount = self.options.get("icount", False)
        accel = "tcg" if icount else self.options.get("accel") or accelerator()
        append = ["console=ttyS0", "panic=-1", "oops=panic",
                  f"panic_on_warn={int(self.kernel.flavour != 'kcsan')}", "mitigations=off",
                  "quiet", "loglevel=7", "unknown_nmi_panic",
                  "rcupdate.rcu_cpu_stall_timeout=120",
                  f"vmhost={self.name}", f"vmaddr={self.address}",
                  # QEMU's table of interrupts is a program; with KASAN, kmemleak and
                  # an emulated processor it takes 20 s for each device.
                  "acpi=noirq" if self.kernel.built else "",
                  # The kernel makes it part of init's environment.
                  "GCOV_PREFIX=/tmp/gcov" if self.counting else "",
                  f"ASAN_OPTIONS={build.ASAN_OPTIONS}" if self._variant() == "asan" else "",
                  self.options.get("cmdline", "")]
        cmd = ["timeout", "-k", "5", str(self.options.get("lifetime", 3600)),
               "qemu-system-x86_64", "-name", self.name, "-nodefaults", "-no-user-config",
               "-display", "none", "-no-reboot", "-m", str(self._memory()),
               "-smp", "1" if icount else str(self.options.get("smp", 1)),
               "-kernel", str(self.kernel.vmlinuz), "-initrd", str(archive),
               "-append", " ".join(append),
               "-chardev", f"file,id=log,path={self.log},append=on", "-serial", "chardev:log",
               "-device", "virtio-serial-pci",
               "-chardev", f"socket,id=agent,fd={agent.fileno()}",
               "-device", "virtserialport,nr=1,chardev=agent,name=ndval.agent",
               "-chardev", f"socket,id=shell,path={self.shell_path()},server=on,wait=off",
               "-device", "virtserialport,nr=2,chardev=shell,name=ndval.shell",
               "-chardev", f"socket,id=qmp,fd={qmp.fileno()}",
               "-mon", "chardev=qmp,mode=control"]
        if icount:
            cmd += ["-accel", "tcg,thread=single", "-icount", "shift=0,sleep=off"]
        elif accel == "tcg":
            cmd += ["-accel", "tcg,thread=multi"]
        else:
            cmd += ["-accel", accel]
        cmd += ["-cpu", self.options.get("cpu") or ("host" if accel == "kvm" else "max")]
        if net:
            cmd += ["-netdev", f"dgram,id=n0,local.type=fd,local.str={net.fileno()}",
                    "-device", f"virtio-net-pci,netdev=n0,mac={self.mac}"]
        if self.options.get("rng", True):
            cmd += ["-device", "virtio-rng-pci"]
        if self.shared:
            cmd += ["-object", f"memory-backend-file,id=shared,share=on,size={len(self.shared)},"
                    f"mem-path={self._shared_path()}",
                    "-device", "ivshmem-plain,memdev=shared"]
        if self.options.get("vmgenid"):
            cmd += ["-device", f"vmgenid,guid={self.options['vmgenid']}"]
        if self.kernel.has_9p and self.options.get("host9p", True):
            cmd += ["-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,"
                    "multidevs=remap"]
        return cmd + list(self.options.get("qemu", ()))

    def shell_path(self):
        """The socket of the port for a person's shell (unix paths must be short)."""
        if not hasattr(self, "_run"):
            self._run = tempfile.TemporaryDirectory(prefix="ndval-")
        return Path(self._run.name) / self.name

    def _shared_path(self):
        return self.shell_path().with_name("shared")

    def _share(self, size):
        with open(self._shared_path(), "w+b") as file:
            file.truncate(size)
            self.shared = mmap.mmap(file.fileno(), size)

    def start(self, wait=True):
        """Boots. After power_cut() or reboot() it boots afresh, with empty memory."""
        archive = self._archive()
        self.shell_path().unlink(missing_ok=True)
        ours, theirs = zip(*(socket.socketpair() for _ in range(2)))
        net = None
        if self.switch:
            net_ours, net = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.switch.plug(self.name, self.mac, net_ours)
            net_ours.close()
        self.boots += 1
        with open(self.log, "a", encoding="utf-8") as log:
            log.write(f"==== {self}: boot {self.boots}, {self.kernel.version}\n")
        fds = [s.fileno() for s in (*theirs, net) if s]
        cmd = self._command(archive, *theirs, net)
        (self.dir / f"{self.name}.qemu").write_text(shlex.join(cmd) + "\n", encoding="utf-8")
        with open(self.dir / f"{self.name}.qemu-out", "wb") as out:
            self.process = subprocess.Popen(cmd, pass_fds=fds, stdin=subprocess.DEVNULL,
                                            stdout=out, stderr=out, start_new_session=True)
        LIVE.add(self)
        for sock in (*theirs, net):
            if sock:
                sock.close()
        self.agent = Agent(self, ours[0])
        self.qmp = Qmp(ours[1])
        self.frozen = False
        self.clean = False
        if wait:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=BOOT_TIMEOUT):
        """Waits until the guest takes commands.

        QEMU's emulation is seldom, but now and then, no good to a kernel that boots:
        with several processors while it patches its own code ("Oops: int3"), with
        KASAN an interrupt that comes before its time ("wild-memory-access").
        A guest that dies before anything of ours runs in it gets one more boot.
        """
        try:
            self._wait_ready(timeout)
        except Failure as failure:
            if self.running:
                raise
            print(f"# {self}: died while it booted, once more: "
                  f"{first_alarm(self.log_text(self.checked)) or failure}", flush=True)
            self.kill()
            self.checked = self.log.stat().st_size
            self.start(wait=False)
            self._wait_ready(timeout)

    def _wait_ready(self, timeout):
        if not self.agent.wait_for(lambda: self.agent.release, timeout):
            raise self.failure(f"not up after {timeout} s", hung=True)
        if self.agent.release != self.kernel.version:
            raise self.failure(f"runs {self.agent.release}, not {self.kernel.version}")

    @property
    def running(self):
        return self.process is not None and self.process.poll() is None

    def _qemu_pid(self):
        """The child of timeout(1), which is a process of ours, not yet waited for."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        with contextlib.suppress(OSError):
            children = path.read_text(encoding="ascii").split()
            return int(children[0]) if children else None
        return None

    def kill(self):
        """Ends QEMU at once, whatever state it is in. No verdict, no failure."""
        with self.ending:
            while self.running:
                pid = self._qemu_pid()
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid or self.process.pid, signal.SIGKILL)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self.process.wait(0.2)
            self._hang_up()
            LIVE.discard(self)

    def _hang_up(self):
        if self.agent:
            with contextlib.suppress(OSError):
                self.agent.sock.shutdown(socket.SHUT_RDWR)
            self.agent.sock.close()
            self.qmp.file.close()
            self.agent = self.qmp = self.process = None
            self.frozen = False

    def power_cut(self):
        """As if the plug was pulled. The log up to there is checked; start() boots again."""
        self.check_log()
        self.kill()
        self.clean = True

    def reboot(self):
        """Orderly end, with a verdict, and a new boot."""
        self.finish()
        return self.start()

    def freeze(self):
        """Stops its processors and clock; frames for it wait or are lost."""
        self.qmp("stop")
        self.frozen = True

    def thaw(self):
        if self.frozen:
            self.qmp("cont")
            self.frozen = False

    def carrier(self, up):
        """Pulls or plugs the network cable as the guest sees it."""
        self.qmp("set_link", name="n0", up=up)

    # -- work ---------------------------------------------------------------

    def spawn(self, command):
        """Starts a shell command; returns a Job."""
        if not self.agent:
            raise self.failure("is not running")
        return self.agent.start(command)

    # pylint: disable=redefined-builtin
    def run(self, command, timeout=60, input=None, check=False):
        """Runs a shell command to its end; returns a Result."""
        job = self.spawn(command)
        if input is not None:
            job.write(input.encode() if isinstance(input, str) else input)
        job.close()
        return job.wait(timeout, check)

    def sh(self, command, timeout=60, check=True, input=None):
        """Runs a shell command, returns its stdout as text without the last newline."""
        return self.run(command, timeout, input, check).text.rstrip("\n")

    def put(self, path, data, mode=0o644):
        where = shlex.quote(str(path))
        self.run(f"mkdir -p \"$(dirname {where})\" && cat >{where} && chmod {mode:o} {where}",
                 input=data, check=True)

    def get(self, path):
        return self.run(f"cat {shlex.quote(str(path))}", check=True).out

    def kill_jobs(self):
        """Kills everything that was started and is still running, daemons too."""
        jobs = list(self.agent.jobs.values())
        self.agent.send(0, "K")
        for job in jobs:
            job.wait(30)

    def mark(self, text):
        """A line in the kernel's log, to find one's way in it."""
        self.run(f"echo {shlex.quote('ndval-test: ' + text)} >/dev/kmsg")

    # -- verdict ------------------------------------------------------------

    def log_text(self, start=0):
        with contextlib.suppress(FileNotFoundError), open(self.log, "rb") as log:
            log.seek(start)
            return log.read().decode(errors="replace").replace("\r", "")
        return ""

    def tail(self, lines=40):
        text = self.log_text().splitlines()[-lines:]
        return "".join(f"    {self.name}| {line}\n" for line in text)

    def check_log(self):
        """Raises Failure if the kernel complained since the last look."""
        size = self.log.stat().st_size
        text = self.log_text(self.checked)
        self.checked = size
        line = first_alarm(text)
        if line:
            raise self.failure(f"kernel log: {line}")

    def diagnose(self):
        """Has a guest that seems to hang say where: blocked tasks, else an NMI's trace."""
        with contextlib.suppress(Failure, OSError, ValueError, AttributeError):
            if self.frozen:
                self.thaw()
            job = self.agent.start("echo w >/proc/sysrq-trigger; echo l >/proc/sysrq-trigger;"
                                   "ps")
            if self.agent.wait_for(lambda: job.rc is not None, 5):
                return bytes(job.out).decode(errors="replace")
            self.qmp("inject-nmi")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(5)
        return ""

    def failure(self, why, hung=False):
        text = f"{self}: {why}"
        if hung:
            text += "\n" + self.diagnose()
        elif not self.running and self.boots:
            # Let QEMU's last words arrive.
            time.sleep(0.1)
        alarm = first_alarm(self.log_text(self.checked))
        if alarm:
            text += f"\nkernel log: {alarm}"
        out = ""
        with contextlib.suppress(OSError):
            out = (self.dir / f"{self.name}.qemu-out").read_text(errors="replace")
        tail = self.tail()
        return Failure(f"{text}\n{out}{tail}    (whole log: {self.log})")

    # Kills what is left over, removes the module, which looks for its own leaks.
    VERDICT = r"""
if [ -d /sys/module/ndval ]; then
    rmmod ndval || { sleep 0.5; rmmod ndval; } || { echo "rmmod ndval failed"; exit 1; }
fi
echo "verdict: clean"
"""

    def verdict(self):
        """Asks the guest for its own word on its state, without ending it."""
        self.thaw()
        self.kill_jobs()
        result = self.run(self.VERDICT, timeout=90)
        if result.rc or not result.text.endswith("verdict: clean\n"):
            raise self.failure("no clean verdict: " + (result.out + result.err).decode(
                errors="replace"))
        self.check_log()

    # An object counts as leaked when it has existed for 5 s, did not change since
    # the last scan, and no pointer to it was found: hence two scans, and a wait that
    # nothing that happens could shorten.
    SCAN = r"""
cd /sys/kernel/debug
[ -e kmemleak ] && ! grep -q kmemleak=off /proc/cmdline || exit 0
echo scan >kmemleak
sleep 6
echo scan >kmemleak
cat kmemleak
"""

    def scan(self):
        """Looks for leaks, of all that happened since the boot, where the kernel can."""
        leaks = self.sh(self.SCAN, timeout=90)
        if leaks:
            raise self.failure(f"leaked: {leaks}")

    # Files of debugfs have no size: tar would take them for empty.
    COUNTS = r"""
mkdir -p /tmp/gcov
cd /sys/kernel/debug/gcov && find . -name '*.gcda' | while read -r file; do
    mkdir -p "/tmp/gcov/${file%/*}" && cat "$file" >"/tmp/gcov/$file" || exit
done && cd /tmp/gcov && tar c .
"""

    def hand_over_counts(self, directory):
        """The counts of lines that ran, see coverage.py, into a new folder of its own."""
        target = tempfile.mkdtemp(prefix=f"{self.name}-", dir=directory)
        tar = self.run(self.COUNTS, timeout=90, check=True).out
        subprocess.run(["tar", "x", "-C", target], input=tar, check=True)

    def finish(self):
        """Ends it in good order; raises Failure unless everything was well."""
        if not self.agent:
            if not self.clean:
                raise self.failure("gave no verdict")
            return
        try:
            self.verdict()
            self.scan()
            if self.counting:
                self.hand_over_counts(self.counting)
            self.agent.start("poweroff -f")
            try:
                rc = self.process.wait(30)
            except subprocess.TimeoutExpired:
                raise self.failure("does not power off") from None
            if rc:
                raise self.failure(f"QEMU ended with {rc}")
            self.check_log()
            self.clean = True
        finally:
            self.kill()


class Switch:
    """The virtual network of a set of guests; see switch.py."""

    def __init__(self, seed="ndval"):
        self.control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.lock = threading.Lock()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("switch.py"), seed],
                stdin=theirs, start_new_session=True)

    def _ask(self, fds=(), **message):
        with self.lock:
            socket.send_fds(self.control, [json.dumps(message).encode()], list(fds))
            answer = json.loads(self.control.recv(65536) or b'{"error": "the switch died"}')
        if "error" in answer:
            raise Failure(f"switch: {answer['error']}")
        return answer

    def plug(self, name, mac, sock):
        self._ask([sock.fileno()], port=name, mac=mac)

    def rule(self, sender, receiver, **what):
        """drop=True, loss=percent, delay=ms, jitter=ms, flip=frames; nothing: all is well."""
        self._ask(rule=[sender, receiver], **what)

    def clear(self):
        self._ask(clear=True)

    def stats(self):
        """{"a>b": [passed, lost, late]} in frames."""
        return self._ask(stats=True)

    def close(self):
        self.control.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
