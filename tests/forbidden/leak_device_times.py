"""Leaks: the times of a device node, which belongs to the host.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.utime("/dev/null", (1, 1)),
                lambda: os.chmod("/dev/null", 0o600),
                lambda: os.chown("/dev/null", 65534, 65534),
                lambda: os.utime("/dev/zero"),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
