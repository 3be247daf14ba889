"""A database in a file where programs are allowed and the kernel handles the locks.

must: value "ok"
request: {"sandbox": {"programs": true}}
"""

import sqlite3


def attempt():
    for mode in ("delete", "wal"):
        db = sqlite3.connect("/tmp/%s.db" % mode)
        db.execute("pragma journal_mode=" + mode)
        db.execute("create table t (x)")
        with db:
            db.executemany("insert into t values (?)", ((n,) for n in range(1000)))
        other = sqlite3.connect("/tmp/%s.db" % mode)
        if other.execute("select sum(x) from t").fetchone()[0] != 499500:
            return mode
    return "ok"
