"""Kernel surface: blocking the signal that reports refused calls, and then making one.

must: outcome denied
"""

import signal
import socket


def attempt():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGSYS})
    socket.socket()
