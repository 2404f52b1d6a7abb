"""Takes a picture of what a replay of real reviews says: ratings of airport lounges by month and by airport.

usage: python -m tests.browser.lounges REVIEWS.csv docs/lounge-reviews.png
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html import escape
from pathlib import Path

from pipeline import parts
from pipeline.replay import Run, lines_of, time_of
from pipeline.settings import SHIPPED, Settings
from pipeline.span import DAY
from tests.browser.chromium import chromium

#: Airports with fewer reviews say too little to be compared.
ENOUGH = 20
_WIDTH, _HEIGHT = 1060, 230


def ratings(reviews: Path) -> tuple[dict[str, tuple[float, int]], dict[str, tuple[float, int]]]:
    """Month → mean rating and number of reviews, and the same by airport: from the metrics of a replay, day by day."""
    settings = Settings(dimensions=("location",), windows=Settings().windows[:1], value_limit=1_000)
    made = parts.build(settings)
    # A day's window at each midnight: together they hold every review once.
    run = Run(replace(made, shard=replace(made.shard, lateness=1)), keep=lambda output: None)
    summed, counted = Counter[str](), Counter[str]()

    def close(day: int) -> None:
        run.pass_time(day + 2)
        for value in run.values():
            if value.metric == "review_rating" and value.at == day:
                month = f"{datetime.fromtimestamp((day - DAY) / 1000, UTC):%Y-%m}"
                name = month if value.dimension == "total" else value.value
                summed[name] += round(value.result * value.samples * 100)
                counted[name] += value.samples

    until = 0
    lines = lines_of([reviews], SHIPPED / "schemas" / "sources" / "lounge-reviews.yml")
    for line in lines:
        if line.rejection is not None:
            continue
        at = time_of(line.value)
        while until and at > until:
            close(until)
            until += DAY
        until = until or -(-at // DAY) * DAY or DAY
        run.take([line])
    close(until)
    means = {name: (summed[name] / counted[name] / 100, counted[name]) for name in counted}
    months = {name: mean for name, mean in sorted(means.items()) if name[:2] == "20" and name[4:5] == "-"}
    return months, {name: mean for name, mean in means.items() if name not in months}


def page(months: dict[str, tuple[float, int]], airports: dict[str, tuple[float, int]]) -> str:
    """Both as one page."""
    known = {name: of for name, of in airports.items() if of[1] >= ENOUGH}
    ranked = sorted(known.items(), key=lambda item: -item[1][0])
    total = sum(count for _, count in months.values())
    return f"""<!doctype html><meta charset="utf-8"><style>
      body {{ font: 15px/1.4 "DejaVu Sans", sans-serif; margin: 24px 30px; color: #14171c; width: {_WIDTH}px }}
      h1 {{ font-size: 20px; margin: 0 }} h2 {{ font-size: 15px; margin: 22px 0 6px }} p {{ margin: 4px 0; color: #5b6470 }}
      svg text {{ font-size: 11px; fill: #5b6470 }} td {{ padding: 2px 14px 2px 0 }} td.n {{ text-align: right; color: #5b6470 }}
      .bar {{ background: #0060a8; height: 11px; border-radius: 2px }} .low .bar {{ background: #c2410c }}
      .pair {{ display: grid; grid-template-columns: 1fr 1fr; gap: 40px }}
      </style>
      <h1>Ratings of airport lounges</h1>
      <p>{total:,} reviews, 1 to 5, replayed by cxloop as they came. A dot is a month, as large as it has reviews.</p>
      <h2>By month</h2>{_chart(months)}
      <div class="pair"><div><h2>Best airports</h2>{_table(ranked[:10])}</div>
      <div><h2>Worst airports</h2>{_table(ranked[-10:][::-1])}</div></div>
      <p>Airports with {ENOUGH} reviews or more: {len(known)} of {len(airports)}.</p>"""


def _chart(months: dict[str, tuple[float, int]]) -> str:
    first = next(iter(months))

    def number(name: str) -> int:
        year, month = map(int, name.split("-"))
        return year * 12 + month

    begin, end = number(first), number(list(months)[-1])

    def x(name: str) -> float:
        return 30 + (number(name) - begin) / max(1, end - begin) * (_WIDTH - 50)

    def y(rating: float) -> float:
        return 10 + (5 - rating) / 4 * (_HEIGHT - 40)

    def parts_of() -> Iterator[str]:
        for rating in range(1, 6):
            yield f'<line x1="30" x2="{_WIDTH - 20}" y1="{y(rating):.1f}" y2="{y(rating):.1f}" stroke="#e1e4e8"/>'
            yield f'<text x="12" y="{y(rating) + 4:.1f}">{rating}</text>'
        for name in months:
            if name.endswith("-01"):
                yield f'<text x="{x(name):.1f}" y="{_HEIGHT - 8}" text-anchor="middle">{name[:4]}</text>'
        line = " ".join(
            f"{x(name):.1f},{y(mean):.1f}" for name, (mean, count) in months.items() if count >= 5
        )
        yield f'<polyline points="{line}" fill="none" stroke="#0060a8" stroke-width="1.2" opacity="0.5"/>'
        for name, (mean, count) in months.items():
            size = min(9.0, 1.2 + count**0.5 / 1.6)
            yield f'<circle cx="{x(name):.1f}" cy="{y(mean):.1f}" r="{size:.1f}" fill="#0060a8" opacity="0.75"/>'

    return f'<svg width="{_WIDTH}" height="{_HEIGHT}">{"".join(parts_of())}</svg>'


def _table(rows: list[tuple[str, tuple[float, int]]]) -> str:
    cells = (
        f'<tr class="{"low" if mean < 2.5 else ""}"><td>{escape(name)}</td><td><div class="bar" '
        f'style="width:{(mean - 1) * 50:.0f}px"></div></td><td>{mean:.2f}</td><td class="n">{count}</td></tr>'
        for name, (mean, count) in rows
    )
    return f"<table>{''.join(cells)}</table>"


def main(reviews: str, picture: str) -> None:
    """Replay, draw, and take the picture."""
    html = page(*ratings(Path(reviews)))
    with chromium() as browser:
        shown = browser.new_page(viewport={"width": _WIDTH + 60, "height": 640})
        shown.set_content(html)
        shown.screenshot(path=picture, full_page=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
