"""Zip, tar, gzip, bzip2 and xz.

must: value "ok"
"""

import bz2
import gzip
import lzma
import os
import tarfile
import zipfile


def attempt():
    os.makedirs("/tmp/in/deep")
    open("/tmp/in/deep/a.txt", "w").write("text" * 1000)
    with zipfile.ZipFile("/tmp/a.zip", "w", zipfile.ZIP_DEFLATED) as z:
        z.write("/tmp/in/deep/a.txt", "a.txt")
    with tarfile.open("/tmp/a.tar.gz", "w:gz") as t:
        t.add("/tmp/in", "in")
    zipfile.ZipFile("/tmp/a.zip").extractall("/tmp/z")
    with tarfile.open("/tmp/a.tar.gz") as t:
        t.extractall("/tmp/t")
    same = open("/tmp/z/a.txt").read() == open("/tmp/t/in/deep/a.txt").read()
    return "ok" if same and all(m.decompress(m.compress(b"x" * 99)) == b"x" * 99 for m in (bz2, gzip, lzma)) else "wrong"
