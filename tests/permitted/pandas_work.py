"""Tables: reading, grouping, joining, dates, writing.

must: value "ok"
"""

import io

import pandas


def attempt():
    table = pandas.read_csv(io.StringIO("day,shop,sold\n2024-01-01,a,3\n2024-01-02,b,4\n2024-01-02,a,5\n"), parse_dates=["day"])
    sums = table.groupby("shop").sold.sum()
    joined = table.merge(pandas.DataFrame({"shop": ["a", "b"], "town": ["x", "y"]}), on="shop")
    table.to_csv("/tmp/table.csv")
    table.to_pickle("/tmp/table.pickle")
    monthly = table.set_index("day").tz_localize("Europe/Berlin").resample("D").sold.sum()
    return "ok" if sums["a"] == 8 and len(joined) == 3 and len(monthly) == 2 else "wrong"
