"""Protocol: a preview of a million small elements.

must: outcome protocol_violation
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    data = frame(34, 2, b'''{"type":"int","preview":"MANY","exact":true,"truncated":false,"duration_us":1,"used":{"user_us":0,"system_us":0,"peak_rss_kib":0,"minor_faults":0,"major_faults":0,"written_bytes":0},"files":[],"warnings":[]}'''.replace(b"MANY", b"[" + b"0," * 1_000_000 + b"0]"))
    while data:
        data = data[os.write(3, data):]
    return 1
