"""A process's own limits and usage.

must: value "ok"
"""

import resource
import time


def attempt():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = resource.getrusage(resource.RUSAGE_SELF)
    return "ok" if 0 < soft <= hard and used.ru_maxrss > 0 and time.process_time() >= 0 else "wrong"
