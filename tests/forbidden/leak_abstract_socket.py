"""Leaks: a meeting point for two executions.

must: refused
"""


def attempt():
    import socket
    try:
        s = socket.socket(socket.AF_UNIX)
        s.bind("\0meet")
    except OSError:
        return "refused"
    return "bound"
