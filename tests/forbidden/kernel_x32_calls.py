"""Kernel surface: the x32 table.

must: outcome denied
"""

import ctypes


def attempt():
    return ctypes.CDLL(None).syscall(0x40000000 | 39)  # getpid
