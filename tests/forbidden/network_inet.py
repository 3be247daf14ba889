"""Network: sockets of every common family.

must: refused
"""


def attempt():
    import socket
    for family in (socket.AF_INET, socket.AF_INET6, socket.AF_UNIX, socket.AF_NETLINK, socket.AF_PACKET, socket.AF_VSOCK, socket.AF_ALG):
        try:
            socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue
        return str(family)
    return "refused"
