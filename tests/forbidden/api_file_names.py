"""API: files with names that mean something elsewhere.

must: outcome completed
"""

import pathlib


def attempt():
    files = {}
    for name in ("..%2f..%2fx", "a\nb", "-rf", "x" * 200, "\u202egnp.exe", "con", "a;b|c"):
        path = pathlib.Path("/node") / name
        path.write_text("x")
        files[name] = path
    return files
