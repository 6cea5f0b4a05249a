# SPDX-License-Identifier: GPL-2.0-only
"""Tables, goals and plots of what bench.py measured."""


class Error(Exception):
    pass


def page(result):
    return ""


def plot(result, out, name):
    pass
