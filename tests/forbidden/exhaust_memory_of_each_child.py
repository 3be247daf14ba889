"""Exhaustion: shared memory of several children, each its own.

must: outcome memory_limit
request: {"sandbox": {"memory": "128 MiB", "time": 10}}
"""

import mmap
import os
import time


def attempt():
    done, tell = os.pipe()
    for _ in range(6):
        if os.fork() == 0:
            part = mmap.mmap(-1, 60 << 20)
            for at in range(0, len(part), 4096):
                part[at] = 1
            os.write(tell, b"x")
            time.sleep(60)
            os._exit(0)
    for _ in range(6):
        os.read(done, 1)
    time.sleep(1)
    return "held 360 MiB"
