"""Exhaustion: the processor, in C code that no Python signal handler interrupts.

must: ended
request: {"timeout": 1}
"""

def attempt():
    return 9 ** 9 ** 9
