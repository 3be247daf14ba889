"""Leaks: heap objects of a concurrent execution.

must: refused
beside: leave
"""

import gc
import time


def leave():
    globals()["kept"] = ["a secret that %s" % "stays"] * 1000
    time.sleep(0.6)


def attempt():
    wanted = "a secret that %s" % "stays"
    for thing in gc.get_objects():
        if isinstance(thing, list) and thing and thing[0] == wanted:
            return "found"
    return "refused"
