"""Processes: becoming another user.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.setuid(0), lambda: os.setgid(0), lambda: os.setgroups([0]), lambda: os.setresuid(0, 0, 0)):
        try:
            act()
        except OSError:
            continue
        return "changed"
    return "refused"
