"""Protocol: thousands of reports of refused calls that never happened, with the true nonce.

must: value "done"
denied: socket(AF_UNIX)
"""

import os

# The mark for the end of this module's load goes to descriptor 1, which is this pipe by then.
kept = os.dup(1)
read_end, write_end = os.pipe()
os.dup2(write_end, 1)


def attempt():
    mark = os.read(read_end, 100)[:20]  # with the worker's own nonce
    os.dup2(kept, 1)
    assert mark.startswith(b"\0qf:"), mark
    for number in range(5000):
        os.write(2, mark + b"!%08x:%016x:%016x\n" % (41, number, 0))
    return "done"
