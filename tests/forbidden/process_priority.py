"""Processes: taking more of the processor.

must: refused
"""

import os


def attempt():
    for act in (lambda: os.nice(-5), lambda: os.sched_setaffinity(0, {0}), lambda: os.setpriority(os.PRIO_PROCESS, 0, -5)):
        try:
            act()
        except OSError:
            continue
        return "changed"
    return "refused"
