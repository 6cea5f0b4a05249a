#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""The Debian kernels that ndval is tested on, in a cache outside the tree.

  kernels.py list              the flavours, their newest version, what is cached
  kernels.py fetch [FLAVOUR..] download and unpack, or build (default: Debian's)
  kernels.py headers           install the headers that belong to them (root)
  kernels.py source            extract the needed parts of linux-source-6.12
  kernels.py remove            remove the cache

A flavour is 6.1 or 6.12 (Debian's cloud kernels, the default two), 6.1-generic
or 6.12-generic; or debug or kcsan, built from linux-source-6.12 with the
fragments of config/.  The concrete version behind each is whatever Debian's
package is today; no point release is written anywhere.  Images are unpacked,
never installed: the kernel of this machine is not touched.

The cache is $NDVAL_CACHE, or $XDG_CACHE_HOME/ndval, or ~/.cache/ndval:

  kernels/KV/                  an unpacked image (boot/vmlinuz-KV, lib/modules/KV);
                               a built one has build/ for modules too, and a KV
                               that names its contents: other source or other
                               fragments make another
  kernels/current-FLAVOUR      the KV last resolved for this flavour
  linux-source/                checkpatch, ynl, kselftest headers

Everything appears there by a rename of a finished directory, so a half-written
cache cannot be mistaken for a whole one.  When apt cannot answer (no network),
the version last resolved is used.
"""

import contextlib
import fcntl
import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

META = {
    "6.1": "linux-image-cloud-amd64",
    "6.12": "linux-image-6.12-cloud-amd64",
    "6.1-generic": "linux-image-amd64",
    "6.12-generic": "linux-image-6.12-amd64",
}
STOCK = tuple(META)
DEFAULT = ("6.1", "6.12")
SOURCE = "linux-source-6.12"

# Built here: the fragments that go on top of tinyconfig.
BUILT = {
    "debug": ("guest.config", "debug.config"),
    "kcsan": ("guest.config", "kcsan.config"),
}
FLAVOURS = (*STOCK, *BUILT)
CONFIGS = Path(__file__).resolve().parent / "config"

# How many times slower than Debian's a kernel may be before it counts as hung.
SLOWER = {"debug": 4, "kcsan": 6}

# What of the kernel's source tree the checks and tests use.
SOURCE_PARTS = (
    "tools/net/ynl/",
    "Documentation/netlink/",
    "scripts/checkpatch.pl",
    "scripts/coccinelle/",
    "scripts/spelling.txt",
    "scripts/const_structs.checkpatch",
    "tools/testing/selftests/lib.mk",
    "tools/testing/selftests/kselftest.h",
    "tools/testing/selftests/kselftest_harness.h",
    "tools/testing/selftests/kselftest/",
)


class Error(Exception):
    """What is missing and what to do about it, in words for a person."""


def cache() -> Path:
    base = os.environ.get("NDVAL_CACHE")
    if base:
        return Path(base)
    xdg = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(xdg) / "ndval"


@contextlib.contextmanager
def locked(name):
    """Holds a lock file in the cache: two runs may start at the same time."""
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / f".lock-{name}", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Kernel:
    """An unpacked kernel image."""

    def __init__(self, flavour, version):
        self.flavour = flavour
        self.version = version
        self.root = cache() / "kernels" / version
        self.vmlinuz = self.root / "boot" / f"vmlinuz-{version}"
        self.built = flavour in BUILT
        self.headers = self.root / "build" if self.built else \
            Path("/usr/src") / f"linux-headers-{version}"
        self.slower = SLOWER.get(flavour, 1)

    @property
    def modules(self):
        for lib in ("lib", "usr/lib"):
            path = self.root / lib / "modules" / self.version
            if path.is_dir():
                return path
        return self.root / "lib/modules" / self.version

    @property
    def has_9p(self):
        return self.built or self.flavour.endswith("-generic")

    def complete(self):
        return self.vmlinuz.exists() and (self.modules / "modules.dep").exists()

    def __repr__(self):
        return f"Kernel({self.flavour}, {self.version})"


def _apt(*args, **kwargs):
    return subprocess.run(args, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, check=False, **kwargs)


_updated = False


def apt_update():
    """Refreshes apt's lists, at most once a run and only as root."""
    global _updated  # pylint: disable=global-statement
    if _updated or os.geteuid() != 0:
        return
    _updated = True
    print("kernels: apt-get update", file=sys.stderr)
    _apt("apt-get", "-q", "update")


def _ask_apt(meta):
    """The concrete package that @meta depends on, or None."""
    out = _apt("apt-cache", "depends", "--no-recommends", "--no-suggests", meta).stdout
    found = re.findall(r"^\s*\|?Depends: (linux-image-\d\S*)$", out, re.M)
    return found[0].removeprefix("linux-image-") if found else None


def _remember(flavour):
    return cache() / "kernels" / f"current-{flavour}"


@functools.cache
def resolve(flavour):
    """The version that @flavour means now; from the cache when apt has no answer."""
    if flavour not in FLAVOURS:
        raise Error(f"unknown kernel '{flavour}': one of {', '.join(FLAVOURS)}")
    ask = _name_of_build if flavour in BUILT else _ask_apt
    version = ask(META.get(flavour, flavour))
    if not version:
        apt_update()
        version = ask(META.get(flavour, flavour))
    if not version:
        with contextlib.suppress(OSError):
            version = _remember(flavour).read_text(encoding="ascii").strip()
    if not version:
        raise Error(f"apt knows no package {META.get(flavour, SOURCE)} and the cache {cache()} has "
                    "none: run 'apt-get update' with Debian bookworm and its security "
                    "and update suites configured")
    return version


def _download(package, into):
    """apt-get download into a directory; fresh lists on a second try."""
    for last in (False, True):
        done = _apt("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", package,
                    cwd=into)
        debs = list(Path(into).glob("*.deb"))
        if done.returncode == 0 and debs:
            return debs[0]
        if last:
            break
        apt_update()
    raise Error(f"apt-get download {package}: {done.stderr.strip()}")


@contextlib.contextmanager
def _fresh(target):
    """A scratch directory beside @target that becomes it when the block ends well.

    The caller holds the lock for @target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    for half in target.parent.glob(f".{target.name}-*"):
        shutil.rmtree(half, ignore_errors=True)     # of a run that was killed
    scratch = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        (scratch / "tree").mkdir()
        yield scratch
        if target.exists():
            target.rename(scratch / "old")
        (scratch / "tree").rename(target)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def get(flavour):
    """The kernel of @flavour, downloaded and unpacked if need be."""
    version = resolve(flavour)
    kernel = Kernel(flavour, version)
    if kernel.complete():
        _write(flavour, version)
        return kernel
    with locked(f"kernel-{version}"):
        if kernel.complete():
            return kernel
        print(f"kernels: building {version}, about 10 minutes on two processors"
              if kernel.built else f"kernels: fetching linux-image-{version}", file=sys.stderr)
        start = time.monotonic()
        try:
            with _fresh(kernel.root) as scratch:
                if kernel.built:
                    _build(kernel, scratch)
                else:
                    deb = _download(f"linux-image-{version}", scratch)
                    subprocess.run(["dpkg", "-x", deb, scratch / "tree"], check=True)
                _depmod(scratch / "tree", version)
        except Error as err:
            return _older(flavour, err)
        if not kernel.complete():
            raise Error(f"{version} has no boot/vmlinuz-{version}")
        print(f"kernels: {version} ready in {time.monotonic() - start:.0f} s",
              file=sys.stderr)
    _write(flavour, version)
    return kernel


def _depmod(tree, version):
    """The package leaves modules.dep to its installation; depmod wants tree/lib."""
    if not (tree / "lib").exists():
        (tree / "lib").symlink_to("usr/lib")
    subprocess.run(["depmod", "-b", tree, version], check=True, stdin=subprocess.DEVNULL)


def _write(flavour, version):
    path = _remember(flavour)
    with contextlib.suppress(OSError):
        if path.read_text(encoding="ascii").strip() == version:
            return
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(version + "\n", encoding="ascii")
    scratch.rename(path)


def _older(flavour, err):
    """The version used last, when the newest cannot be had."""
    with contextlib.suppress(OSError):
        kernel = Kernel(flavour, _remember(flavour).read_text(encoding="ascii").strip())
        if kernel.complete():
            print(f"kernels: {err}\nkernels: going on with {kernel.version}", file=sys.stderr)
            return kernel
    raise err


def _source_version():
    """The version of Debian's source package, or None."""
    found = re.search(r"Candidate: (\d\S*)", _apt("apt-cache", "policy", SOURCE).stdout)
    return found.group(1) if found else None


def _name_of_build(flavour):
    """The version of a kernel of ours: that of its source, and what it is made of."""
    version = _source_version()
    if not version:
        return None
    made_of = [version, *(_fragment(name) for name in BUILT[flavour])]
    digest = hashlib.sha256("\0".join(made_of).encode()).hexdigest()[:10]
    return f"{version.split('-')[0]}-{flavour}-{digest}"


def _fragment(name):
    return (CONFIGS / name).read_text(encoding="ascii")


def _build(kernel, scratch):
    """Builds a kernel of ours into scratch/tree; its source is 1.5 GB while it lasts."""
    deb = _download(SOURCE, scratch)
    _extract(deb, scratch / "source", lambda _: True)
    source, tree = scratch / "source", scratch / "tree"
    local = "LOCALVERSION=-" + kernel.version.split("-", 1)[1]
    _configure(source, BUILT[kernel.flavour], local)
    _make(source, local, f"-j{os.cpu_count() or 1}", "bzImage", "modules")
    (tree / "boot").mkdir()
    shutil.copy(source / "arch/x86/boot/bzImage", tree / "boot" / f"vmlinuz-{kernel.version}")
    _make(source, local, f"INSTALL_MOD_PATH={tree}", "DEPMOD=true", "modules_install")
    _make(source, local, "run-command",
          f"KBUILD_RUN_COMMAND=scripts/package/install-extmod-build {tree / 'build'}")


def _configure(source, fragments, local):
    """The configuration of @source; what a fragment asks for must be in it."""
    _make(source, local, "tinyconfig")
    with open(source / ".config", "a", encoding="ascii") as config:
        config.writelines(_fragment(name) for name in fragments)
    _make(source, local, "olddefconfig")
    got = set((source / ".config").read_text(encoding="ascii").splitlines())
    want = re.findall(r"^(?:CONFIG_\w+=.*|# CONFIG_\w+ is not set)$",
                      "".join(_fragment(name) for name in fragments), re.M)
    missing = [w for w in want if w not in got and
               (not w.startswith("#") or w.split()[1] + "=y" in got)]
    if missing:
        raise Error("not possible in this kernel: " + ", ".join(missing))


def _make(source, *args):
    done = subprocess.run(["make", "-s", *args], cwd=source, text=True, errors="replace",
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if done.returncode:
        raise Error(f"make {' '.join(args)}:\n{done.stdout[-4000:]}")


def missing_headers(flavours=STOCK):
    """Packages to install so that modules can be built for @flavours."""
    kernels = [Kernel(flavour, resolve(flavour)) for flavour in flavours]
    return [f"linux-headers-{k.version}" for k in kernels if not k.headers.is_dir()]


def install_headers():
    missing = missing_headers()
    if not missing:
        return
    if os.geteuid() != 0:
        raise Error("not root; please install: " + " ".join(missing))
    cmd = ["apt-get", "install", "-qq", "-y", "--no-install-recommends", *missing]
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    if _apt(*cmd, env=env).returncode:
        apt_update()
        done = _apt(*cmd, env=env)
        if done.returncode:
            raise Error(f"cannot install {' '.join(missing)}: {done.stderr.strip()}")


def source():
    """The directory with SOURCE_PARTS, extracted from Debian's source package."""
    version = _source_version()
    if not version:
        apt_update()
        version = _source_version()
    target = cache() / "linux-source"
    stamp = target / ".version"
    holds = "\n".join((version or "", *SOURCE_PARTS))

    def current():
        with contextlib.suppress(OSError):
            return not version or stamp.read_text(encoding="ascii") == holds
        return False

    if current():
        return target
    if not version:
        raise Error(f"apt knows no package {SOURCE} and the cache {cache()} has none")
    with locked("source"):
        if current():
            return target
        print(f"kernels: fetching {SOURCE} {version} (160 MB, of which 2 are kept)",
              file=sys.stderr)
        try:
            with _fresh(target) as scratch:
                deb = _download(SOURCE, scratch)
                _extract(deb, scratch / "tree", lambda name: name.startswith(SOURCE_PARTS))
                (scratch / "tree/.version").write_text(holds, encoding="ascii")
        except Error:
            if stamp.exists():
                return target
            raise
    return target


def _extract(deb, tree, wanted):
    """Unpacks the tarball inside the package as far as wanted(path), in one stream."""
    tree.mkdir(exist_ok=True)
    with subprocess.Popen(["dpkg", "--fsys-tarfile", deb], stdout=subprocess.PIPE) as fsys:
        outer = tarfile.open(fileobj=fsys.stdout, mode="r|")
        for entry in outer:
            if not re.fullmatch(r".*/linux-source-[\d.]+\.tar\.xz", entry.name):
                continue
            with subprocess.Popen(["xz", "-dc", "-T0"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) as xz:
                _pump_and_pick(outer.extractfile(entry), xz, tree, wanted)
            break
        fsys.stdout.close()
    if not (tree / "scripts/checkpatch.pl").exists():
        raise Error(f"{SOURCE} holds no scripts/checkpatch.pl")


def _pump_and_pick(compressed, xz, tree, wanted):
    import threading  # pylint: disable=import-outside-toplevel

    def pump():
        with contextlib.suppress(BrokenPipeError):
            shutil.copyfileobj(compressed, xz.stdin, 1 << 20)
        with contextlib.suppress(BrokenPipeError):
            xz.stdin.close()

    feeder = threading.Thread(target=pump, daemon=True)
    feeder.start()
    with tarfile.open(fileobj=xz.stdout, mode="r|") as inner:
        for entry in inner:
            parts = entry.name.split("/", 1)
            if len(parts) < 2 or not wanted(parts[1]):
                continue
            entry.name = parts[1]
            entry.uid = entry.gid = 0
            inner.extract(entry, tree, set_attrs=True, filter="tar") \
                if hasattr(tarfile, "tar_filter") else inner.extract(entry, tree)
    feeder.join()


def main(argv):
    verb = argv[0] if argv else "list"
    names = argv[1:] or list(STOCK)
    if verb == "list":
        for name in FLAVOURS:
            kernel = Kernel(name, resolve(name))
            print(f"{name:14}{kernel.version:32}"
                  f"{'cached' if kernel.complete() else '-':8}"
                  f"{'headers' if kernel.headers.is_dir() else '-'}")
    elif verb == "fetch":
        for name in names:
            kernel = get(name)
            print(name, kernel.version, kernel.root)
    elif verb == "headers":
        install_headers()
    elif verb == "source":
        print(source())
    elif verb == "remove":
        for part in ("kernels", "linux-source"):
            shutil.rmtree(cache() / part, ignore_errors=True)
        for lock in cache().glob(".lock-*"):
            lock.unlink()
    elif verb in ("-h", "--help", "help"):
        print(__doc__)
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except Error as error:
        sys.exit(f"kernels: {error}")
