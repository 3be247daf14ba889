"""Recursion as deep as Python goes by default, and then some.

must: value "ok"
"""

import sys
import threading


def down(n):
    return 0 if n == 0 else 1 + down(n - 1)


def attempt():
    sys.setrecursionlimit(5000)
    depths = [down(900)]
    threading.stack_size(64 << 20)
    thread = threading.Thread(target=lambda: depths.append(down(4000)))
    thread.start()
    thread.join()
    return "ok" if depths == [900, 4000] else repr(depths)
