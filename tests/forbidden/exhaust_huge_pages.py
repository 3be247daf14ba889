"""Exhaustion: huge pages, which come from a pool of the host's and which no limit counts.

must: refused
"""

import ctypes
import errno

MAP_PRIVATE, MAP_SHARED, MAP_ANONYMOUS, MAP_HUGETLB = 0x02, 0x01, 0x20, 0x40000
READ, WRITE, EXEC = 1, 2, 4


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    for flags in (MAP_PRIVATE, MAP_SHARED):
        for protection in (0, READ, READ | WRITE, READ | EXEC, READ | WRITE | EXEC):
            for size in (21, 30):  # 2 MiB and 1 GiB pages; a host without a pool would say ENOMEM
                asked = flags | MAP_ANONYMOUS | MAP_HUGETLB | size << 26
                at = libc.mmap(None, ctypes.c_size_t(1 << size), protection, asked, -1, ctypes.c_long(0))
                if at != ctypes.c_void_p(-1).value:
                    return "mapped"
                if ctypes.get_errno() != errno.EPERM:
                    return f"the kernel was asked: {errno.errorcode[ctypes.get_errno()]}"
    return "refused"
