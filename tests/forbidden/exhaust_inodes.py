"""Exhaustion: files without content.

must: refused
request: {"sandbox": {"tmp": "1 MiB"}}
"""

def attempt():
    try:
        for number in range(1_000_000):
            open("/tmp/%d" % number, "w").close()
    except OSError:
        return "refused"
