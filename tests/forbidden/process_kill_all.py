"""Processes: killing every process that it may signal.

must: refused
"""

import os
import signal


def attempt():
    try:
        os.kill(-1, signal.SIGKILL)  # its own children at most; PID 1 is the caller
    except ProcessLookupError:
        pass
    return "refused"
