"""Files: swapping a directory for a link while it is walked.

must: refused
"""

import os
import threading


def attempt():
    os.mkdir("/tmp/a")
    stop = threading.Event()

    def swap():
        while not stop.is_set():
            try:
                os.rename("/tmp/a", "/tmp/b")
                os.symlink("/", "/tmp/a")
                os.unlink("/tmp/a")
                os.rename("/tmp/b", "/tmp/a")
            except OSError:
                pass

    thread = threading.Thread(target=swap)
    thread.start()
    found = "refused"
    for _ in range(300):
        for name in ("shadow", "hostname"):
            if os.path.exists("/tmp/a/etc/" + name):
                found = name
    stop.set()
    thread.join()
    return found
