"""API: raising GeneratorExit, which is not an Exception.

must: outcome raised
"""

def attempt():
    raise GeneratorExit
