"""Files: extended attributes, in which data could be left behind.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.setxattr("/tmp", "user.x", b"1"),
                lambda: os.setxattr(os.__file__, "user.x", b"1"),
                lambda: os.setxattr("/tmp", "trusted.x", b"1"),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
