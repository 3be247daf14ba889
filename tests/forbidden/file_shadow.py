"""Files: the host's password hashes."""

import ctypes
import os


def attempt():
    for path in ("/etc/shadow", "/etc/hostname", "/etc/ssh", "/home", "/proc/1/environ", "/sys/kernel", "/var/lib", "/run/systemd"):
        if os.path.exists(path):
            return path
    return "refused"
