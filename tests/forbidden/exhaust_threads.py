"""Exhaustion: threads without end.

must: outcome process_limit
request: {"sandbox": {"processes": 20}}
"""

import threading
import time


def attempt():
    for _ in range(1000):
        threading.Thread(target=time.sleep, args=(20,), daemon=True).start()
