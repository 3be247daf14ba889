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
    done, tell = os.pipe()
    for _ in range(10):
        if os.fork() == 0:
            held = fill()
            os.write(tell, b"x")
            time.sleep(60)
            os._exit(len(held) & 1)
    for _ in range(10):
        os.read(done, 1)
    time.sleep(1)
    return "filled"
