"""Processes: real-time scheduling.

must: refused
denied: sched_setscheduler
"""

import os


def attempt():
    for act in (lambda: os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1)),
                lambda: os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(99)),):
        try:
            act()
        except OSError:
            continue
        return "done"
    return "refused"
