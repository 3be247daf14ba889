"""Exhaustion: the processor, where no Python signal handler gets through.

must: ended
request: {"timeout": 1}
"""

def attempt():
    return 9 ** 9 ** 9
