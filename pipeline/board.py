"""The board: global rolling metrics, and the rules on them.

It takes the shards' counts in the order of `cx.metrics` and is as pure as a shard. Windows slide in
panes; a window's total changes only when a pane enters or leaves it, so the board goes from change to
change instead of through every pane, and gives what going through every pane would give.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from pipeline.effects import METRICS, Effects
from pipeline.events.codec import Record, Rejection, decode, millis
from pipeline.events.model import FOLLOW_UPS, Event, FollowUpData
from pipeline.followup.book import FollowUp, FollowUps
from pipeline.followup.clocks import BusinessClock
from pipeline.metrics.catalogue import COUNTED, WINDOWS
from pipeline.metrics.catalogue import METRICS as CATALOGUE
from pipeline.metrics.tally import UNCHANGED, MetricsRecord, Segment, Series
from pipeline.metrics.window import PANE, Window, pane_end
from pipeline.rules.alerts import Alert, Alerts
from pipeline.rules.compiled import RuleSet
from pipeline.rules.metric import Judgement, MetricEpisodes
from pipeline.span import DAY
from pipeline.state.changelog import Changelog, Position
from pipeline.state.seen import Seen
from pipeline.state.store import NEVER, Ref, Remembered, Store
from pipeline.step import Step

WINDOWS_KEPT = tuple(Window(name, length) for name, length in WINDOWS.items())
#: For each length of pane, the longest window that is made of it (ms).
_KEPT = {
    pane: max(w.length for w in WINDOWS_KEPT if w.pane == pane) for pane in {w.pane for w in WINDOWS_KEPT}
}
#: Counts by series and name; and what is to be added to them.
Sums = dict[Series, dict[str, int]]
Changes = Iterable[tuple[Series, Mapping[str, int]]]
OTHER = "other"
#: A value of a dimension makes room for another when it was not seen for so long (ms).
_UNSEEN = 35 * DAY


class Pane(Remembered, kw_only=True):
    """What was counted in one pane, by series."""

    counts: Sums = msgspec.field(default_factory=dict)


class ShardPosition(Remembered, kw_only=True):
    """How far a shard has come. watermark: ms, or None."""

    watermark: int | None = None


class Level(Remembered, kw_only=True):
    """How many are open now."""

    n: int = 0


class KnownValue(Remembered, kw_only=True):
    """A value of a dimension that has a series of its own. since: for panes that end later (ms)."""

    since: int = -1


class Overflow(Remembered, kw_only=True):
    """A dimension that had no room. until: the latest pane end (ms) of which something went to "other"."""

    until: int = -1


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One metric of one window and series. at: the pane end it was judged at (ms UTC)."""

    metric: str
    window: str
    dimension: str
    value: str
    at: int
    result: float
    samples: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSettings:
    """value_limit: how many values of a dimension have a series of their own."""

    rules: RuleSet
    clock: BusinessClock
    value_limit: int = 200


