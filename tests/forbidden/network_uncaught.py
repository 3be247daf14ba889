"""Network: the record names the refused call even though the node only sees an exception.

must: outcome denied
denied: socket(AF_INET)
"""

import socket


def attempt():
    socket.create_connection(("192.0.2.1", 80), timeout=2)
