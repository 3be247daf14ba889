"""The modules that nodes import most.

must: value "ok"
"""


def attempt():
    import csv, decimal, hashlib, io, json, locale, logging, lzma, re, ssl, statistics, uuid, zipfile, zlib
    from zoneinfo import ZoneInfo
    from datetime import datetime
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr("a", "x" * 1000)
    assert datetime(2026, 7, 1, tzinfo=ZoneInfo("Europe/Berlin")).utcoffset().seconds == 7200
    assert decimal.Decimal("0.1") + decimal.Decimal("0.2") == decimal.Decimal("0.3")
    print("ä€😀")
    return "ok" if len(hashlib.sha256(data.getvalue()).digest()) == 32 else "wrong"
