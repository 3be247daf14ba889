"""API: output that is not UTF-8.

must: value "done"
"""

import os


def attempt():
    os.write(1, b"\xff\xfe\x00\xc3" * 1000)
    return "done"
