"""Files: an anonymous file that no mount option covers."""

import ctypes
import os


def attempt():
    try:
        os.memfd_create("x")
    except OSError:
        return "refused"
    return "made"
