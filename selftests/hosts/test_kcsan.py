# SPDX-License-Identifier: GPL-2.0-only
"""The kcsan kernel sees a data race that was planted.

vm: mix=kcsan
vm: smp=2 timeout=60 module=no
"""

import vm


def test_race_is_reported(net):
    """Two threads that write one variable without a word are an alarm."""
    net.a.sh("modprobe ndval_planted mistake=race; rmmod ndval_planted", timeout=60)
    try:
        net.a.check_log()
    except vm.Failure as err:
        assert "KCSAN: data-race in race_a_little [ndval_planted]" in str(err), err
        net.a.checked = net.a.log.stat().st_size
        return
    raise AssertionError("the race was not noticed")
