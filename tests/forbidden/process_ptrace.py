"""Processes: tracing a child.

must: refused
"""

import ctypes


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    return "refused" if libc.ptrace(0, 0, 0, 0) == -1 else "traced"
