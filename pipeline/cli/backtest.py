"""`cxloop backtest`: what a changed rule set would have done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from pipeline import settings as all_settings
from pipeline.authoring.backtest import Fired, both
from pipeline.authoring.comparison import Comparison, compare
from pipeline.authoring.page import page
from pipeline.cli import options
from pipeline.cli.past import Events, Since, Until, events_of, refuse_if_all_rejected
from pipeline.cli.printable import printable
from pipeline.errors import FileError, LimitError, UsageError
from pipeline.events.codec import moment
from pipeline.plural import counted, plural

#: So many of what was added, removed and moved are shown, of each.
EXAMPLES = 3


def backtest(
    events: Events = None,
    against: Annotated[
        list[Path] | None, typer.Option(help="The old rules: files and folders.", show_default=False)
    ] = None,
    rules: Annotated[
        list[Path] | None,
        typer.Option(help="The new rules (default: those in use).", show_default=False),
    ] = None,
    source: options.Source = None,
    since: Since = None,
    until: Until = None,
    minutes: Annotated[float, typer.Option(min=0, help="Minutes of work that a follow-up takes.")] = 20,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts too.")] = None,
    most_added: Annotated[
        int | None, typer.Option(min=0, help="Fail if more alerts are added.", show_default=False)
    ] = None,
    most_removed: Annotated[
        int | None, typer.Option(min=0, help="Fail if more alerts are removed.", show_default=False)
    ] = None,
    most_follow_ups: Annotated[
        float | None,
        typer.Option(min=0, help="Fail if a team has more follow-ups a day, on average.", show_default=False),
    ] = None,
    broker: options.Broker = None,
    prefix: options.Prefix = None,
    zone: options.Zone = None,
    as_json: options.Json = False,
) -> None:
    """Run an old and a new rule set over the same events, and say what is added, removed and moved.

    Ends with exit code 4 where a limit is passed.

    Example: cxloop backtest last-month.jsonl --against rules-in-use/ --rules rules/ --most-added 100
    """
    if not against:
        raise UsageError("--against is missing: where are the rules to compare with?")
    mapping = options.mapping(source)
    settings = all_settings.load(broker=broker, prefix=prefix, zone=zone)
    with events_of(events, since, until, settings) as files, _bar(files) as progress:
        told = both(against, rules or settings.rules, files, settings, source=mapping, progress=progress)
    found = compare(*told)
    if html is not None:
        _write(html, page(found, minutes=minutes, title="What the new rules would have done"))
    if as_json:
        typer.echo(msgspec.json.encode(_for_scripts(found, minutes)).decode())
    else:
        _tell(Console(), found, minutes)
    refuse_if_all_rejected(
        events or (), mapping, found.new.events, found.new.rejected,
        "`cxloop deadletters list` says why" if since else "`cxloop replay` says why",
    )  # fmt: skip
    passed = _passed(found, most_added, most_removed, most_follow_ups)
    if passed:
        raise LimitError("\n".join(passed))


@contextmanager
def _bar(files: Sequence[Path]) -> Iterator[Callable[[int], None]]:
    """A progress bar on a terminal; it is told how many bytes both have taken."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    )  # fmt: skip
    with bar:
        task = bar.add_task("Old and new rules", total=2 * sum(file.stat().st_size for file in files))
        yield lambda taken: bar.update(task, completed=taken)


def _passed(
    found: Comparison, added: int | None, removed: int | None, follow_ups: float | None
) -> list[str]:  # fmt: skip
    passed = []
    for limit, number, what in (
        (added, found.acting_added, "added"), (removed, found.acting_removed, "removed"),
    ):  # fmt: skip
        if limit is not None and number > limit:
            passed.append(
                f"--most-{what}: {counted(number, 'alert')} {plural(number, 'is', 'are')} {what}, {number - limit:,} more than {limit:,}"
            )
    for team in found.teams:
        if follow_ups is not None and team.new > follow_ups:
            text = f"{team.team} would have {team.new:.1f} follow-ups a day, {team.new - follow_ups:.1f} more than"
            passed.append(f"--most-follow-ups: {text} {follow_ups:g}")
    return passed


def _tell(console: Console, found: Comparison, minutes: float) -> None:
    rules = _table("Rule", "old", "new", "added", "removed", "moved")
    for rule in found.rules:
        name = f"{rule.rule} (on trial)" if rule.shadow else rule.rule
        counts = (rule.old, rule.new, rule.added, rule.removed, rule.moved)
        rules.add_row(name, *(f"{count:,}" for count in counts))
    console.print(rules if found.rules else "No rule fired.")
    if found.teams:
        teams = _table("Follow-ups of", "a day", "", "busiest day", "", "hours a day", "")
        for team in found.teams:
            hours = [per_day * minutes / 60 for per_day in (team.old, team.new)]
            teams.add_row(
                team.team, f"{team.old:,.1f}", f"→ {team.new:,.1f}", f"{team.old_most:,}", f"→ {team.new_most:,}",
                f"{hours[0]:,.1f}", f"→ {hours[1]:,.1f}",
            )  # fmt: skip
        console.print()
        console.print(teams)
    examples = {
        "Added": [_example(one) for one in found.added],
        "Removed": [_example(one) for one in found.removed],
        "Moved": [f"{moment(old.at)} → {_example(new)}" for old, new in found.moved],
    }
    for what, some in examples.items():
        if some:
            console.print(f"\n{what}: {len(some):,}" + (", such as" if len(some) > EXAMPLES else ""))
            for one in some[:EXAMPLES]:
                console.print(Text(f"  {one}"), soft_wrap=True)
    speeds = [told.events / told.took_s for told in (found.old, found.new) if told.took_s > 0]
    days = f", {counted(len(found.days), 'day')}" if found.days else ""
    rejected = f", {found.new.rejected:,} of them rejected" if found.new.rejected else ""
    per_second = f"; {min(speeds):,.0f} events a second with each rule set" if speeds else ""
    console.print(
        f"\n{counted(found.new.events, 'event')}{rejected}{days}{per_second}", style="dim", highlight=False
    )


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(first)
    for name in others:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _example(one: Fired) -> str:
    return printable(f"{moment(one.at)}  {one.rule}  {one.key}: {one.why}")


def _for_scripts(found: Comparison, minutes: float) -> dict[str, Any]:
    return {
        "events": found.new.events,
        "rejected": found.new.rejected,
        "added": found.acting_added,
        "removed": found.acting_removed,
        "moved": len(found.moved),
        "rules": [msgspec.to_builtins(rule) for rule in found.rules],
        "teams": [
            {**msgspec.to_builtins(team), "old_hours": team.old * minutes / 60, "new_hours": team.new * minutes / 60}
            for team in found.teams
        ],
        "days": [msgspec.to_builtins(day) for day in found.days],
        "examples": {
            "added": [msgspec.to_builtins(one) for one in found.added[:EXAMPLES]],
            "removed": [msgspec.to_builtins(one) for one in found.removed[:EXAMPLES]],
            "moved": [msgspec.to_builtins(pair) for pair in found.moved[:EXAMPLES]],
        },
    }  # fmt: skip


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise FileError(f"{path}: cannot be written: {error.strerror}") from error
