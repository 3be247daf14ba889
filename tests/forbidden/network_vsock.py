"""Network: the hypervisor, which no namespace covers.

must: refused
denied: socket(AF_VSOCK)
"""

import socket


def attempt():
    for act in (lambda: socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
