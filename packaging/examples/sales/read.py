"""Reads the table. The parameter asks for a Path, so `-i table=@sales.csv` hands the file over as one."""

from pathlib import Path

import pandas as pd


def read(table: Path) -> pd.DataFrame:
    sales = pd.read_csv(table, parse_dates=["date"])
    sales["revenue"] = sales["amount"] * sales["price"]
    print(f"{len(sales)} sales of {sales['product'].nunique()} products")
    return sales
