"""Exhaustion: an exception with a 50 MB message.

must: outcome raised
"""

def attempt():
    raise ValueError("x" * 50_000_000)
