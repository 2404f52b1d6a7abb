"""Whether the pipeline keeps up, in one word and one sentence, with the reasons.

What a worker says of itself is not taken on trust: a partition that has records to apply and does
not apply any is stuck, whatever it calls itself.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.effects import TOUCHPOINTS
from pipeline.observe.views import (
    OPENING,
    REBUILDING,
    RESTORING,
    RUNNING,
    STUCK,
    Health,
    PartitionView,
)
from pipeline.plural import counted

#: A lag of so many events, or of so many seconds at the present rate, is no lag worth a word.
SMALL_LAG, SMALL_LAG_S = 100, 2.0
#: A lag must last so long before it is called one.
PATIENCE_S = 3.0
#: Records wait and none was applied for so long: stuck.
STALLED_S = 15.0
#: The rate is measured over so many seconds.
RATE_S = 5.0

HEALTHY, BEHIND, WAITING = "healthy", "behind", "waiting"


@dataclass(frozen=True, slots=True)
class Truth:
    """How the pipeline is.

    state: healthy, behind, restoring, waiting or stuck. sentence: that, as a person would say it.
    reasons: what is wrong, one sentence each, the worst first.
    applied: events applied since the hearts of these partitions were made.
    rate: events a second, wall clock; None while it is not known.
    lag: events still to apply; None while it is not known of a partition.
    watermark: the lowest of the partitions that have one, ms UTC: all before it has been seen.
    """

    state: str
    sentence: str
    reasons: tuple[str, ...] = ()
    applied: int = 0
    rate: float | None = None
    lag: int | None = None
    watermark: int | None = None


@dataclass(slots=True)
class _Seen:
    """A partition at the last beat: where it stood, what it had counted, since when it waits without a step."""

    offset: int
    count: int
    waits_since: float | None


@dataclass(slots=True)
class Pulse:
    """Watches the health from beat to beat."""

    _seen: dict[str, _Seen] = field(default_factory=dict)
    _steps: deque[tuple[float, int]] = field(default_factory=deque)
    _behind_since: float | None = None

    def beat(self, health: Health, now: float) -> Truth:
        """Look once. now: seconds of a clock that never goes back."""
        views = sorted(health.partitions(), key=lambda view: (view.topic, view.partition))
        events = [view for view in views if view.of_events]
        self._watch(views, now)
        rate = self._rate(now)
        lags = [view.lag for view in events]
        lag = None if None in lags else sum(one for one in lags if one is not None)
        watermarks = [view.watermark for view in events or views if view.watermark is not None]
        state, sentence, reasons = self._judge(health, views, lag, rate, now)
        return Truth(
            state=state,
            sentence=sentence,
            reasons=tuple(reasons),
            applied=sum(applied(view) for view in events),
            rate=rate,
            lag=lag if events else None,
            watermark=min(watermarks, default=None),
        )

    def _watch(self, views: Sequence[PartitionView], now: float) -> None:
        before, self._seen = self._seen, {}
        step = 0
        for view in views:
            count = applied(view)
            known = before.get(view.name)
            if view.of_events and known is not None:
                step += max(0, count - known.count)
            waits_since: float | None = None
            if view.state == RUNNING and view.lag and view.lag > view.undecided:
                stands = known is not None and known.offset == view.applied
                waits_since = known.waits_since if known is not None and stands else None
                waits_since = now if waits_since is None else waits_since
            self._seen[view.name] = _Seen(view.applied, count, waits_since)
        self._steps.append((now, step))
        while self._steps[0][0] < now - RATE_S:
            self._steps.popleft()

    def _rate(self, now: float) -> float | None:
        oldest = self._steps[0][0]
        if now - oldest < 0.5:
            return None
        return sum(step for at, step in self._steps if at > oldest) / (now - oldest)

    def _stalled(self, views: Iterable[PartitionView], now: float) -> list[str]:
        found = []
        for view in views:
            since = self._seen[view.name].waits_since
            if since is not None and now - since >= STALLED_S:
                found.append(
                    f"{view.name} has {counted(view.lag or 0, 'record')} to apply "
                    f"and has not moved for {now - since:.0f} s."
                )
        return found

    def _judge(
        self, health: Health, views: Sequence[PartitionView], lag: int | None, rate: float | None, now: float
    ) -> tuple[str, str, list[str]]:
        dead = [_sentence(reason) for reason in health.alive()]
        stuck = [f"{view.name} says that it is stuck." for view in views if view.state == STUCK]
        stuck += self._stalled(views, now)
        unready = [_sentence(reason) for reason in health.ready()]
        lost = [
            f"Retention took {counted(view.lost, 'record')} of {view.name} away before they were applied."
            for view in views
            if view.lost
        ]
        warnings = [_sentence(warning) for warning in health.warnings()]
        reasons = [*dict.fromkeys([*dead, *stuck, *lost, *unready, *warnings])]
        events_wait = lag is not None and lag > max(SMALL_LAG, SMALL_LAG_S * (rate or 0.0))
        counts_wait = sum(view.lag or 0 for view in views if not view.of_events)
        behind = self._for_a_while(events_wait or counts_wait > SMALL_LAG, now)
        opening = [view for view in views if view.state in {OPENING, RESTORING, REBUILDING}]
        if dead or stuck:
            return STUCK, "Stuck. What is below may be out of date.", reasons
        if unready and not opening:
            return WAITING, "Not ready.", reasons
        if not views:
            return HEALTHY, "Standing by. Other workers hold the partitions.", reasons
        if opening:
            share = _share(opening)
            does = "Rebuilding" if any(view.state == REBUILDING for view in opening) else "Restoring"
            return (
                RESTORING,
                f"{does} {len(opening)} of {counted(len(views), 'partition')}{share}.",
                reasons,
            )
        if others := [view for view in views if view.state != RUNNING]:
            return WAITING, f"{counted(len(others), 'partition')} {others[0].state}.", reasons
        if any(view.lag is None for view in views):
            return WAITING, "How much there is to do is not known yet.", reasons
        if behind and events_wait:
            ahead = f", {(lag or 0) / rate:,.0f} s of work at this rate" if rate else ""
            return BEHIND, f"Behind by {counted(lag or 0, 'event')}{ahead}.", reasons
        if behind:
            return BEHIND, f"The metrics are behind by {counted(counts_wait, 'record')} of counts.", reasons
        if lost:
            return BEHIND, "Up to date, but records were lost.", reasons
        if warnings:
            return BEHIND, "Up to date, but something is to be mended.", reasons
        if all(view.applied < 0 for view in views):
            return HEALTHY, "Running. No event has come in yet.", reasons
        return HEALTHY, "Up to date. Every partition is running.", reasons

    def _for_a_while(self, behind: bool, now: float) -> bool:
        """It lasts longer than a batch takes."""
        if not behind:
            self._behind_since = None
            return False
        if self._behind_since is None:
            self._behind_since = now
        return now - self._behind_since >= PATIENCE_S


def applied(view: PartitionView) -> int:
    """Events that a partition's heart took; where it does not count, where it stands in its log.

    Ticks are no events, and the reviews that are forwarded to a customer were counted where they came from.
    """
    if not view.stats:
        return view.applied + 1
    forwarded = "type.cx.review." if view.topic == TOUCHPOINTS else "type.cx.clock."
    return sum(
        count
        for name, count in view.stats.items()
        if name.startswith("type.cx.")
        and not name.startswith((forwarded, "type.cx.clock.", "type.cx.alert."))
    )


def _share(views: Sequence[PartitionView]) -> str:
    to_restore = sum(view.to_restore for view in views)
    if to_restore <= 0:
        return ""
    return f", {min(1.0, sum(view.restored for view in views) / to_restore):.0%} read"


def _sentence(text: str) -> str:
    text = text.strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
