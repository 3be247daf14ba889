"""Exhaustion: opening files without end.

must: refused
"""

import os


def attempt():
    files = []
    try:
        for _ in range(100_000):
            files.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        return "refused" if len(files) < 1000 else str(len(files))
    return "opened"
