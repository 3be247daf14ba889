"""Four hundred megabytes, well within the limit.

must: value "ok"
"""

def attempt():
    block = bytearray(400_000_000)
    block[::4096] = b"x" * len(block[::4096])
    return "ok" if block[-4096 - block.__len__() % 4096 :].count(b"x") else "wrong"
