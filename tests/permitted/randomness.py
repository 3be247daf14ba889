"""Random numbers from the kernel and from a seed.

must: value "ok"
"""


def attempt():
    import os
    import random
    import secrets
    random.seed(1)
    return "ok" if len(os.urandom(8)) == 8 and secrets.token_hex(4) and random.random() == 0.13436424411240122 else "wrong"
