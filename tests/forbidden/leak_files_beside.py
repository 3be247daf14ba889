"""Leaks: files of a concurrent execution.

must: refused
beside: leave
"""

import os
import time

PLACES = ("/tmp/left", "/dev/shm/left", "/node/left")


def leave():
    for path in PLACES:
        open(path, "w").write("x")
    time.sleep(0.6)


def attempt():
    for path in PLACES:
        if os.path.exists(path):
            return path
    return "refused"
