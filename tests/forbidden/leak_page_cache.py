"""Leaks: querying and changing which files are in the page cache.

must: refused
"""

import ctypes
import mmap
import os

RWF_NOWAIT = 8


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    fd = os.open(os.__file__, os.O_RDONLY)
    page = ctypes.create_string_buffer(4096)
    with open(os.__file__, "rb") as f:
        view = mmap.mmap(f.fileno(), 4096, prot=mmap.PROT_READ)
    for name, act in {
        "RWF_NOWAIT": lambda: os.preadv(fd, [bytearray(16)], 0, RWF_NOWAIT),
        "POSIX_FADV_DONTNEED": lambda: os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED),
    }.items():
        try:
            act()
        except OSError:
            continue
        return name
    for name, number in {"mincore": 27, "readahead": 187, "cachestat": 451}.items():
        if libc.syscall(number, fd, 0, 4096, 0, 0) != -1:
            return name
    return "refused"
