"""Network: where the host's network is granted, TCP and UDP and nothing else.

must: refused
request: {"sandbox": {"network": "host"}}
"""

import socket


def attempt():
    done = []
    for kind, protocol in ((socket.SOCK_STREAM, 262), (socket.SOCK_DGRAM, 136), (socket.SOCK_STREAM, 132),
                           (socket.SOCK_DGRAM, 1)):
        try:
            socket.socket(socket.AF_INET, kind, protocol).close()
        except OSError:
            continue
        done.append(protocol)
    socket.socket(socket.AF_INET, socket.SOCK_STREAM, 6).close()
    u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        u.setsockopt(17, 100, 2)  # UDP_ENCAP
    except OSError:
        return "refused" if not done else str(done)
    return "UDP_ENCAP"
