"""API: text with lone surrogates.

must: outcome completed
"""

def attempt():
    return {"\ud800": "\udfff", "x": ["\udc80"]}
