"""Exhaustion: never returning.

must: outcome timed_out
request: {"timeout": 0.5}
"""

import time


def attempt():
    time.sleep(600)
