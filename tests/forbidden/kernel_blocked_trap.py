"""Kernel surface: blocking the signal that reports refused calls, then making a refused call.

must: outcome denied
"""

import signal
import socket


def attempt():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGSYS})
    socket.socket()
