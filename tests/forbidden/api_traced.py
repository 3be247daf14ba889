"""API: a trace function that swallows everything.

must: ended or completed
"""

import sys


def attempt():
    sys.settrace(lambda *_: 1 / 0)
    sys.setprofile(lambda *_: 1 / 0)
    return 1
