"""Protocol: a result whose members have other types.

must: outcome protocol_violation
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    os.write(3, frame(34, 2, b'{"type":1,"preview":[],"exact":"yes","truncated":0,"duration_us":"x","used":{},"files":{},"warnings":7}'))
    return 1
