"""Shared memory by name, within one execution.

must: value "ok"
"""

from multiprocessing import shared_memory


def attempt():
    block = shared_memory.SharedMemory(create=True, size=100_000)
    again = shared_memory.SharedMemory(block.name)
    block.buf[99_999] = 7
    seen = again.buf[99_999]
    again.close()
    block.close()
    try:
        block.unlink()
    except PermissionError:  # the resource tracker is a separate program
        pass
    return "ok" if seen == 7 else "wrong"
