"""Memory maps, private and shared with a child.

must: value "ok"
"""


def attempt():
    import mmap
    import os
    shared = mmap.mmap(-1, 4096)
    child = os.fork()
    if child == 0:
        shared[:2] = b"ok"
        os._exit(0)
    os.waitpid(child, 0)
    return shared[:2].decode()
