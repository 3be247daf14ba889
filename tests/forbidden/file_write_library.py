"""Files: writing to files and directories that other executions read.

must: refused
"""

import os


def attempt():
    for path in (os.__file__, "/etc/passwd", "/usr/lib/x", "/x", "/dev/x"):
        try:
            open(path, "a").write("x")
        except OSError:
            continue
        return path
    return "refused"
