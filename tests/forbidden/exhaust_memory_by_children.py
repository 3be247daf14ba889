"""Exhaustion: memory of many processes.

must: outcome memory_limit
request: {"sandbox": {"memory": "128 MiB"}, "timeout": 15}
"""

import os
import time


def attempt():
    for _ in range(10):
        if os.fork() == 0:
            block = bytearray(50_000_000)
            for at in range(0, len(block), 4096):
                block[at] = 1
            time.sleep(20)
            os._exit(0)
    time.sleep(20)
