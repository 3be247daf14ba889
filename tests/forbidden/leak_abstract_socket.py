"""Leaks: a meeting point for two executions."""

import ctypes
import os


def attempt():
    import socket
    try:
        s = socket.socket(socket.AF_UNIX)
        s.bind("\0meet")
    except OSError:
        return "refused"
    return "bound"
