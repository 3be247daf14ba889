"""Exhaustion: a regular expression that never ends.

must: outcome timed_out
request: {"timeout": 1}
"""

import re


def attempt():
    return re.match("(a+)+$", "a" * 40 + "b")
