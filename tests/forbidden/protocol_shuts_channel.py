"""Protocol: shutting down one half of the channel.

must: ended
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    import socket
    socket.socket(fileno=os.dup(3)).shutdown(socket.SHUT_WR)
    return 1
