"""Leaks: files of the previous execution.

must: refused
after: leave
"""

import os

PLACES = ("/tmp/left", "/dev/shm/left", "/node/left")


def leave():
    for path in PLACES:
        open(path, "w").write("x")


def attempt():
    for path in PLACES:
        if os.path.exists(path):
            return path
    return "refused"
