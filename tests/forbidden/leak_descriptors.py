"""Leaks: descriptors of the daemon or the zygote.

must: refused
"""

import os


def attempt():
    import stat
    for fd in range(5, 256):
        try:
            os.fstat(fd)
        except OSError:
            continue
        return str(fd)
    return "refused" if stat.S_ISSOCK(os.fstat(3).st_mode) else "3"
