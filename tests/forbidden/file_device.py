"""Files: creating a device node.

must: refused
"""

import os


def attempt():
    try:
        os.mknod("/tmp/disk", 0o600 | 0o060000, os.makedev(254, 0))
    except OSError:
        return "refused"
    return "made"
