"""Protocol: one byte at a time, forever.

must: outcome timed_out
request: {"timeout": 1}
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    import time
    data = struct.pack("<IIII", 1 << 20, 34, 2, 2) + b"{}"
    for at in range(1 << 20):
        os.write(3, data[at:at + 1] or b" ")
        time.sleep(0.01)
