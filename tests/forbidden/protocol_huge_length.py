"""Protocol: a frame that claims to have four gigabytes.

must: outcome protocol_violation
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    os.write(3, struct.pack("<IIII", 0xFFFFFFFF, 34, 2, 2))
    return 1
