"""API: numbers that JSON does not have.

must: outcome completed
"""

def attempt():
    return [float("nan"), float("inf"), -0.0, 10 ** 5000, 2 ** 63, 2 ** 64, -(2 ** 63) - 1, 1e308 * 10, True]
