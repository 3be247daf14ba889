"""Calls into libc.

must: value "ok"
"""


def attempt():
    import ctypes
    libc = ctypes.CDLL(None)
    return "ok" if libc.abs(-3) == 3 else "wrong"
