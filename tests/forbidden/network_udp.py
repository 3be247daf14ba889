"""Network: a datagram to a name server.

must: refused
denied: socket(AF_INET)
"""

import socket


def attempt():
    for act in (lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.1", 53)),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
