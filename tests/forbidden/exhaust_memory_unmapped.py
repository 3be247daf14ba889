"""Exhaustion: shared memory that is in no page table any more.

must: outcome memory_limit
request: {"sandbox": {"memory": "128 MiB", "time": 10}}
"""

import ctypes
import mmap
import time


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    held = []
    for _ in range(8):
        part = mmap.mmap(-1, 64 << 20)  # MAP_SHARED
        for at in range(0, len(part), 4096):
            part[at] = 1
        address = ctypes.addressof(ctypes.c_char.from_buffer(part))
        libc.madvise(ctypes.c_void_p(address), ctypes.c_size_t(len(part)), 4)  # MADV_DONTNEED
        held.append(part)
    time.sleep(1)
    return "held 512 MiB"
