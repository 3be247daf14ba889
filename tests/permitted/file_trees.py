"""Trees of files: copied, walked, renamed, linked, removed.

must: value "ok"
"""

import glob
import os
import pathlib
import shutil


def attempt():
    base = pathlib.Path("/node/tree")
    (base / "a" / "b").mkdir(parents=True)
    (base / "a" / "b" / "x.txt").write_text("x")
    os.symlink("b/x.txt", base / "a" / "link")
    shutil.copytree(base, "/tmp/copy", symlinks=True)
    os.rename("/tmp/copy/a/b/x.txt", "/tmp/copy/a/b/y.txt")
    shutil.move("/tmp/copy/a/b/y.txt", "/dev/shm/y.txt")
    found = sorted(glob.glob("/node/**/*.txt", recursive=True))
    os.chmod(base / "a" / "b" / "x.txt", 0o600)
    os.utime(base / "a" / "b" / "x.txt", (1, 1))
    shutil.rmtree(base)
    return "ok" if found == ["/node/tree/a/b/x.txt"] and not base.exists() and shutil.disk_usage("/tmp").total > 0 else repr(found)
