"""Exhaustion: memory that cannot be swapped.

must: refused
"""

import ctypes


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    block = ctypes.create_string_buffer(1_000_000)
    if libc.mlock(block, len(block)) == 0 or libc.mlockall(3) == 0:
        return "locked"
    return "refused"
