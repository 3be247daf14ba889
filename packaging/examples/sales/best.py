"""The products with the highest revenue."""

import pandas as pd


def best(sales: pd.DataFrame, count: int) -> dict[str, float]:
    return sales.groupby("product")["revenue"].sum().nlargest(count).round(2).to_dict()
