"""Kernel surface: io_uring, which bypasses the filter.

must: refused
"""

import ctypes

CALLS = {"io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
