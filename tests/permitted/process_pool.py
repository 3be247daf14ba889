"""concurrent.futures over processes.

must: value "ok"
"""

import concurrent.futures
import math
import multiprocessing


def attempt():
    with concurrent.futures.ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        return "ok" if list(pool.map(math.factorial, range(5))) == [1, 1, 2, 6, 24] else "wrong"
