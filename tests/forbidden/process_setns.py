"""Processes: entering the namespaces of another process.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.setns(3, 0),):
        try:
            act()
        except (OSError, AttributeError):
            continue
        return "done"
    return "refused"
