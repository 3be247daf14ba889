"""Kernel surface: calls that are rare, old or not assigned yet.

must: refused
"""

import ctypes

CALLS = {"modify_ldt": 154, "uselib": 134, "ustat": 136, "sysfs": 139, "_sysctl": 156, "remap_file_pages": 216, "migrate_pages": 256, "move_pages": 279, "mbind": 237, "set_mempolicy": 238, "io_setup": 206, "io_submit": 209, "pkey_alloc": 330, "quotactl_fd": 443, "cachestat": 451, "map_shadow_stack": 453, "unknown": 999}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
