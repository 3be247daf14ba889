"""Exhaustion: a value whose preview would be gigabytes.

must: outcome completed
"""

def attempt():
    row = ["x" * 1000] * 1000
    return [row] * 10_000
