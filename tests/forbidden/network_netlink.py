"""Network: the kernel's own tables.

must: refused
denied: socket(AF_NETLINK)
"""

import socket


def attempt():
    for act in (lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
