"""Network: families that are rarely audited.

must: refused
"""

import socket

FAMILIES = (3, 4, 5, 6, 9, 15, 19, 21, 23, 24, 26, 28, 29, 30, 31, 32, 35, 37, 41, 43, 44, 45)  # AX25 ... MCTP


def attempt():
    for family in FAMILIES:
        try:
            socket.socket(family, socket.SOCK_DGRAM)
        except OSError:
            continue
        return str(family)
    return "refused"
