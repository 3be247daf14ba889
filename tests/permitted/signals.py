"""A signal handler and a timer.

must: value "ok"
"""


def attempt():
    import signal
    seen = []
    signal.signal(signal.SIGALRM, lambda *a: seen.append(1))
    signal.setitimer(signal.ITIMER_REAL, 0.01)
    signal.pause()
    return "ok" if seen else "wrong"
