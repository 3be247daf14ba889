"""Leaks: modules that the previous execution changed.

must: refused
after: leave
"""

import builtins
import json
import os
import sys


def leave():
    json.dumps = None
    sys.path.append("/left")
    os.environ["LEFT"] = "1"
    builtins.left = 1


def attempt():
    if json.dumps is None or "/left" in sys.path or "LEFT" in os.environ or hasattr(builtins, "left"):
        return "changed"
    return "refused"
