"""Files: a new root to break out of.

must: refused
denied: chroot
"""

import os


def attempt():
    for act in (lambda: os.chroot("/tmp"),
                lambda: os.fchdir(os.open("/proc", os.O_RDONLY)),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
