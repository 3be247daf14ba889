"""Forty threads at once.

must: value "ok"
"""

import threading


def attempt():
    barrier = threading.Barrier(40)
    counted = []

    def work():
        barrier.wait(timeout=10)
        counted.append(1)

    threads = [threading.Thread(target=work) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return "ok" if len(counted) == 40 else str(len(counted))
