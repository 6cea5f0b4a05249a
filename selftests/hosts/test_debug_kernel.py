# SPDX-License-Identifier: GPL-2.0-only
"""The debug kernel catches what it is there for: each mistake, planted in a module
of its own, is reported, and the harness takes the report for a failure.

vm: mix=debug
vm: timeout=180 module=no cmdline=kasan_multi_shot
"""

import re

import vm

# Mistake -> what the kernel says.
CAUGHT = {
    # First: lockdep says one thing only, and nothing after KASAN's word.
    "lock-order": "possible circular locking dependency",
    "write-beyond": "BUG: KASAN: slab-out-of-bounds in write_beyond",
    "read-freed-page": "BUG: KASAN: use-after-free in read_freed_page",
    "shift": "UBSAN: shift-out-of-bounds",
    "index": "UBSAN: array-index-out-of-bounds|BUG: KASAN: global-out-of-bounds",
    "active-timer": "ODEBUG: free active",
    "refcount": "refcount_t: addition on 0",
    "atomic-sleep": "BUG: sleeping function called from invalid context",
}


def refused(what, pattern):
    """what() must raise Failure with a text that matches; returns the text."""
    try:
        what()
    except vm.Failure as err:
        assert re.search(pattern, str(err)), f"not /{pattern}/: {err}"
        return str(err)
    raise AssertionError(f"was not noticed: /{pattern}/")


def forgive(guest):
    """What was planted is no complaint any more."""
    guest.checked = guest.log.stat().st_size


def plant(guest, mistake):
    return guest.run(f"modprobe ndval_planted mistake={mistake}; rc=$?; "
                     "rmmod ndval_planted 2>/dev/null; exit $rc").rc


def test_mistakes_are_reported(net):
    """Memory, arithmetic, locks, objects: each planted mistake is an alarm by name."""
    net.a.sh("sysctl -q kernel.panic_on_warn=0")
    for mistake, said in CAUGHT.items():
        net.a.check_log()
        start = net.a.checked
        assert plant(net.a, mistake) == 0, f"{mistake}: cannot be planted"
        refused(net.a.check_log, "kernel log: ")
        text = net.a.log_text(start)
        assert re.search(said, text), f"{mistake}: no /{said}/ in {text}"
        forgive(net.a)
    net.a.sh("sysctl -q kernel.panic_on_warn=1")


def test_leak_is_reported(net):
    """Memory that nobody points to any more is found before power-off."""
    assert plant(net.a, "leak") == 0
    refused(net.a.scan, "unreferenced object")
    net.a.sh("echo clear >/sys/kernel/debug/kmemleak")
    forgive(net.a)


def test_allocations_fail(net):
    """As told, kmalloc and single pages that may sleep too; and not when not told."""
    for knob, mistake in (("failslab", "kmalloc"), ("fail_page_alloc", "page")):
        where = f"/sys/kernel/debug/{knob}"
        net.a.sh(f"echo 0 >{where}/verbose")
        assert plant(net.a, mistake) == 0, f"{knob} skips nothing by default"
        net.a.sh(f"echo N >{where}/ignore-gfp-wait")
        if knob == "fail_page_alloc":
            assert plant(net.a, mistake) == 0, "order 0 fails by default"
            net.a.sh(f"echo 0 >{where}/min-order")
        assert plant(net.a, mistake) != 0, f"{knob} failed nothing"


def test_coverage_is_there(net):
    """Lines that ran are counted, a fuzzer can be guided, KUnit is there."""
    net.a.sh("modprobe ndval && head -c 16 /dev/ndval >/dev/null")
    found = net.a.sh("find /sys/kernel/debug/gcov -name ring.gcda")
    assert found.endswith("/driver/ring.gcda"), found
    net.a.sh("test -e /sys/kernel/debug/kcov && test -d /sys/kernel/debug/kunit")


def test_mistake_ends_the_guest(net):
    """A report is the end of a guest that a test runs in."""
    refused(lambda: plant(net.a, "shift"), r"guest is gone[\s\S]*kernel log: UBSAN")
    forgive(net.a)
    net.a.kill()
    net.a.clean = True
    net.start()
    refused(lambda: plant(net.a, "list"), r"guest is gone[\s\S]*list_del corruption")
    forgive(net.a)
    net.a.kill()
    net.a.clean = True
    net.start()
