"""Draws the months as stacked bars into an SVG file. A returned Path hands the file over."""

from pathlib import Path

import pandas as pd

COLOURS = ("#3b6ea5", "#e08e45", "#5a9e6f", "#a05a9e", "#8c8c8c")


def chart(revenue: pd.DataFrame) -> Path:
    width, height, low = 720, 320, 40
    step = width / len(revenue)
    scale = (height - 2 * low) / revenue.sum(axis=1).max()
    parts = []
    for at, (month, row) in enumerate(revenue.iterrows()):
        top = height - low
        for colour, value in zip(COLOURS, row):
            top -= value * scale
            parts.append(
                f'<rect x="{at * step:.1f}" y="{top:.1f}" width="{step * 0.8:.1f}" height="{value * scale:.1f}" fill="{colour}"/>'
            )
        parts.append(f'<text x="{at * step + step * 0.4:.1f}" y="{height - 20}" text-anchor="middle">{month[5:]}</text>')
    for at, (colour, product) in enumerate(zip(COLOURS, revenue.columns)):
        parts.append(f'<text x="{at * 110}" y="20" fill="{colour}">■ {product}</text>')
    path = Path("chart.svg")
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">'
        f'{"".join(parts)}</svg>'
    )
    return path
