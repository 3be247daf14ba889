"""Leaks: the daemon's environment variables.

must: refused
"""

import os


def attempt():
    allowed = {"LC_ALL", "HOME", "TMPDIR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "LC_CTYPE"}
    return "refused" if set(os.environ) <= allowed else str(sorted(os.environ))
