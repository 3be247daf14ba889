"""Protocol: valid frames without end.

must: outcome protocol_violation
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    data = frame(37, 2, b'{"last":false}') * 1000
    while True:
        os.write(3, data)
