"""Threads that run concurrently and share memory.

must: value "ok"
"""


def attempt():
    import threading
    seen = []
    threads = [threading.Thread(target=seen.append, args=(i,)) for i in range(20)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    return "ok" if sorted(seen) == list(range(20)) else seen
