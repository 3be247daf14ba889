"""Exact numbers.

must: value "ok"
"""

import decimal
import fractions
import math
import statistics


def attempt():
    decimal.getcontext().prec = 50
    root = decimal.Decimal(2).sqrt() ** 2
    return "ok" if abs(root - 2) < decimal.Decimal("1e-48") and fractions.Fraction(1, 3) * 3 == 1 and statistics.mean([1, 2, 3]) == 2 and math.comb(5, 2) == 10 else "wrong"
