"""Pairs of connected sockets, as event loops and pools use them.

must: value ["hello", "packet", 12]
"""

import socket


def attempt():
    a, b = socket.socketpair()
    a.sendall(b"hello")
    first = b.recv(10).decode()
    c, d = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    c.send(b"packet")
    second = d.recv(10).decode()
    many = [socket.socketpair() for _ in range(12)]
    return [first, second, len(many)]
