"""Handlers, alarms and timers.

must: value "ok"
"""

import signal
import time


def attempt():
    seen = []
    for number in (signal.SIGALRM, signal.SIGUSR1, signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda n, _: seen.append(n))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.raise_signal(signal.SIGUSR1)
    time.sleep(0.05)
    return "ok" if set(seen) == {signal.SIGALRM, signal.SIGUSR1} else repr(seen)
