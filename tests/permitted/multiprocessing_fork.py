"""A pool of processes.

must: value "ok"
"""


def attempt():
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(3) as pool:
        return "ok" if pool.map(abs, range(-5, 0)) == [5, 4, 3, 2, 1] else "wrong"
