"""Files: symbolic links to paths outside.

must: refused
"""

import os


def attempt():
    for number, target in enumerate(("/etc/shadow", "/../../../etc/shadow", "/proc/1/root", "/root")):
        link = "/tmp/link%d" % number
        os.symlink(target, link)
        if os.path.exists(link) and os.listdir(os.path.dirname(os.path.realpath(link))) and not target.startswith("/root"):
            return target
        try:
            open(link).read()
        except OSError:
            continue
        return target
    return "refused"
