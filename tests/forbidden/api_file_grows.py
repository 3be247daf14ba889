"""API: a file that grows while it is handed over.

must: ended or completed
request: {"timeout": 5}
"""

import os
import pathlib
import threading


def grow():
    with open("/node/log", "ab") as f:
        while True:
            try:
                f.write(b"x" * 65536)
                f.flush()
            except OSError:
                return


def attempt():
    path = pathlib.Path("/node/log")
    path.write_text("x")
    threading.Thread(target=grow, daemon=True).start()
    return path
