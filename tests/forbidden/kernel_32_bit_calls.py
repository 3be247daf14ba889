"""Kernel surface: the 32-bit system calls through int 0x80, where the numbers mean other calls.

must: outcome denied
64-bit: outcome crashed
"""

import ctypes
import mmap

CODE = bytes.fromhex("b814000000cd80c3")  # mov eax, 20; int 0x80; ret


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    page = mmap.mmap(-1, 4096)  # first writable, then executable: never both
    page.write(CODE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(page))
    if libc.mprotect(ctypes.c_void_p(address), 4096, mmap.PROT_READ | mmap.PROT_EXEC) != 0:
        return "not executable"
    return ctypes.CFUNCTYPE(ctypes.c_int)(address)()
