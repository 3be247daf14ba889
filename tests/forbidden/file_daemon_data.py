"""Files: the daemon's records, token and programs.

must: refused
"""

import os


def attempt():
    names = {"qflow.db", "token", "qflow", "pyhost-3.11", "serve.lock"}
    for top, folders, files in os.walk("/"):
        if top.startswith("/usr/lib/python") or top.startswith("/usr/lib/x86_64"):
            folders.clear()
            continue
        found = names & set(files)
        if found:
            return os.path.join(top, found.pop())
    return "refused"
