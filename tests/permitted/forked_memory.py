"""Children that share their parent's memory, which counts once and not in each of them.

must: value "ok"
"""

import os
import time


def attempt():
    block = bytearray(200_000_000)
    block[::4096] = b"x" * len(block[::4096])
    children = []
    for _ in range(3):
        pid = os.fork()
        if pid == 0:
            time.sleep(0.4)
            os._exit(block[0] != 120)
        children.append(pid)
    return "ok" if all(os.waitpid(pid, 0)[1] == 0 for pid in children) else "wrong"
