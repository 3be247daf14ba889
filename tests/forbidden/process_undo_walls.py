"""Processes: taking its own walls down through prctl.

must: refused
"""

import ctypes

OPTIONS = {"PDEATHSIG": (1, 0), "DUMPABLE": (4, 1), "KEEPCAPS": (8, 1), "SECCOMP": (22, 1), "CAPBSET_DROP": (24, 0), "SECUREBITS": (28, 0),
           "CHILD_SUBREAPER": (36, 1), "AMBIENT": (47, 2), "MDWE": (65, 0), "SPECULATION": (53, 0), "TSC": (26, 1), "PTRACER": (0x59616D61, -1)}


def attempt():
    libc = ctypes.CDLL(None, use_errno=True)
    for name, (option, value) in OPTIONS.items():
        if libc.prctl(option, value, 0, 0, 0) != -1:
            return name
    return "refused"
