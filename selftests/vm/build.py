#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Builds what goes into a guest: the module per kernel, programs, tools.

  build.py module [FLAVOUR..]   build/KV/ndval.ko (default: Debian's four kernels)
  build.py ko FLAVOUR           the same for one, prints the path of the module
  build.py farm FLAVOUR         only the tree it is built in, prints its path
  build.py sparse               sparse with endian checks, on the default kernels
  build.py headers              every header of driver/ and uapi/ compiles alone

One source tree serves several kernels: build/KV/ is a farm of symbolic links
to Kbuild, driver/ and uapi/, so every kernel keeps its own objects and make's
time stamps go on working.  Warnings (W=1) are errors here.  For a kernel that
is built here (kernels.py) the modules of selftests/kmod/ are built along, and
protections of the driver can be switched off (driver/knobs.h).
"""

import contextlib
import fcntl
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import kernels

TOP = Path(__file__).resolve().parents[2]
BUILD = TOP / "build"
PARTS = ("Kbuild", "driver", "uapi")
TEST_MODULES = "selftests/kmod"
# With driver/knobs.h; and for a kernel that is built here, those modules too.
KNOBS = ("KCFLAGS=-DNDVAL_TEST_KNOBS",)
FOR_TESTS = ("NDVAL_TEST_MODULES=m", *KNOBS)
# Builds of the tools beside the plain one, with their CFLAGS.
VARIANTS = {
    "asan": "-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined "
            "-fno-sanitize-recover=all",
    "counted": "-O0 -g --coverage",
}
# An abort, so that nobody takes a report for an exit status of the tool.
ASAN_OPTIONS = "abort_on_error=1:detect_stack_use_after_return=1:strict_string_checks=1"


class Error(Exception):
    """A build that failed; the text is the compiler's."""


_held = {}
_held_guard = threading.Lock()


@contextlib.contextmanager
def locked(name):
    """One build of @name at a time, among threads and among processes."""
    with _held_guard:
        mutex = _held.setdefault(name, threading.Lock())
    BUILD.mkdir(exist_ok=True)
    with mutex, open(BUILD / f".lock-{name}", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def jobs():
    return str(os.cpu_count() or 1)


def make(*args, cwd=TOP, log=None):
    """Runs make; its output is the error's text, or goes to the file @log."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", f"-j{jobs()}", *args], cwd=cwd, env=env, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False)
    if log:
        log.write_text(done.stdout, encoding="utf-8")
    if done.returncode:
        raise Error(f"make {' '.join(args)}:\n{done.stdout}")
    return done.stdout


def _sources(top, parts=PARTS):
    """Path in the tree -> file, for everything a module build reads."""
    found = {}
    for part in parts:
        path = top / part
        if path.is_file():
            found[part] = path
        for file in sorted(path.rglob("*")) if path.is_dir() else ():
            if file.is_file() and file.suffix in (".c", ".h", ".S", ".lds", "") \
               and not file.name.startswith("."):
                found[str(file.relative_to(top))] = file
    return found


def _parts(kernel):
    return (*PARTS, TEST_MODULES) if kernel.built else PARTS


def farm(kernel, top=TOP, name=None):
    """The directory in which the module of @kernel is built, brought up to date."""
    tree = BUILD / (name or kernel.version)
    tree.mkdir(parents=True, exist_ok=True)
    sources = _sources(top, _parts(kernel))
    if "Kbuild" not in sources:
        raise Error(f"no Kbuild in {top}")
    for relative, source in sources.items():
        link = tree / relative
        if link.is_symlink() and os.readlink(link) == str(source):
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        link.symlink_to(source)
    for path in list(tree.rglob("*")):
        if path.is_symlink() and str(path.relative_to(tree)) not in sources:
            path.unlink()
    return tree


def _unchanged(tree, top, parts):
    """True if no source is newer than the start of the last good build in @tree."""
    stamp = tree / ".built"
    if not stamp.exists() or not (tree / "ndval.ko").exists():
        return False
    files = [Path(__file__), top / "uapi/linux", *(top / part for part in parts),
             *_sources(top, parts).values()]
    return all(f.stat().st_mtime < stamp.stat().st_mtime for f in files if f.exists())


def module(kernel, top=TOP, name=None, knobs=False):
    """Builds and returns the .ko of @kernel; raises Error with the compiler's words.

    Warnings are no error here; see warnings(). @knobs: with driver/knobs.h, which a kernel
    that is built here has anyhow.
    """
    if not kernel.headers.is_dir():
        raise Error(f"{kernel.headers} is missing: run 'make deps' as root "
                    f"(installs linux-headers-{kernel.version})")
    options = FOR_TESTS if kernel.built else KNOBS if knobs else ()
    if options == KNOBS and not name:
        name = f"{kernel.version}-knobs"
    with locked(name or kernel.version):
        tree = farm(kernel, top, name)
        if _unchanged(tree, top, _parts(kernel)):
            return tree / "ndval.ko"
        (tree / ".built").unlink(missing_ok=True)
        (tree / ".building").touch()
        try:
            out = make("-C", str(kernel.headers), f"M={tree}", "W=1",
                       *options, "modules", log=tree / "make.log")
        except Error as err:
            raise Error(str(err).replace(f"{tree}/", "")) from None
        if not (tree / "ndval.ko").exists():
            raise Error(f"{tree}: no ndval.ko was built\n{out}")
        if "warning:" in out.lower():
            # The next build must say them again, whatever has changed by then.
            for file in tree.rglob("*.o"):
                file.unlink()
        (tree / ".building").rename(tree / ".built")
        return tree / "ndval.ko"


def warnings(kernel):
    """What the compiler had to say when the module of @kernel was built last, or ''."""
    tree = BUILD / kernel.version
    out = (tree / "make.log").read_text(encoding="utf-8")
    return out.replace(f"{tree}/", "") if "warning:" in out.lower() else ""


def _build_all(flavours):
    """Builds for each; prints what went wrong. True if there was no warning either."""
    good = True
    for flavour in flavours:
        try:
            kernel = kernels.get(flavour)
            path = module(kernel)
            if said := warnings(kernel):
                raise Error(said)
            print(path.relative_to(TOP))
        except Error as err:
            print(f"{flavour}: {err}")
            good = False
    return good


def sparse():
    """Prints what sparse says about our files, for both kernels. True if nothing.

    In a tree of its own: sparse runs only on what is compiled.
    """
    good = True
    for flavour in kernels.DEFAULT:
        kernel = kernels.get(flavour)
        name = f"sparse-{kernel.version}"
        with locked(name):
            tree = farm(kernel, name=name)
            out = make("-C", str(kernel.headers), f"M={tree}", "C=2", "CF=-D__CHECK_ENDIAN__",
                       "modules")
        said = [line for line in out.splitlines()
                if line.startswith((f"{tree}/driver/", f"{tree}/uapi/"))
                and ("warning:" in line or "error:" in line)]
        for line in said:
            print(f"{flavour}: {line.removeprefix(str(tree) + '/')}")
        if "CHECK" not in out:
            print(f"{flavour}: sparse did not run:\n{out}")
            good = False
        good = good and not said
    return good


def headers():
    """Compiles a file per header that includes it twice. True if all do."""
    good = True
    for flavour in kernels.DEFAULT:
        kernel = kernels.get(flavour)
        name = f"headers-{kernel.version}"
        with locked(name):
            tree = farm(kernel, name=name)
            files = sorted([*(TOP / "driver").glob("*.h"), *(TOP / "uapi/linux").glob("*.h")])
            kbuild = (TOP / "Kbuild").read_text(encoding="utf-8")
            objects = []
            for file in files:
                stem = "hdrtest-" + file.name.replace(".", "-")
                path = f"uapi/linux/{file.name}" if "uapi" in file.parts else \
                    f"driver/{file.name}"
                text = f'#include "{path}"\n#include "{path}"\n'
                source = tree / f"{stem}.c"
                if not source.exists() or source.read_text(encoding="utf-8") != text:
                    source.write_text(text, encoding="utf-8")
                objects.append(f"{stem}.o")
            # The flags of the real thing, other objects.
            flags = [line for line in kbuild.splitlines() if re.match(r"(cc|sub).*flags", line)]
            (tree / "Kbuild").unlink(missing_ok=True)
            (tree / "Kbuild").write_text(
                "obj-m := hdrtest.o\nhdrtest-y := " + " ".join(objects) + "\n" +
                "\n".join(flags) + "\nccflags-y += -I$(src)\n", encoding="utf-8")
            try:
                make("-k", "-C", str(kernel.headers), f"M={tree}", "W=1",
                     *[f"{o}" for o in objects])
            except Error as err:
                print(f"{flavour}:")
                for line in str(err).splitlines():
                    if not re.match(r"make|  CC", line):
                        print("  " + line.replace(f"{tree}/", ""))
                good = False
    return good


def program(source, name=None, flags=(), libs=(), headers=()):
    """Compiles one C file to build/bin/NAME, if it or one of @headers changed."""
    out = BUILD / "bin" / (name or source.stem)
    with locked(f"bin-{out.name}"):
        out.parent.mkdir(parents=True, exist_ok=True)
        newest = max(f.stat().st_mtime for f in (source, *headers))
        if out.exists() and out.stat().st_mtime > newest:
            return out
        cmd = [os.environ.get("CC", "gcc"), "-O2", "-g", "-Wall", "-Wextra", "-Werror",
               *flags, "-o", str(out) + ".new", str(source), *libs]
        done = subprocess.run(cmd, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        if done.returncode:
            raise Error(f"{' '.join(cmd)}:\n{done.stdout}")
        os.rename(str(out) + ".new", out)
    return out


def agent():
    return program(TOP / "selftests/vm/agent.c", "agent", flags=("-static",))


def tools(variant=None):
    """Builds the tools; returns their programs.

    @variant: one of VARIANTS, in build/VARIANT/; ASAN_OPTIONS is for asan.
    """
    found = []
    with locked("tools"):
        for name in ("ndvalctl", "ndvald"):
            out = BUILD / variant / name if variant else TOP / "tools" / name
            make("-C", str(TOP / "tools" / name),
                 *([f"O={out}", f"CFLAGS={VARIANTS[variant]}"] if variant else []))
            found.append(out / name)
    return found


def main(argv):
    verb = argv[0] if argv else "module"
    if verb == "module":
        return 0 if _build_all(argv[1:] or kernels.STOCK) else 1
    if verb == "sparse":
        return 0 if sparse() else 1
    if verb == "headers":
        return 0 if headers() else 1
    if verb in ("ko", "farm") and len(argv) == 2:
        kernel = kernels.get(argv[1])
        print(module(kernel) if verb == "ko" else farm(kernel))
        return 0
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (Error, kernels.Error) as error:
        sys.exit(f"build: {error}")
