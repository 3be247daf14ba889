"""concurrent.futures over threads.

must: value "ok"
"""

import concurrent.futures


def attempt():
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return "ok" if sum(pool.map(len, ["x" * n for n in range(100)])) == 4950 else "wrong"
