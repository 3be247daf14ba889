"""Processes started by spawn, where programs are allowed.

must: value "ok"
request: {"sandbox": {"programs": true}}
"""

import multiprocessing
import operator


def attempt():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        return "ok" if pool.map(operator.neg, [1, 2, 3]) == [-1, -2, -3] else "wrong"
