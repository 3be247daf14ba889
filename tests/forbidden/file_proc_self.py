"""Files: /proc/self/mem, exe and fd, a common way around walls.

must: refused
"""

import os


def attempt():
    for path in ("/proc/self/mem", "/proc/self/exe", "/proc/self/fd/3", "/proc/thread-self", "/proc/1/root"):
        try:
            os.open(path, os.O_RDONLY)
        except OSError:
            continue
        return path
    return "refused"
