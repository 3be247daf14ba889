"""Leaks: typing into the terminal of who started the daemon.

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
