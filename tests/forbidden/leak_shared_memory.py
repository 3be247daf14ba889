"""Leaks: POSIX shared memory by name.

must: refused
beside: leave
"""

import time
from multiprocessing import shared_memory


def leave():
    block = shared_memory.SharedMemory("meeting", create=True, size=4096)
    block.buf[0] = 7
    time.sleep(0.6)


def attempt():
    try:
        block = shared_memory.SharedMemory("meeting")
    except OSError:
        return "refused"
    return str(block.buf[0])
