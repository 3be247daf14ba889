"""Files: the host's password hashes, keys, homes, logs and processes.

must: refused
"""

import os


def attempt():
    for path in ("/etc/shadow", "/etc/hostname", "/etc/ssh", "/home", "/proc", "/proc/1/environ", "/sys/kernel", "/var/lib", "/var/log",
                 "/run/systemd", "/boot", "/opt", "/srv", "/mnt", "/media"):
        if os.path.lexists(path):
            return path
    return "refused"
