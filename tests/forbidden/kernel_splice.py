"""Kernel surface: splice and its kin (CVE-2022-0847, CVE-2026-31431).

must: refused
"""

import ctypes

CALLS = {"splice": 275, "tee": 276, "vmsplice": 278}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
