"""Pipes, socket pairs, poll, epoll and selectors.

must: value "ok"
"""

import os
import select
import selectors
import socket


def attempt():
    a, b = socket.socketpair()
    read_end, write_end = os.pipe()
    with selectors.DefaultSelector() as selector:
        selector.register(b, selectors.EVENT_READ, "socket")
        selector.register(read_end, selectors.EVENT_READ, "pipe")
        a.sendall(b"x")
        os.write(write_end, b"y")
        names = {key.data for key, _ in selector.select(1)}
    ready, _, _ = select.select([b], [], [], 1)
    return "ok" if names == {"socket", "pipe"} and ready == [b] and b.recv(1) == b"x" else repr(names)
