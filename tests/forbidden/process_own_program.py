"""Processes: running a program that the node wrote.

must: refused
"""

import os


def attempt():
    with open("/tmp/run", "wb") as f:
        f.write(b"\x7fELF")
    os.chmod("/tmp/run", 0o755)
    for start in (lambda: os.execv("/tmp/run", ["run"]), lambda: os.execve(os.open("/tmp/run", os.O_RDONLY), ["run"], {})):
        try:
            start()
        except OSError:
            continue
        return "ran"
    return "refused"
