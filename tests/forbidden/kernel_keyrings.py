"""Kernel surface: keyrings, which outlive processes.

must: refused
denied: keyctl
"""

import ctypes

CALLS = {"add_key": 248, "request_key": 249, "keyctl": 250}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
