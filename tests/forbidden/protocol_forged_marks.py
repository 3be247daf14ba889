"""Protocol: output marks with a nonce that is not its own.

must: value "done"
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    os.write(1, b"\0qf:" + b"0" * 16 + b":00000002\n")
    os.write(2, b"\0qf:" + b"0" * 16 + b"!" + b"0" * 43)
    return "done"
