"""API: keys that are not text, and two that become equal as text.

must: outcome completed
"""

def attempt():
    return {1: "a", "1": "b", None: "c", (1, 2): "d", 1.5: "e", b"x": "f", True: "g", frozenset({1}): "h"}
