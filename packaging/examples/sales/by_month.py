"""Revenue by month and product. The DataFrame passes as the live object, without being copied."""

import pandas as pd


def by_month(sales: pd.DataFrame) -> pd.DataFrame:
    table = sales.pivot_table(
        index=sales["date"].dt.strftime("%Y-%m"), columns="product", values="revenue", aggfunc="sum", fill_value=0
    )
    table.index.name = "month"
    return table
