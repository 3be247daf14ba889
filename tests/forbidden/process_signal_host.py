"""Processes: signalling processes that are not its own.

must: refused
"""

import os


def attempt():
    import signal
    for pid in (2, 3, 100, 1000):
        try:
            os.kill(pid, signal.SIGTERM)
        except OSError:
            continue
        return "signalled %d" % pid
    return "refused"
