"""Joins both branches into an HTML page and, as a separate file, its SVG chart. A returned Path hands the file over."""

from html import escape
from pathlib import Path

from nodes.read import Document


def _chart(lengths: dict[int, int], width: int = 640, height: int = 240) -> str:
    highest = max(lengths.values(), default=1)
    step = width / max(len(lengths), 1)
    bars = []
    for i, (length, number) in enumerate(lengths.items()):
        bar = number / highest * (height - 40)
        x = i * step
        bars.append(
            f'<rect x="{x:.1f}" y="{height - 20 - bar:.1f}" width="{step * 0.8:.1f}" height="{bar:.1f}" fill="#3b6ea5"/>'
            f'<text x="{x + step * 0.4:.1f}" y="{height - 6}" text-anchor="middle">{length}</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="11">'
        f'{"".join(bars)}</svg>'
    )


def report(document: Document, top: list[tuple[str, int]], lengths: dict[int, int]) -> dict[str, Path]:
    svg = _chart(lengths)
    rows = "".join(f"<tr><td>{escape(word)}</td><td>{number}</td></tr>" for word, number in top)
    page = (
        f"<!doctype html><meta charset='utf-8'><title>{escape(document.title)}</title>"
        f"<h1>{escape(document.title)}</h1><p>{document.lines} lines, {sum(lengths.values())} words.</p>"
        f"<h2>Word lengths</h2>{svg}<h2>Most frequent</h2><table>{rows}</table>"
    )
    Path("report.html").write_text(page, encoding="utf-8")
    Path("chart.svg").write_text(svg, encoding="utf-8")
    return {"page": Path("report.html"), "chart": Path("chart.svg")}
