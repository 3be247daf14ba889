"""Kernel surface: replacing the handler for refused calls does not allow them.

must: refused
"""

import ctypes
import os
import signal


def attempt():
    signal.signal(signal.SIGSYS, lambda *_: None)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.socket(2, 1, 0)
    try:
        os.fstat(fd)
    except OSError:
        return "refused"  # whatever number came back, it is not a socket
    return "socket %d" % fd
