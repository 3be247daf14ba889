"""Protocol: a meta text longer than its frame.

must: outcome protocol_violation
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    os.write(3, struct.pack("<IIII", 14, 34, 2, 9999) + b"{}")
    return 1
