"""Network: turning the channel to the daemon into another socket.

must: refused
"""

import ctypes


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    address = (ctypes.c_char * 16)(1, 0, 0, *b"meet")
    for call in (lambda: libc.bind(3, address, 16), lambda: libc.listen(3, 1), lambda: libc.connect(3, address, 16), lambda: libc.accept(3, None, None)):
        if call() != -1:
            return "done"
    return "refused"
