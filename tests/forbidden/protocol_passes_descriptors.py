"""Protocol: descriptors that nobody asked for.

must: outcome protocol_violation
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    import array
    import socket
    channel = socket.socket(fileno=os.dup(3))
    for _ in range(50):
        channel.sendmsg([frame(36, 999)], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [0, 1, 2]))])
    return 1
