"""API: a value nested a hundred thousand levels deep.

must: outcome completed
"""

def attempt():
    value = []
    for _ in range(100_000):
        value = [value]
    return value