class Board:
    """Sums panes into rolling windows, judges metric rules, and knows what is open. A Heart."""

    def __init__(self, settings: BoardSettings) -> None:
        self._settings = settings
        self._store, self._seen = Store(), Seen()
        self._changelog = Changelog(
            self._store, self._seen, (Pane, ShardPosition, Level, KnownValue, Overflow, Judgement, FollowUp)
        )
        self._step = Step(
            self._store, settings.rules.version, self._level,
            lambda record: {"topic": METRICS, "partition": 0, "offset": record.offset},
        )  # fmt: skip
        self._follow_ups = FollowUps(self._step, settings.rules.by_id(), settings.clock)
        alerts = self._alerts = Alerts(
            self._step, self._follow_ups.alert_fired, _never_retracted, hand_over=False
        )
        self._episodes: dict[Window, list[MetricEpisodes]] = {window: [] for window in WINDOWS_KEPT}
        for rule in settings.rules.on_metrics():
            episodes = MetricEpisodes(rule, self._step, alerts)
            self._episodes[episodes.window].append(episodes)
        self.applied = -1
        #: The last pane end that was judged (ms).
        self.at = -1
        self._totals: dict[Window, Sums] = {window: {} for window in WINDOWS_KEPT}
        self._changes: list[int] = []
        self._scheduled: set[int] = set()
        self._revisit: dict[int, dict[Window, set[Series]]] = {}
        self._shards: dict[str, ShardPosition] = {}
        self._known_values: dict[str, int] = {}
        self._admitted: dict[Series, int] = {}

    # --- what an engine calls -----------------------------------------------------------------------

    @property
    def watermark(self) -> int | None:
        """The lowest watermark of the shards, ms UTC; None while there is none."""
        return self._step.watermark if self._step.watermark >= 0 else None

    def apply(self, records: Sequence[Record]) -> Effects:
        """Take the shards' records in order of offset; those at or below `applied` are skipped."""
        records = [record for record in records if record.offset > self.applied]
        if not records:
            return Effects()
        for record in records:
            self._step.record = record
            try:
                counted = _decoder.decode(record.value or b"")
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                self._step.reject(Rejection("field.wrong", f"no counts of a shard: {error}"), record.value)
                continue
            self._take(counted)
        self.applied = records[-1].offset
        return self._effects()

    def restore(self, value: bytes) -> None:
        """Take one record of the changelog, oldest first. Raises StateError."""
        self._changelog.load(value)

    def opened(self, waiting: bool) -> Effects:
        """After the last `restore`: make the windows' totals anew."""
        self._changelog.loaded()
        position = self._changelog.position
        self.applied, self.at = position.applied, position.latest
        self._step.watermark = self._step.latest = position.watermark
        for (what, key, _), record in self._store:
            if isinstance(record, ShardPosition):
                self._shards[key] = record
            elif isinstance(record, KnownValue):
                self._known_values[key] = self._known_values.get(key, 0) + 1
            elif isinstance(record, Pane):
                end = int(key)
                for window in _MADE_OF[what]:
                    if self.at - window.length < end <= self.at:
                        _add(self._totals[window], record.counts.items())
                self._plan(end)
        for window, judges in self._episodes.items():
            for episodes in judges:
                for series, at in episodes.open():
                    self._look_again(window, [series], at)
                    self._look_again(window, [series], self.at + PANE)
            # Late counts wait for the next pane end; which series they changed is not kept, so all are judged.
            self._look_again(window, [*self._totals[window]], self.at + PANE)
        self._withdraw_changed_rules()
        return self._effects() if self._step.outputs else Effects()

    def snapshot(self) -> list[bytes]:
        """The whole state, as records that `restore` takes."""
        return self._changelog.snapshot(
            Position(applied=self.applied, watermark=self._step.watermark, latest=self.at)
        )

    def tick(self, now: int) -> bytes | None:
        """The board's time moves by the shards' alone."""
        return None

    def stats(self) -> Mapping[str, int]:
        """Counters since this board was made."""
        return {**self._step.counts, "open.records": len(self._store)}

    # --- what dashboards read -----------------------------------------------------------------------

    def values(self) -> Iterator[MetricValue]:
        """Every metric of every window and series that has a value now."""
        for window, totals in self._totals.items():
            for series, counts in totals.items():
                for metric in CATALOGUE.values():
                    result = metric.result(counts)
                    if result is not None:
                        dimension, value = (
                            ",".join(d for d, _ in series) or "total",
                            ",".join(v for _, v in series),
                        )
                        yield MetricValue(
                            metric.name,
                            window.name,
                            dimension,
                            value,
                            self.at,
                            result,
                            metric.samples(counts),
                        )

    def levels(self) -> Mapping[tuple[str, str], int]:
        """(name, label) → how many are open now."""
        return {(ref[1], ref[2]): record.n for ref, record in self._store if isinstance(record, Level)}

    def overflow(self) -> Mapping[str, int]:
        """Dimension → how many counts went to "other"."""
        return {label: n for (name, label), n in self.levels().items() if name == _OVERFLOW}

    # --- the step -----------------------------------------------------------------------------------

    def _take(self, record: MetricsRecord) -> None:
        shard = self._shards.setdefault(record.shard, ShardPosition())
        for segment in record.segments:
            self._count(segment)
            if segment.watermark != UNCHANGED:
                shard.watermark = segment.watermark
                self._advance()
        self._store.put(("@shard", record.shard, ""), shard, NEVER)

    def _count(self, segment: Segment) -> None:
        by_end: dict[int, list[tuple[Series, dict[str, int]]]] = {}
        for end, series, counts in segment.counts:
            by_end.setdefault(end, []).append((self._within_limit(series, end, counts), counts))
        for end, changes in by_end.items():
            self._plan(end)
            for what in _MADE_OF:
                self._add_to_pane(what, end, changes)
        for name, label, change in segment.levels:
            self._level(name, label, change)
        for raw in segment.followups:
            self._agent_acted(bytes(raw))

    def _add_to_pane(self, what: str, end: int, changes: Sequence[tuple[Series, Mapping[str, int]]]) -> None:
        windows = _MADE_OF[what]
        end, longest = pane_end(end, windows[0].pane), max(window.length for window in windows)
        if end <= self.at - longest:
            return  # no window reaches back so far
        if what != _FINE and end > self.at:
            return  # it is summed up when it is over
        ref = (what, str(end), "")
        found = self._store.get(ref)
        pane = found if isinstance(found, Pane) else Pane()
        _add(pane.counts, changes)
        self._store.put(ref, pane, end + longest)
        for window in windows:
            if self.at - window.length < end <= self.at:
                _add(self._totals[window], changes)
                self._look_again(window, [series for series, _ in changes], self.at + PANE)

    def _sum_up(self, what: str, end: int) -> None:
        """Make a pane that is over of the 5 min panes in it: less work than to add every count to both."""
        windows, sums = _MADE_OF[what], Pane()
        for part in range(end - windows[0].pane + PANE, end + 1, PANE):
            pane = self._store.get((_FINE, str(part), ""))
            if isinstance(pane, Pane):
                _add(sums.counts, pane.counts.items())
        if sums.counts:
            self._store.put((what, str(end), ""), sums, end + max(window.length for window in windows))

    def _advance(self) -> None:
        """Judge every change and fire every timer strictly below the lowest watermark, in order of time."""
        marks = [shard.watermark for shard in self._shards.values() if shard.watermark is not None]
        if not marks or (low := min(marks)) <= self._step.watermark:
            return
        self._step.watermark = self._step.latest = low
        while True:
            change = self._changes[0] if self._changes else NEVER
            timer = self._store.timers.soonest
            if change < low and change <= timer:
                self._scheduled.discard(heapq.heappop(self._changes))
                self._judge(change)
            elif timer < low:
                if (due := self._store.pop_due(timer + 1)) is not None:
                    self._wake(*due)
            else:
                break
        self.at = max(self.at, (low - 1) // PANE * PANE)

    def _judge(self, at: int) -> None:
        """The panes that enter or leave at this pane end, and what the rules say to it."""
        self.at = at
        for what, (window, *_) in _MADE_OF.items():
            if what != _FINE and at % window.pane == 0:
                self._sum_up(what, at)
        revisited = self._revisit.pop(at, {})
        for window, judges in self._episodes.items():
            touched = revisited.get(window, set())
            for end, move in ((at, _add), (at - window.length, _take_out)):
                pane = self._store.get((_pane_of(window), str(end), ""))
                if isinstance(pane, Pane):
                    move(self._totals[window], pane.counts.items())
                    if judges:
                        touched.update(pane.counts)
            for episodes in judges:
                for series in sorted(series for series in touched if _grouping(series) == episodes.by):
                    again = episodes.judge(series, self._totals[window].get(series, {}), at)
                    if again is not None:
                        self._look_again(window, [series], again)

    def _wake(self, wake: int, ref: Ref, record: Remembered) -> None:
        if isinstance(record, FollowUp):
            self._follow_ups.on_wake(ref, record, wake)
            return
        if isinstance(record, KnownValue):
            self._known_values[ref[1]] -= 1
            self._admitted.clear()
        self._store.drop(ref)

    def _agent_acted(self, value: bytes) -> None:
        event = decode(_Passed(value))
        if isinstance(event, Event) and isinstance(event, FOLLOW_UPS):
            data: FollowUpData = event.data
            if not self._follow_ups.agent_acted(event, data, millis(event.time)):
                self._follow_ups.unknown(event, data, value)

    def _withdraw_changed_rules(self) -> None:
        """Alerts of rules that are gone, or judge something else now, end as withdrawn."""
        judges = {episodes.id: episodes for some in self._episodes.values() for episodes in some}
        for ref, record in list(self._store):
            if isinstance(record, FollowUp):
                self._follow_ups.withdraw(ref, record)
            elif isinstance(record, Judgement):
                episodes = judges.get(ref[0])
                if episodes is None or not episodes.goes_on(ref, record):
                    if record.fired:
                        self._alerts.withdraw(ref[0], record.key, None, str(record.since))
                    self._store.drop(ref)

    def _effects(self) -> Effects:
        outputs, self._step.outputs = self._step.outputs, []
        changelog, rotation = self._changelog.step(
            Position(applied=self.applied, watermark=self._step.watermark, latest=self.at)
        )
        return Effects(outputs, changelog, rotation)

    # --- small parts --------------------------------------------------------------------------------

    def _level(self, name: str, label: str, change: int) -> None:
        ref = ("@level", name, label)
        found = self._store.get(ref)
        level = found if isinstance(found, Level) else Level()
        level.n += change
        self._store.put(ref, level, NEVER)

    def _within_limit(self, series: Series, end: int, counts: Mapping[str, int]) -> Series:
        """The series with "other" where a value has no room; known ones are noted as seen once a day."""
        found = self._admitted.get(series)
        if found is not None and end <= found:
            return series
        kept = tuple((name, self._known(name, value, end, counts)) for name, value in series)
        if kept == series and not any(self._store.get(("@overflow", name, "")) for name, _ in series):
            self._admitted[series] = end + DAY
        return kept

    def _known(self, dimension: str, value: str, end: int, counts: Mapping[str, int]) -> str:
        """The value, if it has or may have a series of its own in this pane; else "other".

        In panes of which something went to "other", a value that found room later stays there: what is
        taken out of a pane leaves the series that it went to.
        """
        ref = ("@value", dimension, value)
        overflow_ref = ("@overflow", dimension, "")
        overflow = self._store.get(overflow_ref)
        until = overflow.until if isinstance(overflow, Overflow) else -1
        found = self._store.get(ref)
        if not isinstance(found, KnownValue):
            full = self._known_values.get(dimension, 0) >= self._settings.value_limit
            if full or end <= until:
                if full:
                    overflow = overflow if isinstance(overflow, Overflow) else Overflow()
                    overflow.until = max(until, end)
                    self._store.put(overflow_ref, overflow, overflow.until + _UNSEEN)
                    self._level(_OVERFLOW, dimension, _answers(counts))
                return OTHER
            self._known_values[dimension] = self._known_values.get(dimension, 0) + 1
            found = KnownValue(since=until)
        self._store.put(ref, found, max(found.wake, end + _UNSEEN))
        return value if end > found.since else OTHER

    def _plan(self, end: int) -> None:
        """What is counted in the pane that ends there enters and leaves the windows at these moments."""
        for window in WINDOWS_KEPT:
            enters = pane_end(end, window.pane)
            self._schedule(enters)
            self._schedule(enters + window.length)

    def _schedule(self, at: int) -> None:
        if at > self.at and at not in self._scheduled:
            self._scheduled.add(at)
            heapq.heappush(self._changes, at)

    def _look_again(self, window: Window, series: Iterable[Series], at: int) -> None:
        """Judge at the window's first pane end from `at` on, whether or not its panes change there."""
        if self._episodes[window]:
            at = pane_end(at, window.pane)
            self._revisit.setdefault(at, {}).setdefault(window, set()).update(series)
            self._schedule(at)


@lru_cache(maxsize=64)
def _pane_of(window: Window) -> str:
    """What remembers the panes of a window."""
    return f"@pane/{window.pane}"


@lru_cache(maxsize=10_000)
def _grouping(series: Series) -> tuple[str, ...]:
    """The dimensions of a series."""
    return tuple(name for name, _ in series)


#: The windows that are made of each kind of pane.
_MADE_OF = {
    what: tuple(window for window in WINDOWS_KEPT if _pane_of(window) == what)
    for what in sorted({_pane_of(window) for window in WINDOWS_KEPT})
}
#: The panes that the shards count in; longer ones are made of them.
_FINE = f"@pane/{PANE}"
_OVERFLOW = "dimension_overflow"
_decoder = msgspec.json.Decoder(MetricsRecord)


@dataclass(frozen=True, slots=True)
class _Passed:
    """An event that came inside another record."""

    value: bytes
    offset: int = 0
    timestamp: int = 0
    key: None = None
    headers: Sequence[tuple[str, bytes]] = ()


def _answers(counts: Mapping[str, int]) -> int:
    """How many answers, reviews and replies are counted."""
    return sum(counts.get(name, 0) for name in COUNTED)


def _add(sums: Sums, changes: Changes) -> None:
    for series, counts in changes:
        into = sums.get(series)
        if into is None:
            sums[series] = dict(counts)
        else:
            for name, count in counts.items():
                into[name] = into.get(name, 0) + count


def _take_out(sums: Sums, changes: Changes) -> None:
    """What nothing is left of goes."""
    for series, counts in changes:
        of = sums.setdefault(series, {})
        for name, count in counts.items():
            left = of.get(name, 0) - count
            if left:
                of[name] = left
            else:
                of.pop(name, None)
        if not of:
            del sums[series]


def _never_retracted(alert: Alert, at: int) -> None:
    raise AssertionError("an alert on a metric is resolved, not retracted")
