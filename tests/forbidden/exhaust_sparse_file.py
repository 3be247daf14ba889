"""Exhaustion: files larger than the limits.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.truncate("/tmp/x", 1 << 40),
                lambda: os.posix_fallocate(os.open("/tmp/y", os.O_CREAT | os.O_RDWR), 0, 1 << 30),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
