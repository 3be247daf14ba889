"""Protocol: a meta text nested a hundred thousand levels deep.

must: outcome protocol_violation
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    os.write(3, frame(34, 2, b"[" * 100_000))
    return 1
