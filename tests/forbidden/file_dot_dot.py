"""Files: walking up out of the root.

must: refused
"""

import os


def attempt():
    root = os.stat("/")
    for _ in range(20):
        os.chdir("..")
    above = os.stat(".")
    return "refused" if (above.st_dev, above.st_ino) == (root.st_dev, root.st_ino) else "above"
