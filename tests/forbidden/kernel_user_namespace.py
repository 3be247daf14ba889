"""Kernel surface: creating a user namespace.

must: refused
"""

import ctypes


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    CLONE_NEWUSER, CLONE_NEWNS = 0x10000000, 0x00020000
    if libc.unshare(CLONE_NEWUSER) == 0 or libc.unshare(CLONE_NEWNS) == 0:
        return "unshared"
    return "refused" if libc.syscall(56, CLONE_NEWUSER | 17, 0, 0, 0, 0) < 0 else "cloned"
