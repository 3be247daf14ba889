"""Exhaustion: ignoring every signal that can be ignored.

must: outcome timed_out
request: {"timeout": 0.5}
"""

import signal
import time


def attempt():
    for number in range(1, 65):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    time.sleep(600)
