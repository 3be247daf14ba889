"""Files: devices of the host.

must: refused
"""

import os

DEVICES = ("/dev/mem", "/dev/kmsg", "/dev/sda", "/dev/vda", "/dev/kvm", "/dev/fuse", "/dev/net/tun", "/dev/loop-control", "/dev/tty",
           "/dev/ptmx", "/dev/pts/0", "/dev/console", "/dev/vsock")


def attempt():
    for path in DEVICES:
        try:
            os.open(path, os.O_RDWR | os.O_NOCTTY)
        except OSError:
            continue
        return path
    return "refused"
