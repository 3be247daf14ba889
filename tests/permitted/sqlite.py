"""A database in a file."""


def attempt():
    import sqlite3
    db = sqlite3.connect(":memory:")
    db.execute("create table t (x)")
    db.execute("insert into t values ('ok')")
    return db.execute("select x from t").fetchone()[0]
