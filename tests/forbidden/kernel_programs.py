"""Kernel surface: BPF, perf and userfaultfd.

must: refused
denied: bpf
"""

import ctypes

CALLS = {"bpf": 321, "perf_event_open": 298, "userfaultfd": 323}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
