"""Leaks: typing into the terminal that the daemon was started from.

must: refused
"""

import os


def attempt():
    import fcntl, termios
    for fd in (0, 1, 2, 3):
        try:
            fcntl.ioctl(fd, termios.TIOCSTI, b"x")
        except OSError:
            continue
        return str(fd)
    try:
        os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return "refused"
    return "tty"
