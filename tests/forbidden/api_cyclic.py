"""API: a value that contains itself.

must: outcome completed
"""

def attempt():
    value = {"list": []}
    value["list"].append(value)
    value["self"] = value
    return value
