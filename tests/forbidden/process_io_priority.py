"""Processes: taking more of the disk and the processor.

must: refused
"""

import ctypes

CALLS = {"ioprio_set": 251, "sched_setattr": 314, "sched_setparam": 142, "setpriority": 141}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
