"""Protocol: pretending to be the zygote.

must: outcome protocol_violation
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    os.write(3, frame(9, 2, b'{"code":0,"signal":0}'))
    return 1
