"""Leaks: a datagram pair that becomes a name others can see.

must: refused
"""

import socket


def attempt():
    try:
        a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    except OSError:
        pass
    else:
        return "a datagram pair"
    a, b = socket.socketpair()
    try:
        a.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
    except OSError:
        return "refused"
    return "credentials, which bind a name"
