"""Exhaustion: kernel memory in the buffers of sockets, of many processes.

must: outcome memory_limit
request: {"sandbox": {"memory": "128 MiB", "time": 10}}
"""

import os
import socket
import time


def fill():
    pairs = []
    try:
        while True:
            pair = socket.socketpair()
            for end in pair:
                end.setblocking(False)
                try:
                    while True:
                        end.send(b"x" * 65536)
                except BlockingIOError:
                    pass
            pairs.append(pair)
    except OSError:
        return pairs


def attempt():
    for _ in range(10):
        if os.fork() == 0:
            held = fill()
            time.sleep(8)
            os._exit(len(held) & 1)
    time.sleep(5)
    return "filled"
