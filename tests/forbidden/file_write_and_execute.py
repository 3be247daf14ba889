"""Files: memory that is writable and executable at once.

must: refused
"""

import ctypes
import mmap


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    everything = mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC
    try:
        mmap.mmap(-1, 4096, prot=everything)  # MAP_SHARED: a child could write what this process runs
        return "mapped"
    except OSError:
        pass
    page = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    return "refused" if libc.mprotect(ctypes.c_void_p(address), 4096, everything) != 0 else "protected"
