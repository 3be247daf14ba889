"""Exhaustion: a fork bomb.

must: outcome process_limit
request: {"sandbox": {"processes": 20}}
"""

import os
import time


def attempt():
    for _ in range(1000):
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
