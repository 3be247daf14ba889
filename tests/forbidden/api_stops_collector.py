"""API: a finaliser that never ends.

must: outcome timed_out
request: {"timeout": 0.5}
"""

class Endless:
    def __del__(self):
        while True:
            pass


def attempt():
    Endless()
    return 1
