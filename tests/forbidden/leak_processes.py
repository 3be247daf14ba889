"""Leaks: processes of a concurrent execution.

must: refused
beside: leave
"""

import os
import time


def leave():
    if os.fork() == 0:
        time.sleep(0.6)
        os._exit(0)
    time.sleep(0.6)


def attempt():
    for pid in range(2, 400):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            continue
        except PermissionError:
            pass
        return "sees %d" % pid
    return "refused" if (os.getpid(), os.getppid()) == (1, 0) else str(os.getpid())
