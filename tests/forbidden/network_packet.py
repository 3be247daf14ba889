"""Network: frames below IP.

must: refused
denied: socket(AF_PACKET)
"""

import socket


def attempt():
    for act in (lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
