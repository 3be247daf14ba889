"""Protocol: a child that answers for its parent.

must: value "parent"
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    import time
    if os.fork() == 0:
        return "child"
    os.wait()
    return "parent"
