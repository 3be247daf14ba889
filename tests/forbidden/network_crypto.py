"""Network: AF_ALG, a way to the page cache (CVE-2026-31431).

must: refused
denied: socket(AF_ALG)
"""

import socket


def attempt():
    for act in (lambda: socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
