"""API: output and values that would take over a terminal.

must: outcome completed
"""

import sys


def attempt():
    print("\x1b]0;owned\x07\x1b[2J\u202e\x9b31m")
    print("\x1b]52;c;ZXZpbA==\x07", file=sys.stderr)
    return "\x1b[2J\u202e"
