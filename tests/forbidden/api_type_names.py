"""API: a type whose name and module are a megabyte long each.

must: outcome completed
"""

def attempt():
    return type("x" * 1_000_000, (), {"__module__": "y" * 1_000_000})()
