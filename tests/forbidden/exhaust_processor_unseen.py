"""Exhaustion: the processor, by children that nobody waits for.

must: outcome timed_out
level-3: outcome completed
request: {"sandbox": {"time": 8, "cpu": 0.1}}
"""

import os
import signal
import time


def attempt():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    until = time.monotonic() + 6
    while time.monotonic() < until:
        if os.fork() == 0:
            end = time.monotonic() + 0.4
            while time.monotonic() < end:
                pass
            os._exit(0)
        time.sleep(0.3)
