"""The board: global rolling metrics, and the rules on them.

It takes the shards' counts in the order of `cx.metrics` and is as pure as a shard.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from pipeline.effects import METRICS, Effects
from pipeline.events.codec import Enclosed, Record, Rejection, decode, millis
from pipeline.events.model import FOLLOW_UPS, Event, FollowUpData
from pipeline.followup.book import FollowUps
from pipeline.followup.clocks import BusinessClock
from pipeline.metrics.catalogue import COUNTED, Counts
from pipeline.metrics.catalogue import METRICS as METRIC_NAMES
from pipeline.metrics.counts import FEEDBACK, LEVELS, OF_RULES
from pipeline.metrics.fold import Counted, unfolded
from pipeline.metrics.rolling import Rolling, grouping
from pipeline.metrics.room import OTHER, Room
from pipeline.metrics.sample import counted
from pipeline.metrics.segment import UNCHANGED, MetricsRecord, Segment
from pipeline.metrics.shorthand import expanded, stands_for
from pipeline.metrics.values import Values
from pipeline.metrics.window import PANE, WINDOWS_KEPT, Window, pane_end
from pipeline.rules.alerts import Alert, Alerts
from pipeline.rules.compiled import RuleSet
from pipeline.rules.first import FirstEpisodes
from pipeline.rules.look import Now
from pipeline.rules.metric import MetricEpisodes
from pipeline.rules.silence import SilenceEpisodes
from pipeline.state.changelog import Changelog
from pipeline.state.logged import Position
from pipeline.state.records import (
    Counting,
    Familiar,
    FollowUp,
    Judgement,
    KnownValue,
    Level,
    Overflow,
    Pane,
    Remembered,
    Series,
    ShardPosition,
    Silence,
)
from pipeline.state.ref import Ref, key_of, part_of, ref_of, what_of
from pipeline.state.seen import Seen
from pipeline.state.store import Store
from pipeline.state.timers import NEVER
from pipeline.step import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardSettings:
    """value_limit: how many values of a dimension have a series of their own. metrics: those that are kept, windows: in which."""

    rules: RuleSet
    clock: BusinessClock
    metrics: Collection[str] = tuple(METRIC_NAMES)
    value_limit: int = 200
    windows: tuple[Window, ...] = WINDOWS_KEPT


class Board:
    """Sums panes into rolling windows, judges metric rules, and knows what is open. A Heart."""

    def __init__(self, settings: BoardSettings) -> None:
        self._store, self._seen = Store(), Seen()
        self._changelog = Changelog(
            self._store, self._seen,
            (Pane, ShardPosition, Level, KnownValue, Overflow, Judgement, Silence, Counting, Familiar),
        )  # fmt: skip
        self._step = Step(
            self._store, lambda record: {"topic": METRICS, "partition": 0, "offset": record.offset}
        )
        self._step.level, self._step.apart = self._level, self._apart
        self._room = Room(self._store, settings.value_limit, self._overflows)
        self._value_limit, self._labels = settings.value_limit, dict[str, int]()
        self.applied = -1
        self._shards: dict[str, ShardPosition] = {}
        self._use(settings)

    # --- what an engine calls -----------------------------------------------------------------------

    @property
    def watermark(self) -> int | None:
        """The lowest watermark of the shards, ms UTC; None while there is none."""
        return self._step.watermark if self._step.watermark >= 0 else None

    @property
    def at(self) -> int:
        """The last pane end that was judged (ms UTC); -1: none."""
        return self._rolling.at

    def apply(self, records: Iterable[Record]) -> Effects:
        """Take the shards' records in order of offset; those at or below `applied` are skipped."""
        records = [record for record in records if record.offset > self.applied]
        if not records:
            return Effects()
        if self.applied < 0:
            self._count_from(self.at)
        for record in records:
            self._step.record = record
            try:
                told = _decoder.decode(record.value or b"")
                segments = list(zip(told.segments, unfolded(told), strict=True))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
                self._step.reject(Rejection("field.wrong", f"no counts of a shard: {error}"), record.value)
                continue
            self._take(told.shard, segments)
        self.applied = records[-1].offset
        return self._effects()

    def restore(self, value: bytes) -> bool:
        """Take one record of the changelog, oldest first; is it the first image of a round? Raises StateError."""
        begins = self._changelog.load(value)
        self.applied = self._changelog.position.applied
        return begins

    def opened(self, waiting: bool) -> Effects:
        """After the last `restore`."""
        self._changelog.loaded()
        position = self._changelog.position
        self.applied = position.applied
        self._step.watermark = self._step.latest = position.watermark
        self._room.restored()
        self._shards = {key_of(ref): record for ref, record in self._store.of(ShardPosition)}
        self._begin(at=position.latest)
        return self._effects() if self._step.outputs else Effects()

    def adopt(self, settings: BoardSettings) -> Effects:
        """Go on with other rules behind the last record taken; what a rule that is gone has open is withdrawn."""
        at = self.at
        self._use(settings)
        self._begin(at)
        return self._effects() if self.applied >= 0 else Effects()

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

    def values(self) -> Values:
        """Every metric of every window and series that has a value now."""
        totals = [
            (window.name, series, dict(counts))
            for window in self._windows
            for series, counts in self._rolling.read(window).items()
        ]
        return Values(self.at, totals, self._kept)

    @property
    def now(self) -> Now:
        """What rules look at."""
        found = self._store.get(_COUNTING)
        counting = found if isinstance(found, Counting) else Counting()
        since = {name: at if at >= 0 else counting.first for name, at in counting.since.items()}
        return Now(self._rolling.totals, self.at, since if counting.first >= 0 else {})

    def kept(self) -> Collection[str]:
        """The metrics that are kept."""
        return self._kept

    def levels(self) -> Mapping[tuple[str, str], int]:
        """(name, label) → how many are open now."""
        return {(key_of(ref), part_of(ref)): record.n for ref, record in self._store.of(Level)}

    def heard(self) -> Mapping[str, int]:
        """Touchpoint → end of the newest pane in which customers say something about it (ms UTC)."""
        return dict(self._heard)

    def overflow(self) -> Mapping[str, int]:
        """Dimension → how many counts went to "other"."""
        return {label: n for (name, label), n in self.levels().items() if name == _OVERFLOW}

    # --- its rules ----------------------------------------------------------------------------------

    def _use(self, settings: BoardSettings) -> None:
        """Make all that depends on rules; what is remembered stays."""
        rules, self._windows = settings.rules, settings.windows
        self._kept = settings.metrics
        self._step.rules_version = rules.version
        self._follow_ups = FollowUps(self._step, rules.by_id(), settings.clock)
        alerts = self._alerts = Alerts(
            self._step, self._follow_ups.alert_fired, _never_retracted, hand_over=False
        )
        self._episodes = [MetricEpisodes(rule, self._step, alerts) for rule in rules.on_metrics()]
        self._firsts = [FirstEpisodes(rule, self._step, alerts) for rule in rules.on_first()]
        self._counted = rules.counted()
        self._silences = [SilenceEpisodes(rule, self._step, alerts) for rule in rules.on_silence()]
        #: The windows that some rule looks at, and the dimensions of the series in them.
        self._watched: dict[Window, set[tuple[str, ...]]] = {}
        for episodes in self._episodes:
            for window in episodes.windows:
                self._watched.setdefault(window, set()).add(episodes.by)
        for first in self._firsts:
            self._watched.setdefault(first.window, set()).add(first.by)
        self._rolling = Rolling(self._store, self._windows, self._watched)
        self._heard = dict[str, int]()
        self._revisit: dict[int, dict[Window, set[Series]]] = {}
        #: Pane ends at which all series are judged.
        self._revisit_all: set[int] = set()

    def _begin(self, at: int) -> None:
        """Make the windows' totals anew, and look at what is open. at: the last pane end that was judged."""
        self._rolling.restored(at)
        for end, series, counts in self._rolling.counted():
            self._hear(end, series, counts)
        self._count_from(at)
        for episodes in self._episodes:
            for series, again in episodes.open():
                self._look_again(episodes.windows[0], [series], again)
                self._look_again(episodes.windows[0], [series], self.at + PANE)
        # Late counts wait for the next pane end; which series they changed is not kept, so all are judged.
        for window, totals in self._rolling.totals.items():
            self._look_again(window, [*totals], self.at + PANE)
        self._withdraw_changed_rules()

    # --- the step -----------------------------------------------------------------------------------

    def _take(self, name: str, segments: list[tuple[Segment, list[Counted]]]) -> None:
        shard = self._shards.setdefault(name, ShardPosition())
        for segment, counts in segments:
            self._count(segment, counts)
            for event, since, at in segment.silences:
                self._silence(name, event, since, at)
            if segment.watermark != UNCHANGED:
                shard.watermark = segment.watermark
                self._advance()
        self._store.put(ref_of("@shard", name), shard, NEVER)

    def _count_from(self, at: int) -> None:
        """What rules want counted and was not is known from here on; -1: from the first count."""
        found = self._store.get(_COUNTING)
        if found is None and not self._counted:
            return
        counting = found if isinstance(found, Counting) else Counting()
        counting.since = {name: counting.since.get(name, at) for name in sorted(self._counted)}
        self._store.put(_COUNTING, counting, NEVER)
        self._plan_turns()

    def _counted_at(self, end: int) -> None:
        """Something is counted in the pane that ends there."""
        counting = self._store.get(_COUNTING)
        if isinstance(counting, Counting) and (end < counting.first or counting.first < 0):
            counting.first = end
            self._store.put(_COUNTING, counting, NEVER)
            self._plan_turns()

    def _plan_turns(self) -> None:
        now = self.now
        for episodes in self._episodes:
            for turn in episodes.turns(now):
                at = pane_end(turn, episodes.windows[0].pane)
                if at > self.at:
                    self._revisit_all.add(at)
                    self._rolling.schedule(at)

    def _count(self, segment: Segment, of: list[Counted]) -> None:
        by_end: dict[int, list[tuple[Series, dict[str, int]]]] = {}
        for end, series, counts in of:
            placed = self._room.place(series, end, counts)
            by_end.setdefault(end, []).append((placed, counts))
            self._hear(end, placed, counts)
        if by_end and self._counted:
            self._counted_at(min(by_end))
        for end, changes in by_end.items():
            for window in self._rolling.count(end, changes):
                self._look_again(window, [series for series, _ in changes], self.at + PANE)
        for name, label, change in segment.levels:
            self._level(name, self._placed(name, label), change)
        for raw in segment.followups:
            self._agent_acted(bytes(raw))

    def _hear(self, end: int, series: Series, counts: Counts) -> None:
        """Remember when customers last said something about a touchpoint."""
        if len(series) != 1 or series[0][0] != _TOUCHPOINT:
            return
        touchpoint = series[0][1]
        if end > self._heard.get(touchpoint, -1) and any(
            n > 0 and _is_feedback(name) for name, n in counts.items()
        ):
            self._heard[touchpoint] = end

    def _silence(self, shard: str, event: str, since: int, at: int) -> None:
        """Of a shard, events have stopped coming or (since -1) come again."""
        ref = ref_of("@silence", event)
        found = self._store.get(ref)
        silence = found if isinstance(found, Silence) else Silence()
        if since < 0:
            silence.shards.pop(shard, None)
        else:
            silence.shards[shard] = since
        self._store.put(ref, silence, NEVER)
        for episodes in self._silences:
            episodes.judge(event, silence, at)

    def _advance(self) -> None:
        """Judge every change and fire every timer strictly below the lowest watermark, in order of time."""
        marks = [shard.watermark for shard in self._shards.values() if shard.watermark is not None]
        # At the same watermark too: a silence that was told just now may have begun a clock that is over by then.
        if not marks or (low := min(marks)) < self._step.watermark:
            return
        self._step.watermark = self._step.latest = low
        while True:
            change, timer = self._rolling.next_change, self._store.timers.soonest
            if change < low and change <= timer:
                self._judge()
            elif timer < low:
                if (due := self._store.pop_due(timer + 1)) is not None:
                    self._wake(*due)
            else:
                break
        self._rolling.at = max(self.at, (low - 1) // PANE * PANE)

    def _judge(self) -> None:
        """Go to the next change, and see what the rules say to it."""
        changed = self._rolling.advance()
        revisited = self._revisit.pop(self.at, {})
        touched = {
            window: changed.get(window, set()) | revisited.get(window, set()) for window in self._watched
        }
        if self.at in self._revisit_all:
            self._revisit_all.remove(self.at)
            touched = {window: {*touched[window], *self._rolling.totals[window]} for window in touched}
        now = self.now
        asked: dict[tuple[tuple[Window, ...], tuple[str, ...]], list[Series]] = {}
        for episodes in self._episodes:
            what = (episodes.windows, episodes.by)
            if what not in asked:
                seen = {series for window in episodes.windows for series in touched[window]}
                asked[what] = sorted(series for series in seen if grouping(series) == episodes.by)
            for series in asked[what]:
                if not episodes.takes(series):
                    continue
                again = episodes.judge(series, now)
                if again is not None:
                    self._look_again(episodes.windows[0], [series], again)
        for first in self._firsts:
            for series in sorted(one for one in touched[first.window] if grouping(one) == first.by):
                first.judge(series, now)

    def _wake(self, wake: int, ref: Ref, record: Remembered) -> None:
        if isinstance(record, FollowUp):
            self._follow_ups.on_wake(ref, record, wake)
            return
        if isinstance(record, KnownValue):
            self._room.forget(ref)
        else:
            self._store.drop(ref)

    def _agent_acted(self, value: bytes) -> None:
        event = decode(Enclosed(value))
        if isinstance(event, Event) and isinstance(event, FOLLOW_UPS):
            data: FollowUpData = event.data
            if not self._follow_ups.agent_acted(event, data, millis(event.time)):
                self._follow_ups.unknown(event, data, value)

    def _withdraw_changed_rules(self) -> None:
        """Alerts of rules that are gone, or judge something else now, end as withdrawn."""
        judges: dict[str, MetricEpisodes | SilenceEpisodes] = {one.id: one for one in self._episodes}
        judges |= {one.id: one for one in self._silences}
        firsts = {one.id for one in self._firsts}
        found = [one for one in self._store if isinstance(one[1], FollowUp | Judgement | Familiar)]
        # In their order, so that the same is said wherever the state comes from.
        for ref, record in sorted(found, key=lambda one: one[0]):
            if isinstance(record, FollowUp):
                self._follow_ups.withdraw(ref, record)
            elif isinstance(record, Judgement):
                episodes = judges.get(what_of(ref))
                if episodes is None or not episodes.goes_on(ref, record):
                    if record.fired:
                        self._alerts.withdraw(what_of(ref), record.key, None, str(record.since))
                    self._store.drop(ref)
            elif what_of(ref) not in firsts:
                self._store.drop(ref)

    def _effects(self) -> Effects:
        outputs, self._step.outputs = self._step.outputs, []
        changelog, rotation = self._changelog.step(
            Position(applied=self.applied, watermark=self._step.watermark, latest=self.at)
        )
        return Effects(outputs, changelog, rotation)

    # --- small parts --------------------------------------------------------------------------------

    def _level(self, name: str, label: str, change: int) -> None:
        ref = ref_of("@level", name, label)
        found = self._store.get(ref)
        level = found if isinstance(found, Level) else Level()
        level.n += change
        self._store.put(ref, level, NEVER)

    def _placed(self, name: str, label: str) -> str:
        """The label with which something is counted now: a value that found no room never has one of its own."""
        if not LEVELS.get(name) or not label or self._store.get(ref_of("@level", name, label)) is not None:
            return label
        if name not in self._labels:
            self._labels[name] = sum(1 for ref, _ in self._store.of(Level) if key_of(ref) == name)
        if self._labels[name] >= self._value_limit:
            return OTHER
        self._labels[name] += 1
        return label

    def _apart(self, at: int, series: Series, name: str, n: int, sign: int) -> None:
        """Count a sample of what the board does itself."""
        counts = {told: sign * number for told, number in counted((at, name, n))}
        end = pane_end(at)
        placed = self._room.place(series, end, counts)
        for window in self._rolling.count(end, [(placed, counts)]):
            self._look_again(window, [placed], self.at + PANE)

    def _overflows(self, dimension: str, counts: Counts) -> None:
        """Count the answers, reviews and replies that found no room, and what rules count."""
        n = sum(
            number
            for name, number in expanded(counts).items()
            if name in COUNTED or name.startswith(OF_RULES)
        )
        self._level(_OVERFLOW, dimension, n)

    def _look_again(self, window: Window, series: Iterable[Series], at: int) -> None:
        """Judge at the window's first pane end from `at` on, whether or not its panes change there."""
        if window in self._watched:
            at = pane_end(at, window.pane)
            self._revisit.setdefault(at, {}).setdefault(window, set()).update(series)
            self._rolling.schedule(at)


@lru_cache(maxsize=10_000)
def _is_feedback(name: str) -> bool:
    """Does what has this name tell what a customer says?"""
    return any(count in FEEDBACK for count, _ in stands_for(name))


_TOUCHPOINT = "touchpoint"
_OVERFLOW = "dimension_overflow"
_COUNTING: Ref = ref_of("@counting", "")
_decoder = msgspec.json.Decoder(MetricsRecord)


def _never_retracted(alert: Alert, at: int) -> None:
    raise AssertionError("an alert on a metric is resolved, not retracted")
