"""A child process does part of the work.

must: value "ok"
"""


def attempt():
    import os
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write_end, b"ok")
        os._exit(0)
    os.waitpid(child, 0)
    return os.read(read_end, 2).decode()
