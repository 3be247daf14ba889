"""Files: making the root writable again.

must: refused
"""

import ctypes


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    MS_REMOUNT, MS_BIND = 32, 4096
    for target in (b"/", b"/usr/lib", b"/tmp"):
        if libc.mount(b"none", target, None, MS_REMOUNT | MS_BIND, None) == 0:
            return target.decode()
    return "refused" if libc.umount2(b"/tmp", 2) != 0 else "umount"
