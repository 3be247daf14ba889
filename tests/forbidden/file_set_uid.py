"""Files: creating a set-uid program and running it.

must: refused
denied: execve
"""

import os


def attempt():
    with open("/tmp/program", "wb") as f:
        f.write(b"#!/bin/sh\n")
    try:
        os.chmod("/tmp/program", 0o4755)
    except OSError:
        pass
    try:
        os.execv("/tmp/program", ["program"])
    except OSError:
        return "refused"
