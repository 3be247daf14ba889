"""Logs to a file and to standard error, and warnings.

must: value "ok"
"""

import logging
import logging.handlers
import warnings


def attempt():
    log = logging.getLogger("node")
    log.addHandler(logging.handlers.RotatingFileHandler("/tmp/log", maxBytes=1000, backupCount=2))
    log.addHandler(logging.StreamHandler())
    for number in range(50):
        log.warning("line %d", number)
    warnings.warn("a warning")
    return "ok" if "line 49" in open("/tmp/log").read() else "wrong"
