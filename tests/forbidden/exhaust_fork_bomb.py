"""Exhaustion: every child keeps forking.

must: ended
request: {"timeout": 1}
"""

import os


def attempt():
    while True:
        try:
            os.fork()
        except OSError:
            pass
