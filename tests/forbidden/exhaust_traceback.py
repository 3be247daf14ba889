"""Exhaustion: an exception with a message of 50 MB.

must: outcome raised
"""

def attempt():
    raise ValueError("x" * 50_000_000)
