"""Processes that share one anonymous mapping, counted once.

must: value [48, 48]
request: {"sandbox": {"memory": "128 MiB", "time": 10}}
"""

import mmap
import os
import time


def attempt():
    part = mmap.mmap(-1, 48 << 20)
    for at in range(0, len(part), 4096):
        part[at] = 1
    children = []
    for number in range(4):
        pid = os.fork()
        if pid == 0:
            total = sum(part[at] for at in range(0, len(part), 4096))
            time.sleep(0.5)
            os._exit(0 if total == len(part) // 4096 else 1)
        children.append(pid)
    ended = [os.waitpid(pid, 0)[1] for pid in children]
    return [len(part) >> 20, 48 if ended == [0, 0, 0, 0] else 0]
