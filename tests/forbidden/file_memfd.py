"""Files: an anonymous file that no mount option covers.

must: refused
"""

import os


def attempt():
    try:
        os.memfd_create("x")
    except OSError:
        return "refused"
    return "made"
