"""Exhaustion: the processor, in pure Python.

must: outcome timed_out
request: {"sandbox": {"time": 1, "cpu": 0.3}}
"""

def attempt():
    while True:
        pass
