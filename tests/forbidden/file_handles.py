"""Files: opening files by handle, which bypasses every path (shocker.c).

must: refused
"""

import ctypes

CALLS = {"name_to_handle_at": 303, "open_by_handle_at": 304}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
