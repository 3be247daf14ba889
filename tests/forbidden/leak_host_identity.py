"""Leaks: the host's name and its users.

must: refused
"""

import os
import platform


def attempt():
    if platform.node() != "sandbox":
        return platform.node()
    if os.getuid() != 65534 or os.getgid() != 65534 or any(group != 65534 for group in os.getgroups()):
        return "ids %d %d %s" % (os.getuid(), os.getgid(), os.getgroups())
    try:
        return os.getlogin()
    except OSError:
        return "refused"
