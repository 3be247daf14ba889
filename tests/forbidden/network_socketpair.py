"""Network: socket pairs of other families.

must: refused
"""

import socket


def attempt():
    for act in (lambda: socket.socketpair(socket.AF_INET),
                lambda: socket.socketpair(30),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
