"""Network: the socket of a container engine on this host.

must: refused
denied: socket(AF_UNIX)
"""

import socket


def attempt():
    for act in (lambda: socket.socket(socket.AF_UNIX).connect("/run/docker.sock"),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
