"""A backtest as one page that needs nothing else: no network, no scripts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.authoring.comparison import Comparison, Day

#: Of what was added, removed and moved, the page shows so many.
EXAMPLES = 20
#: The chart's inside, in its own units, and how many lines it is divided by.
_WIDTH, _HEIGHT, _LINES = 720, 200, 4


def page(comparison: Comparison, *, minutes: float, title: str) -> str:
    """HTML. minutes: of work that a follow-up takes."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters["moment"] = _moment
    days = comparison.days
    charts = [
        ("Alerts a day", _chart([(day.old_alerts, day.new_alerts) for day in days])),
        ("Follow-ups opened a day", _chart([(day.old_followups, day.new_followups) for day in days])),
    ]
    return environment.get_template("backtest.html").render(
        c=comparison, title=title, minutes=minutes, charts=charts, examples=EXAMPLES,
        labels=_labels(days), width=_WIDTH, height=_HEIGHT,
    )  # fmt: skip


def _chart(values: Sequence[tuple[int, int]]) -> dict[str, object]:
    """Two lines of steps, a step for each day, and the numbers at the side."""
    most = _round_up(max((n for pair in values for n in pair), default=0))
    lines = [(_HEIGHT - _HEIGHT * n / _LINES, most * n // _LINES) for n in range(_LINES + 1)]
    return {"old": _steps([old for old, _ in values], most), "new": _steps([new for _, new in values], most),
            "lines": lines}  # fmt: skip


def _steps(values: Sequence[int], most: int) -> str:
    step = _WIDTH / max(len(values), 1)
    points = []
    for number, value in enumerate(values):
        y = _HEIGHT - _HEIGHT * value / most
        points += [f"{number * step:.1f},{y:.1f}", f"{(number + 1) * step:.1f},{y:.1f}"]
    return " ".join(points)


def _round_up(most: int) -> int:
    """A round number that is as high, at least 4, and can be divided by it."""
    size = 1
    while True:
        for of in (4, 8, 12, 20, 40):
            if most <= of * size:
                return of * size
        size *= 10


def _labels(days: Sequence[Day]) -> list[tuple[float, str]]:
    """(place, day) of at most seven days."""
    step = max(1, -(-len(days) // 7))
    width = _WIDTH / max(len(days), 1)
    return [(width * (n + 0.5), days[n].day.strftime("%-d %b")) for n in range(0, len(days), step)]


def _moment(at: int) -> str:
    return datetime.fromtimestamp(at / 1000, UTC).strftime("%Y-%m-%d %H:%M")
