"""Protocol: half a frame and then nothing.

must: outcome timed_out
request: {"timeout": 0.5}
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    import time
    os.write(3, frame(34, 2, b"{" + b" " * 1000)[:100])
    time.sleep(600)
