"""Processes: every kind of namespace.

must: refused
denied: unshare(CLONE_NEWUSER)
"""

import ctypes

KINDS = {"user": 0x10000000, "mount": 0x00020000, "pid": 0x20000000, "net": 0x40000000, "ipc": 0x08000000, "uts": 0x04000000,
         "cgroup": 0x02000000, "time": 0x00000080}
CLONE = 56
SIGCHLD = 17


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, flag in KINDS.items():
        if libc.unshare(flag) == 0:
            return "unshare " + name
        if name != "time" and libc.syscall(CLONE, flag | SIGCHLD, 0, 0, 0, 0) >= 0:
            return "clone " + name
    return "refused"
