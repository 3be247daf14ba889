"""Leaks: POSIX semaphores by name.

must: refused
beside: leave
"""

import ctypes
import os
import time


def leave():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sem_open.restype = ctypes.c_void_p
    libc.sem_open(b"/meeting", os.O_CREAT, 0o600, 1)
    time.sleep(0.6)


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.sem_open.restype = ctypes.c_void_p
    return "refused" if not libc.sem_open(b"/meeting", 0) else "met"
