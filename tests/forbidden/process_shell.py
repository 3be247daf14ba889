"""Processes: a shell through os.system, which only returns an exit status.

must: refused
denied: execve
"""

import os


def attempt():
    return "refused" if os.system("echo hello") != 0 else "ran"
