"""What was measured, as lines for a terminal, and as a chart and tables for docs/benchmarks.md."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from bench.measures import BARS, Bar

#: What each round gave, by name.
Figures = dict[str, list[float]]

BEGIN, END = '<!-- figures: make bench ARGS="--report docs/benchmarks.md" -->', "<!-- end of figures -->"
#: Names that end so are in that unit; the others are events/s.
UNITS = {"_ms": "ms", "_cpu_s": "s of processor for a million events", "bytes_per_episode": "bytes", "_just_taken": "bytes",
         "restored_per_s": "episodes/s", "_customers": "µs an event"}  # fmt: skip


def lines(figures: Figures) -> Iterator[str]:
    """One a figure, and then one a bar: `name = value (bar …) ok`, or `… short`."""
    for name, values in figures.items():
        yield f"{name} = {_number(median(values))} {_unit(name)} ({_number(min(values))} to {_number(max(values))})"
    for bar, value in _judged(figures):
        yield f"{_name(bar)} = {_number(value)} ({_limit(bar)}) {_verdict(bar, value)}".rstrip()


def short(figures: Figures) -> bool:
    """Is one of those measured short of its bar?"""
    return any(_verdict(bar, value) == "short" for bar, value in _judged(figures))


def write_into(page: Path, figures: Figures) -> None:
    """Put chart and tables between the page's marks. Raises RuntimeError where it has none."""
    text = page.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise RuntimeError(f"{page} has no place for figures: the line {BEGIN}, and further down {END}")
    page.write_text(f"{before}{BEGIN}\n\n{_markdown(figures)}\n\n{END}{after}", encoding="utf-8")


def _markdown(figures: Figures) -> str:
    medians = {name: median(values) for name, values in figures.items()}
    engines = {name: value for name, value in medians.items() if _unit(name) == "events/s"}
    names = ", ".join(f'"{_words(name)}"' for name in engines)
    chart = [
        "```mermaid",
        "xychart-beta horizontal",
        '  title "Thousands of events a second"',
        f"  x-axis [{names}]",
        f"  bar [{', '.join(f'{value / 1e3:.1f}' for value in engines.values())}]",
        "```",
    ]
    bars = [
        f"| {_words(_name(bar))} | {_number(value)} | {_limit(bar).removeprefix('bar ')} | {_verdict(bar, value)} |"
        for bar, value in _judged(figures)
    ]
    rows = [
        f"| {_words(name)} | {_number(value)} {_unit(name)} | {_number(min(figures[name]))} to {_number(max(figures[name]))} |"
        for name, value in medians.items()
    ]
    return "\n".join(
        [*chart, "", "| ratio or figure | value | bar | |", "|---|---|---|---|", *bars,
         "", "| measure | median | rounds |", "|---|---|---|", *rows]
    )  # fmt: skip


def _judged(figures: Mapping[str, list[float]]) -> Iterator[tuple[Bar, float]]:
    for bar in BARS:
        if bar.figure in figures and (bar.to is None or bar.to in figures):
            yield bar, median(figures[bar.figure]) / (1.0 if bar.to is None else median(figures[bar.to]))


def _verdict(bar: Bar, value: float) -> str:
    if bar.limit is None:
        return ""
    return "ok" if (value <= bar.limit if bar.at_most else value >= bar.limit) else "short"


def _name(bar: Bar) -> str:
    return bar.figure if bar.to is None else f"{bar.figure}/{bar.to}"


def _limit(bar: Bar) -> str:
    if bar.limit is None:
        return "no bar"
    return f"bar {'<=' if bar.at_most else '>='} {_number(bar.limit)}"


def _unit(name: str) -> str:
    return next((unit for end, unit in UNITS.items() if name.endswith(end)), "events/s")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
