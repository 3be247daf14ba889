"""Kernel surface: socket options that attach programs, return descriptors and enlarge buffers.

must: refused
"""

import ctypes
import socket

SO_ATTACH_FILTER, SO_LOCK_FILTER, SO_ATTACH_BPF, SO_PEERPIDFD, SO_SNDBUFFORCE = 26, 44, 50, 77, 32


def attempt():
    a, b = socket.socketpair()
    channel = socket.fromfd(3, socket.AF_UNIX, socket.SOCK_STREAM)
    program = ctypes.create_string_buffer(b"\x06\0\0\0\xff\xff\0\0")  # BPF_RET
    described = ctypes.create_string_buffer(16)
    ctypes.c_uint16.from_buffer(described).value = 1
    ctypes.c_uint64.from_buffer(described, 8).value = ctypes.addressof(program)
    for name, act in {
        "SO_ATTACH_FILTER": lambda: a.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, described.raw),
        "SO_LOCK_FILTER": lambda: a.setsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER, 1),
        "SO_ATTACH_BPF": lambda: a.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, 0),
        "SO_PEERPIDFD": lambda: channel.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD, 4),
        "SO_SNDBUF": lambda: a.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30),
        "SO_SNDBUFFORCE": lambda: a.setsockopt(socket.SOL_SOCKET, SO_SNDBUFFORCE, 1 << 30),
    }.items():
        try:
            act()
        except OSError:
            continue
        return name
    return "refused"
