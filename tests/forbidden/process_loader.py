"""Processes: the dynamic loader as a way to start a program.

must: refused
denied: execve
"""

import os


def attempt():
    for act in (lambda: os.execv("/lib64/ld-linux-x86-64.so.2", ["ld", "/usr/bin/true"]),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
