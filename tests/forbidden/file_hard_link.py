"""Files: a second name for a library in the node's own directory.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.link(os.__file__, "/tmp/os.py"),
                lambda: os.link("/etc/passwd", "/node/passwd"),
                lambda: os.rename("/etc/passwd", "/tmp/passwd"),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
