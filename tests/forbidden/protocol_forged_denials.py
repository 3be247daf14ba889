"""Protocol: reports of refused calls that were none, by the thousand.

must: value "done"
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    import gc
    nonce = b""
    for _ in range(5000):
        os.write(4, b"\0qf:" + os.urandom(8).hex().encode() + b"!" + b"0" * 8 + b":" + b"0" * 16 + b":" + b"0" * 16 + b"\n")
    return "done"
