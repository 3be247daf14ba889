"""Kernel surface: sendfile into a pipe, which is splice by another name.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.sendfile(os.pipe()[1], os.open(os.__file__, os.O_RDONLY), 0, 4096),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
