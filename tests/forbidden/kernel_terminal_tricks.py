"""Kernel surface: where programs may have terminals, the calls on them that are not for programs: typing for others
(TIOCSTI, TIOCLINUX), line disciplines (TIOCSETD: CVE-2017-2636), the console's output (TIOCCONS), the serial port.

must: refused
request: {"sandbox": {"programs": true}}
"""

import ctypes
import os

IOCTL = 16
REQUESTS = {"TIOCSTI": 0x5412, "TIOCLINUX": 0x541C, "TIOCCONS": 0x541D, "TIOCSETD": 0x5423, "TIOCSSERIAL": 0x541F,
            "TIOCVHANGUP": 0x5437, "TIOCEXCL": 0x540C, "KDSKBENT": 0x4B47, "VT_ACTIVATE": 0x5606}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    master, slave = os.openpty()
    argument = ctypes.create_string_buffer(64)
    for name, request in REQUESTS.items():
        for fd in (master, slave):
            for upper in (0, 1 << 32):
                ctypes.set_errno(0)
                if libc.syscall(IOCTL, fd, ctypes.c_uint64(request | upper), argument) != -1 or ctypes.get_errno() != 1:
                    return "%s: errno %d" % (name, ctypes.get_errno())
    return "refused"
