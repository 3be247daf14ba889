"""Exhaustion: filling the temporary directory.

must: refused
"""


def attempt():
    written = 0
    try:
        with open("/tmp/big", "wb") as f:
            for _ in range(2000):
                written += f.write(b"x" * 1_000_000)
                f.flush()
    except OSError:
        return "refused" if written < 100_000_000 else str(written)
    return "filled"
