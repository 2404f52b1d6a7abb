"""The terminal's live view, and what remains of a run when it is over."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from pipeline.observe.entries import Alert, FollowUp
from pipeline.observe.feed import Feed
from pipeline.observe.scoreboard import Scoreboard
from pipeline.observe.truth import BEHIND, HEALTHY, WAITING, Pulse, Truth
from pipeline.observe.views import STUCK, BoardView, Health
from pipeline.plural import counted

BEAT_S = 0.5
#: Without a terminal: seconds between two lines on how the pipeline does.
LINE_S = 10.0

_WINDOW = "24h"
_STATES = {HEALTHY: ("✓", "green"), BEHIND: ("»", "yellow"), STUCK: ("!", "red")}
_SEVERITIES = {"critical": ("◆", "bold red"), "warning": ("▲", "yellow"), "info": ("●", "blue")}
_BARS = "▁▂▃▄▅▆▇█"


class Screen:
    """Shows a feed until it is told to stop: a page on a terminal, else one line an alert."""

    def __init__(
        self,
        feed: Feed,
        board: Callable[[], BoardView | None],
        health: Health,
        url: str,
        *,
        console: Console | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """url: where the status page is. monotonic: seconds of a clock that never goes back."""
        self._feed = feed
        self._board = board
        self._health = health
        self._url = url
        self._console = console or Console()
        self._monotonic = monotonic
        self._pulse = Pulse()
        self._truth = Truth(WAITING, "Starting.")
        self._scores: Scoreboard | None = None
        self._told: dict[str, str] = {}
        self._next_line = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Show what there is until `stop` is set."""
        if not self._console.is_terminal:
            while not stop.is_set():
                self.tell()
                await _pause(stop)
            self.tell()
            return
        with Live(console=self._console, screen=True, auto_refresh=False) as live:
            while not stop.is_set():
                live.update(self.page(), refresh=True)
                await _pause(stop)

    def tell(self) -> None:
        """One line for each alert that is new or has changed, and now and then one on the pipeline."""
        truth = self._look()
        alerts = self._feed.alerts()
        for alert in reversed(alerts):
            if self._told.get(alert.alert_id) != alert.state:
                self._line(_alert_line(alert))
        self._told = {alert.alert_id: alert.state for alert in alerts}
        now = self._monotonic()
        if now >= self._next_line:
            self._next_line = now + LINE_S
            self._line(Text(f"{truth.sentence} {' · '.join(self._facts(truth))} · {self._url}"))

    def page(self) -> RenderableType:
        """All there is to see now, for this console's size."""
        truth = self._look()
        head, tiles = self._head(truth), self._tiles()
        above = [*self._console.render_lines(head), *self._console.render_lines(tiles)]
        room = max(4, self._console.size.height - len(above) - 4)
        follow_ups = self._feed.follow_ups(truth.watermark)
        most = min(max(1, len(follow_ups)), room // 2)
        overdue = sum(one.overdue(truth.watermark) for one in follow_ups)
        return Group(
            head,
            tiles,
            _titled("Alerts", _alerts(self._feed.alerts()[: room - most])),
            _titled(
                f"Follow-ups: {len(follow_ups):,} open, {overdue:,} overdue",
                _follow_ups(follow_ups[:most], truth.watermark),
            ),
        )

    def summary(self) -> RenderableType:
        """What came of the run, as it was when the screen looked last; the worker may have stopped since."""
        return summary(self._feed, self._truth, self._scores)

    def _look(self) -> Truth:
        # When the worker ends it lets go of the board and its partitions: what was seen last stays.
        self._feed.sample(self._board())
        self._scores = self._feed.scoreboard or self._scores
        if self._health.partitions() or not self._truth.applied:
            self._truth = self._pulse.beat(self._health, self._monotonic())
        return self._truth

    def _line(self, text: Text) -> None:
        self._console.print(text, soft_wrap=True, highlight=False)

    def _head(self, truth: Truth) -> RenderableType:
        glyph, colour = _STATES.get(truth.state, ("…", "cyan"))
        lines = [Text.assemble((f"{glyph} ", f"bold {colour}"), (_clean(truth.sentence), "bold"))]
        lines += [Text(f"  {_clean(reason)}", style=colour) for reason in truth.reasons[:2]]
        lines.append(Text("  " + " · ".join(self._facts(truth)), style="dim"))
        lines.append(
            Text.assemble(("  The same in a browser: ", "dim"), (self._url, f"underline link {self._url}"))
        )
        return Panel(Group(*lines), border_style=colour, title="cxloop", title_align="left")

    def _facts(self, truth: Truth) -> Iterator[str]:
        yield f"event time {_moment(truth.watermark)}"
        yield counted(truth.applied, "event")
        if truth.rate is not None:
            yield f"{truth.rate:,.0f} a second"
        yield "lag unknown" if truth.lag is None else f"{truth.lag:,} to go"

    def _tiles(self) -> RenderableType:
        board = self._scores
        if board is None:
            return Panel(Text("This worker does not keep the metrics.", style="dim"), border_style="dim")
        if _WINDOW not in board.at:
            return Panel(Text("No metric yet: no pane has been judged.", style="dim"), border_style="dim")
        curve = self._feed.history.curve(_WINDOW, 16)
        across = len(_METRICS) if self._console.size.width >= 110 else len(_METRICS) // 2
        grid = Table.grid(expand=True)
        for _ in range(across):
            grid.add_column(ratio=1)
        panels = []
        for name, value, rests in _numbers(board):
            curve_of = _spark(curve.values.get(_METRICS[name], []))
            body = Text.assemble(
                (value, "bold"), "\n", (rests, "dim"), "\n", (curve_of, "cyan"), no_wrap=True
            )
            panels.append(_titled(name, body))
        for row in range(0, len(panels), across):
            grid.add_row(*panels[row : row + across])
        return grid


def summary(feed: Feed, truth: Truth, board: Scoreboard | None) -> RenderableType:
    """What came of a run: events, alerts by rule, follow-ups, and the NPS at its end."""
    table = Table(
        title="What came of it", title_justify="left", show_header=False, box=None, padding=(0, 2, 0, 0)
    )
    table.add_column(style="dim")
    table.add_column(justify="right", style="bold")
    table.add_column(style="dim")
    table.add_row("Events applied", f"{truth.applied:,}", f"up to {_moment(truth.watermark)}")
    happened = feed.happened
    ended = f"{happened['alert.resolved']:,} resolved, {happened['alert.retracted']:,} retracted"
    table.add_row("Alerts fired", f"{feed.fired.total():,}", ended)
    for rule, number in sorted(feed.fired.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(f"  {_clean(rule)}", f"{number:,}", "")
    waiting = len(feed.follow_ups(truth.watermark))
    became = f"{happened['followup.closed']:,} closed, {happened['followup.reopened']:,} opened again"
    table.add_row("Follow-ups opened", f"{happened['followup.opened']:,}", f"{became}, {waiting:,} open now")
    table.add_row("  overdue", f"{happened['followup.overdue']:,}", "at some time")
    nps = None if board is None else board.total(_WINDOW).result("nps")
    if board is not None and nps is not None:
        table.add_row(
            "NPS", f"{nps:+.0f}", f"{counted(board.total(_WINDOW).samples('nps'), 'answer')} in {_WINDOW}"
        )
    else:
        table.add_row("NPS", "–", f"no survey answered in the last {_WINDOW}")
    unread = sum(feed.malformed.values())
    if unread:
        table.add_row("Not readable", f"{unread:,}", "records of alerts and follow-ups")
    return table


#: Tile → the metric whose curve it shows.
_METRICS = {
    "NPS": "nps",
    "CSAT": "csat",
    "CES": "ces",
    "Review rating": "review_rating",
    "Reviews answered": "review_response",
    "First response": "first_response_mean",
}


def _numbers(board: Scoreboard) -> Iterator[tuple[str, str, str]]:
    """Each tile's name, number and what it rests on."""
    total = board.total(_WINDOW)
    for name, metric in _METRICS.items():
        result, samples = total.result(metric), total.samples(metric)
        if result is None:
            yield name, "–", "nothing yet"
            continue
        rests = counted(samples, "sample")
        margin = total.nps_margin
        p90 = total.result("first_response_p90")
        if metric == "nps":
            yield (
                name,
                f"{result:+.0f}",
                rests if margin is None else f"± {margin:.1f}, {counted(samples, 'answer')}",
            )
        elif metric == "review_response":
            yield name, f"{result:.0%}", rests
        elif metric == "first_response_mean":
            yield name, _span(result), rests if p90 is None else f"p90 {_span(p90)}"
        else:
            yield name, f"{result:.2f}", rests


def _alerts(alerts: Iterable[Alert]) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=True)
    for ratio in (None, None, None, 1, None):
        table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
    for one in alerts:
        mark, style = _SEVERITIES.get(one.severity, ("●", "blue"))
        dim = "" if one.standing else "dim"
        why = one.outcome or one.reasons
        table.add_row(
            Text(_short(one.changed), style="dim"),
            Text(f"{mark} {_clean(one.severity)}", style=style if one.standing else "dim"),
            Text(_clean(one.key)[:24], style=dim),
            Text(_clean(f"{one.title or one.rule} {why[0] if why else ''}"), style=dim),
            Text("trial" if one.shadow else one.state, style="" if one.standing else "dim"),
        )
    return table if table.row_count else Text("No alert has fired yet.", style="dim")


def _follow_ups(rows: Iterable[FollowUp], now: int | None) -> RenderableType:
    table = Table.grid(padding=(0, 2), expand=True)
    for ratio in (None, None, None, 1, None):
        table.add_column(ratio=ratio, no_wrap=True, overflow="ellipsis")
    for one in rows:
        late = one.overdue(now)
        due = "no deadline" if one.due is None else _short(one.due)
        table.add_row(
            Text(f"overdue, {due}" if late else f"due {due}", style="bold red" if late else ""),
            Text(_clean(one.customer or one.key)[:24]),
            Text(f"{_clean(one.team)}, {_clean(one.priority)}", style="dim"),
            Text(_clean(one.reasons[0] if one.reasons else one.rule)),
            Text(_clean(one.status), style="dim"),
        )
    return table if table.row_count else Text("Nobody waits for a follow-up.", style="dim")


def _alert_line(one: Alert) -> Text:
    why = one.outcome or one.reasons
    state = "trial" if one.shadow else one.state
    text = f"{_moment(one.changed)}  {state:9}  {one.severity:8}  {one.rule}  {one.key}"
    return Text(_clean(f"{text}  {why[0]}" if why else text))


def _titled(title: str, body: RenderableType) -> RenderableType:
    return Panel(body, title=title, title_align="left", border_style="dim")


def _spark(values: Iterable[float | None]) -> str:
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    scale = (len(_BARS) - 1) / (high - low) if high > low else 0.0
    return "".join(_BARS[round((value - low) * scale)] for value in known[-16:])


def _moment(at: int | None, form: str = "%-d %b %Y %H:%M") -> str:
    return "none yet" if at is None else datetime.fromtimestamp(at / 1000, UTC).strftime(form)


def _short(at: int) -> str:
    return _moment(at, "%-d %b %H:%M")


def _span(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def _clean(text: str) -> str:
    """Nothing that a terminal would obey: what customers write ends up here."""
    return "".join(letter if letter.isprintable() else "·" for letter in text)


async def _pause(stop: asyncio.Event) -> None:
    try:
        await asyncio.wait_for(stop.wait(), BEAT_S)
    except TimeoutError:
        return
