"""Exhaustion: writing to standard output forever.

must: outcome output_limit
request: {"timeout": 25, "sandbox": {"cpu": 0.5}}
"""

import os


def attempt():
    while True:
        os.write(1, b"x" * 65536)
