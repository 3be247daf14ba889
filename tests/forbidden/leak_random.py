"""Leaks: the same random numbers in two executions.

must: differ
"""

import os
import random
import secrets
import ssl
import tempfile
import uuid


def attempt():
    return [random.random(), random.getrandbits(64), os.urandom(8).hex(), secrets.token_hex(8), uuid.uuid4().hex, tempfile.mktemp(),
            ssl.RAND_bytes(16).hex()]
