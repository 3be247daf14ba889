"""A file mapped and changed.

must: value "ok"
"""

import mmap


def attempt():
    with open("/tmp/mapped", "w+b") as f:
        f.truncate(1 << 20)
        with mmap.mmap(f.fileno(), 0) as view:
            view[5:7] = b"ok"
            view.flush()
        f.seek(5)
        return f.read(2).decode()
