"""Processes: a shell by os.system, which only has an exit status to tell.

must: refused
denied: execve
"""

import os


def attempt():
    return "refused" if os.system("echo hello") != 0 else "ran"
