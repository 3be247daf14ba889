"""Network: raw packets.

must: refused
denied: socket(AF_INET)
"""

import socket


def attempt():
    for act in (lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
