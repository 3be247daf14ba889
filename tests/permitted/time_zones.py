"""Time zones and the calendar.

must: value "ok"
"""

import datetime
import time

try:
    import zoneinfo
except ImportError:  # before Python 3.9
    zoneinfo = None


def attempt():
    if zoneinfo is not None:
        moment = datetime.datetime(2024, 7, 1, 12, tzinfo=zoneinfo.ZoneInfo("Asia/Tokyo"))
        if moment.astimezone(zoneinfo.ZoneInfo("Europe/Paris")).hour != 5:
            return "zone"
    return "ok" if time.gmtime(0).tm_year == 1970 and time.localtime() and time.monotonic() > 0 else "wrong"
