"""Protocol: eating the daemon's requests.

must: ended or completed
request: {"timeout": 1}
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    import time
    import threading
    threading.Thread(target=lambda: os.read(3, 1 << 20), daemon=True).start()
    time.sleep(0.1)
    return 1
