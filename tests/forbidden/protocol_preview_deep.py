"""Protocol: a preview nested a thousand levels deep.

must: outcome protocol_violation
"""

import os
import struct


def frame(kind, number, meta=b"{}", payload=b""):
    return struct.pack("<IIII", 12 + len(meta) + len(payload), kind, number, len(meta)) + meta + payload


def attempt():
    os.write(3, frame(34, 2, b'''{"type":"int","preview":"DEEP","exact":true,"truncated":false,"duration_us":1,"used":{"user_us":0,"system_us":0,"peak_rss_kib":0,"minor_faults":0,"major_faults":0,"written_bytes":0},"files":[],"warnings":[]}'''.replace(b"DEEP", b"[" * 1000 + b"]" * 1000)))
    return 1
