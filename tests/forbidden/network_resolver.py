"""Network: asking a name server.

must: refused
"""


def attempt():
    import socket
    try:
        socket.getaddrinfo("example.org", 80)
    except OSError:
        return "refused"
    return "resolved"
