"""Temporary files, and the working directory.

must: value "ok"
"""


def attempt():
    import os
    import tempfile
    with tempfile.TemporaryDirectory() as directory, tempfile.NamedTemporaryFile("w+", dir=directory) as f:
        f.write("é")
        f.flush()
        open("here.txt", "w").write("x")
        return "ok" if os.path.getsize(f.name) == 2 and os.path.exists("here.txt") else "wrong"
