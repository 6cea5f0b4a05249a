#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Makes the root file system of a guest: an uncompressed cpio archive.

  initramfs.py FLAVOUR [MODULE.ko]      prints the path of the archive

It holds dash, bash and busybox, the harness' agent and /init, the modules a test may need
(with a working modprobe, also for the kernel's own request_module), ndval.ko,
programs of this machine with the libraries they are linked to, the tools, and
selftests/guest/ as /selftests.  Archives are kept in build/initramfs/ under a
name made from their contents' time stamps, so an unchanged one costs nothing.
"""

import hashlib
import lzma
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import build
import kernels

HERE = Path(__file__).resolve().parent
KEEP = 24       # archives

# Modules that go in where the kernel has them, with all they depend on.
MODULES = """
    virtio_pci virtio_net virtio_console virtio_rng
    tls chacha20poly1305 chacha_generic chacha_x86_64 poly1305_generic poly1305_x86_64
    gcm ccm ghash_generic aesni_intel ctr
    vsock vmw_vsock_virtio_transport_common vsock_loopback vsock_diag
    sch_netem sch_tbf sch_ingress cls_u32 act_mirred dummy veth bridge nlmon ifb
    inet_diag tcp_diag unix_diag netlink_diag
    fuse overlay 9pnet 9pnet_virtio 9p netfs
    nf_tables nft_compat x_tables ip_tables iptable_filter
""".split()

# Programs of this machine that replace busybox's, where they are installed:
# the first ones because they read as most of the world's scripts do.
PROGRAMS = """
    head cat od dd xxd cmp tail wc cut sha256sum stdbuf timeout
    ip tc ss setpriv unshare nsenter rngtest
""".split()


def _parse_dep(moddir):
    """module name -> path, and path -> the paths it needs."""
    paths, needs = {}, {}
    for line in (moddir / "modules.dep").read_text(encoding="ascii").splitlines():
        path, _, rest = line.partition(":")
        name = re.sub(r"\.ko(\.\w+)?$", "", path.rsplit("/", 1)[-1]).replace("-", "_")
        paths[name] = path
        needs[path] = rest.split()
    return paths, needs


def _closure(moddir, names):
    paths, needs = _parse_dep(moddir)
    found = {}
    todo = [paths[n.replace("-", "_")] for n in names if n.replace("-", "_") in paths]
    while todo:
        path = todo.pop()
        if path not in found:
            found[path] = True
            todo += needs[path]
    return sorted(found)


def _unpacked_modules(kernel, names):
    """A directory with the wanted modules, uncompressed; made once per kernel and list."""
    key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:12]
    target = build.BUILD / "initramfs" / f"modules-{kernel.version}-{key}"
    with build.locked(target.name):
        if target.is_dir():
            return target
        target.parent.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(prefix=".m-", dir=target.parent))
        for path in _closure(kernel.modules, names):
            data = (kernel.modules / path).read_bytes()
            if path.endswith(".xz"):
                data, path = lzma.decompress(data), path[:-3]
            out = scratch / path
            out.parent.mkdir(parents=True, exist_ok=True)
            out.write_bytes(data)
        for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
            if (kernel.modules / name).exists():
                shutil.copy(kernel.modules / name, scratch)
        scratch.rename(target)
    return target


def libraries(program):
    """The shared libraries (and the loader) that a program needs, by ldd."""
    done = subprocess.run(["ldd", program], text=True, capture_output=True, check=False,
                          stdin=subprocess.DEVNULL)
    if "not found" in done.stdout:
        raise build.Error(f"{program}: {done.stdout}")
    return [Path(p) for p in re.findall(r"(?:=> |^\s*)(/\S+) \(0x", done.stdout, re.M)]


class Archive:
    """A cpio archive under construction (the kernel's newc form)."""

    def __init__(self):
        self.files = {}         # path -> (mode, bytes or Path)

    def add(self, path, content, mode=None):
        """@content: bytes, or the Path of a file of this machine."""
        path = str(path).lstrip("/")
        for parent in list(Path(path).parents)[:-1]:
            self.files.setdefault(str(parent), (stat.S_IFDIR | 0o755, b""))
        if mode is None:
            mode = 0o644
            if isinstance(content, Path):
                mode = stat.S_IMODE(content.stat().st_mode)
        self.files[path] = (stat.S_IFREG | mode, content)

    def symlink(self, path, target):
        self.add(path, target.encode())
        self.files[path.lstrip("/")] = (stat.S_IFLNK | 0o777, target.encode())

    def directory(self, path, mode=0o755):
        self.add(f"{path}/x", b"")
        del self.files[f"{path}/x".lstrip("/")]
        self.files[path.lstrip("/")] = (stat.S_IFDIR | mode, b"")

    def program(self, path, file):
        """A program with its libraries."""
        file = Path(file).resolve()
        self.add(path, file, 0o755)
        with open(file, "rb") as head:
            if head.read(4) != b"\x7fELF":
                return
        for lib in libraries(file):
            self.add(lib, lib.resolve(), 0o755)

    def tree(self, path, directory):
        for file in sorted(Path(directory).rglob("*")):
            if file.is_file():
                self.add(f"{path}/{file.relative_to(directory)}", file)

    def key(self):
        digest = hashlib.sha256()
        for path, (mode, content) in sorted(self.files.items()):
            if isinstance(content, Path):
                found = content.stat()
                content = f"{content} {found.st_size} {found.st_mtime_ns}".encode()
            digest.update(f"{path}\0{mode:o}\0{len(content)}\0".encode() + content)
        return digest.hexdigest()[:20]

    def write(self, out):
        for number, (path, (mode, content)) in enumerate(sorted(self.files.items()), 1):
            if isinstance(content, Path):
                content = content.read_bytes()
            self._entry(out, number, path, mode, content)
        self._entry(out, 0, "TRAILER!!!", 0, b"")

    @staticmethod
    def _entry(out, number, path, mode, content):
        name = path.encode() + b"\0"
        links = 2 if stat.S_ISDIR(mode) else 1
        fields = (number, mode, 0, 0, links, 0, len(content), 0, 0, 0, 0, len(name), 0)
        head = b"070701" + b"".join(b"%08X" % f for f in fields) + name
        out.write(head + b"\0" * (-len(head) % 4))
        out.write(content)
        out.write(b"\0" * (-len(content) % 4))


def _add_modules(archive, kernel, names, ndval):
    """modules.dep must know ndval.ko too: depmod runs on a scratch copy."""
    base = _unpacked_modules(kernel, names)
    ours = [Path(ndval), *Path(ndval).parent.glob(f"{build.TEST_MODULES}/*.ko")] if ndval else []
    where = f"lib/modules/{kernel.version}"
    with tempfile.TemporaryDirectory(prefix="ndval-depmod-") as scratch:
        copy = Path(scratch) / where
        shutil.copytree(base, copy)
        if ours:
            (copy / "extra").mkdir()
            for file in ours:
                shutil.copy(file, copy / "extra")
        subprocess.run(["depmod", "-b", scratch, kernel.version], check=True,
                       stdin=subprocess.DEVNULL)
        for file in copy.glob("modules.*"):
            archive.add(f"{where}/{file.name}", file.read_bytes())
    for file in base.rglob("*.ko"):
        archive.add(f"{where}/{file.relative_to(base)}", file)
    for file in ours:
        archive.add(f"{where}/extra/{file.name}", file)


def _add_system(archive):
    busybox = shutil.which("busybox")
    if not busybox:
        raise build.Error("busybox is missing: run 'make deps' (package busybox-static)")
    archive.program("bin/busybox", Path(busybox))
    archive.symlink("sbin/modprobe", "/bin/busybox")
    # Not busybox's shell: it takes its own applets before what PATH has.
    archive.program("bin/sh", Path("/bin/dash"))
    archive.program("bin/bash", Path("/bin/bash"))
    archive.add("init", HERE / "init.sh", 0o755)
    archive.add("sbin/hostroot", HERE / "hostroot.sh", 0o755)
    archive.program("sbin/agent", build.agent())
    for directory in "proc sys dev run var root mnt etc sbin usr/bin usr/sbin".split():
        archive.directory(directory)
    archive.directory("tmp", 0o1777)
    archive.symlink("var/run", "/run")
    archive.add("root/.profile", b"PS1='\\h# '\nalias ls='ls --color=auto'\n")
    archive.add("etc/passwd", b"root:x:0:0:root:/root:/bin/bash\n"
                              b"user:x:1000:1000:user:/tmp:/bin/sh\n"
                              b"nobody:x:65534:65534:nobody:/tmp:/bin/sh\n")
    archive.add("etc/group", b"root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n")
    archive.add("etc/hosts", b"127.0.0.1 localhost\n" + b"".join(
        b"10.9.0.%d %c\n" % (n + 1, b"abcdefgh"[n]) for n in range(8)))


def make(kernel, ndval=None, programs=(), modules=(), files=None, variant=None):
    """The archive for @kernel with the module file @ndval.

    @programs: more programs of this machine (names or paths), put in
    /usr/local/bin.  @modules: more modules.  @files: guest path -> Path or bytes.
    @variant: of the tools, see build.py.
    """
    archive = Archive()
    _add_system(archive)
    _add_modules(archive, kernel, [*MODULES, *modules], ndval)
    for name in (*PROGRAMS, *programs):
        path = shutil.which(str(name), path="/usr/bin:/bin:/usr/sbin:/sbin")
        if not path and name in programs:
            raise build.Error(f"program {name} is not on this machine")
        if path:
            archive.program(f"usr/local/bin/{Path(name).name}", path)
    try:
        for tool in build.tools(variant):
            archive.program(f"usr/sbin/{tool.name}", tool)
    except build.Error as err:
        print(f"initramfs: going on without the tools: {err}", file=sys.stderr)
    if (build.TOP / "selftests/guest").is_dir():
        archive.tree("selftests", build.TOP / "selftests/guest")
    for path, content in (files or {}).items():
        if isinstance(content, Path) and os.access(content, os.X_OK):
            archive.program(path, content)
        else:
            archive.add(path, content)
    out = build.BUILD / "initramfs" / f"{kernel.flavour}-{archive.key()}.cpio"
    if out.exists():
        os.utime(out)
        return out
    with build.locked("initramfs"):
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = out.with_suffix(f".{os.getpid()}")
        with open(scratch, "wb") as file:
            archive.write(file)
        scratch.rename(out)
        for old in sorted(out.parent.glob("*.cpio"), key=os.path.getmtime)[:-KEEP]:
            old.unlink(missing_ok=True)
    return out


if __name__ == "__main__":
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    try:
        print(make(kernels.get(sys.argv[1]), *sys.argv[2:]))
    except (build.Error, kernels.Error) as error:
        sys.exit(f"initramfs: {error}")
