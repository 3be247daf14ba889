"""API: a type with a name of a megabyte.

must: outcome completed
"""

def attempt():
    return type("x" * 1_000_000, (), {"__module__": "y" * 1_000_000})()
