"""Leaks: the daemon's command line.

must: refused
"""

import sys


def attempt():
    text = " ".join(sys.argv + getattr(sys, "orig_argv", []))
    return "refused" if "token" not in text and "data-dir" not in text and "serve" not in text else text
