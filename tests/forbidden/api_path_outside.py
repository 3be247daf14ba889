"""API: handing over files that do not belong to the node.

must: outcome completed
"""

import pathlib


def attempt():
    link = pathlib.Path("/tmp/link")
    link.symlink_to("/etc/shadow")
    fifo = pathlib.Path("/tmp/fifo")
    import os
    os.mkfifo(fifo)
    return [pathlib.Path("/etc/shadow"), link, fifo, pathlib.Path("/dev/zero"), pathlib.Path("/"), pathlib.Path("../../etc/shadow")]
