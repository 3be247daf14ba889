"""Exhaustion: shared mappings, which RLIMIT_DATA does not count.

must: outcome memory_limit
request: {"sandbox": {"memory": "128 MiB"}, "timeout": 15}
"""

import mmap
import time


def attempt():
    maps = [mmap.mmap(-1, 50_000_000) for _ in range(6)]
    for block in maps:
        for at in range(0, len(block), 4096):
            block[at] = 1
    time.sleep(10)
