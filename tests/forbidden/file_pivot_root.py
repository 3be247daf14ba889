"""Files: bringing the old root back.

must: refused
denied: pivot_root
"""

import ctypes

CALLS = {"pivot_root": 155, "umount2": 166, "mount": 165}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
