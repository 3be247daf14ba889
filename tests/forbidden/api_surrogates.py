"""API: text that is no text.

must: outcome completed
"""

def attempt():
    return {"\ud800": "\udfff", "x": ["\udc80"]}
