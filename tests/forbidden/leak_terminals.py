"""Channels: a terminal of another execution, where programs may have terminals.

must: refused
request: {"sandbox": {"programs": true}}
beside: leave
"""

import os
import time


def leave():
    pairs = [os.openpty() for _ in range(3)]
    time.sleep(2)
    return len(pairs)


def attempt():
    if sorted(os.listdir("/dev/pts")) != ["ptmx"]:
        return "seen: " + repr(os.listdir("/dev/pts"))
    for number in range(8):
        try:
            os.open("/dev/pts/%d" % number, os.O_RDWR)
            return "opened %d" % number
        except FileNotFoundError:
            pass
    master, slave = os.openpty()
    if os.ttyname(slave) != "/dev/pts/0":
        return os.ttyname(slave)
    taken = []
    try:
        for _ in range(200):
            taken.append(os.open("/dev/ptmx", os.O_RDWR))
    except OSError:
        pass
    return "refused" if len(taken) < 64 else "%d terminals" % len(taken)
