"""Leaks: write locks on a device that everybody may open for writing.

must: refused
beside: leave
"""

import fcntl
import os
import time


def lock():
    fd = os.open("/dev/null", os.O_RDWR)
    fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, 4242)
    return fd


def leave():
    try:
        lock()
    except OSError:
        pass
    time.sleep(0.6)


def attempt():
    try:
        lock()
    except PermissionError:
        return "refused"
    except BlockingIOError:
        return "met the other's lock"
    return "locked"
