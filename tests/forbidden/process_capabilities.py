"""Processes: capabilities, all of them.

must: refused
"""

import ctypes


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x20080522, 0)
    sets = (ctypes.c_uint32 * 6)(*([0xFFFFFFFF] * 6))
    if libc.capset(header, sets) == 0:
        return "set"
    libc.capget(header, sets)
    return "refused" if not any(sets) else "has some"
