"""Ten million numbers, and deep recursion.

must: value "ok"
"""


def attempt():
    import sys
    sys.setrecursionlimit(5000)

    def depth(n):
        return 0 if n == 0 else 1 + depth(n - 1)

    return "ok" if sum(range(10_000_000)) == 49999995000000 and depth(4000) == 4000 else "wrong"
