"""Leaks: the same numbers from numpy's global generator in two executions.

must: differ
"""

import numpy


def attempt():
    return [numpy.random.rand(), int(numpy.random.randint(1 << 30)), float(numpy.random.default_rng().random())]
