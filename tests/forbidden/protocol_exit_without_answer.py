"""Protocol: an exit status of 0 and no answer.

must: outcome crashed
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    os._exit(0)
