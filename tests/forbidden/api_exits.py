"""API: leaving by every exception there is.

must: outcome raised
"""

def attempt():
    raise GeneratorExit
