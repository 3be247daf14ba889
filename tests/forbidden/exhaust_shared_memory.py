"""Exhaustion: /dev/shm and the working directory.

must: refused
request: {"sandbox": {"tmp": "2 MiB"}}
"""

def attempt():
    for path in ("/dev/shm/x", "/node/x"):
        try:
            with open(path, "wb") as f:
                for _ in range(64):
                    f.write(b"x" * 1_000_000)
                    f.flush()
        except OSError:
            continue
        return path
    return "refused"
