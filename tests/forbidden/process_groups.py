"""Processes: other users and groups.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.setgroups([]),
                lambda: os.setregid(0, 0),
                lambda: os.setreuid(0, 0),
                lambda: os.setresgid(0, 0, 0),
                lambda: os.seteuid(1000),
                lambda: os.setegid(1000),
                lambda: os.initgroups("root", 0),
                lambda: os.chown("/tmp", 0, 0),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
