"""Exhaustion: memory of one process.

must: outcome memory_limit
request: {"sandbox": {"memory": "128 MiB"}}
"""

def attempt():
    blocks = []
    while True:
        blocks.append(bytearray(10_000_000))
