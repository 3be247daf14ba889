"""Exhaustion: recursion until the stack overflows.

must: ended
request: {"timeout": 2}
"""

import sys


def down(n):
    return down(n + 1)


def attempt():
    sys.setrecursionlimit(10 ** 9)
    down(0)
