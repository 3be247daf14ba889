"""Network: TCP over IPv6.

must: refused
denied: socket(AF_INET6)
"""

import socket


def attempt():
    for act in (lambda: socket.socket(socket.AF_INET6, socket.SOCK_STREAM),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
