"""Questions that programs ask about the machine they run on.

must: value "ok"
"""

import getpass
import os
import platform
import shutil
import sys
import sysconfig


def attempt():
    fine = os.cpu_count() >= 1 and platform.system() == "Linux" and os.getcwd() == "/node" and os.path.expanduser("~") == "/node"
    fine = fine and getpass.getuser() == "node" and len(os.sched_getaffinity(0)) >= 1 and sysconfig.get_paths()["stdlib"] and sys.version_info >= (3, 8)
    return "ok" if fine and os.sysconf("SC_PAGE_SIZE") == 4096 and shutil.get_terminal_size() and os.uname().sysname == "Linux" else "wrong"
