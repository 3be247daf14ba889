"""Leaks: locks on files that executions share.

must: refused
beside: leave
"""

import fcntl
import os
import time


def leave():
    with open(os.__file__) as f:
        try:
            fcntl.lockf(f, fcntl.LOCK_SH)  # a read lock may be granted; others must not see it
        except OSError:
            pass
        time.sleep(0.6)


def attempt():
    import ctypes
    import struct
    with open(os.__file__) as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return "flock"
        except OSError:
            pass
        try:
            fcntl.fcntl(f, fcntl.F_GETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
            return "F_GETLK"
        except OSError:
            pass
        try:
            fcntl.fcntl(f, fcntl.F_SETLEASE, fcntl.F_RDLCK)
            return "lease"
        except OSError:
            pass
        try:
            fcntl.fcntl(f, 37, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))  # F_OFD_SETLK
            return "F_OFD_SETLK"
        except OSError:
            return "refused"
