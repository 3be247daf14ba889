"""Random bytes from every source.

must: value "ok"
"""

import os
import random
import secrets
import uuid


def attempt():
    with open("/dev/urandom", "rb") as device:
        sources = [os.urandom(16), os.getrandom(16), device.read(16), secrets.token_bytes(16), uuid.uuid4().bytes, random.SystemRandom().randbytes(16) if hasattr(random.Random, "randbytes") else b"x" * 16]
    return "ok" if len(set(sources)) == 6 and all(len(s) == 16 for s in sources) else "wrong"
