"""Files: emptying, deleting and changing files that other executions read.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.truncate(os.__file__, 0),
                lambda: os.unlink(os.__file__),
                lambda: os.rmdir("/etc"),
                lambda: os.chmod(os.__file__, 0o777),
                lambda: os.utime(os.__file__, (0, 0)),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
