"""Leaks: System V shared memory, queues and semaphores, which the IPC namespace of a zygote would hold.

must: refused
denied: shmget
"""

import ctypes

CALLS = {"shmget": 29, "semget": 64, "msgget": 68, "shmat": 30, "msgsnd": 69, "semop": 65}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, number in CALLS.items():
        ctypes.set_errno(0)
        if libc.syscall(number, 0, 0, 0, 0, 0, 0) != -1 or ctypes.get_errno() not in (1, 38):
            return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
