"""TLS without a connection: contexts, hashes, random bytes.

must: value "ok"
"""

import hashlib
import ssl


def attempt():
    context = ssl.create_default_context()
    return "ok" if context.verify_mode == ssl.CERT_REQUIRED and hashlib.sha3_256(b"x").hexdigest() and ssl.RAND_bytes(8) else "wrong"
