"""Processes: a handle on another process.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.pidfd_open(1),
                lambda: os.pidfd_open(2),):
        try:
            act()
        except (OSError, AttributeError):
            continue
        return "done"
    return "refused"
