"""Protocol: output marks with the true nonce, for calls that are not its own.

must: value "done"
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
        os.write(1, b"x" * 100 + mark + b":%08x\n" % (number * 7919 % 100_000))
    return "done"
