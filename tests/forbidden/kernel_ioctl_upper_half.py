"""Kernel surface: TIOCSTI with the upper half of its argument set (CVE-2019-10063).

must: refused
"""

import ctypes

IOCTL = 16
TIOCSTI, TIOCLINUX = 0x5412, 0x541C


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for request in (TIOCSTI, TIOCLINUX, TIOCSTI | 1 << 32, TIOCLINUX | 0xFFFFFFFF << 32):
        for fd in (0, 1, 2, 3):
            ctypes.set_errno(0)
            if libc.syscall(IOCTL, fd, ctypes.c_uint64(request), b"x") != -1 or ctypes.get_errno() != 1:
                return "ioctl %#x: errno %d" % (request, ctypes.get_errno())
    return "refused"
