"""Why a rule on a metric, on events that stop coming, or on what is new, fired or did not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pipeline.authoring.explanation import Step, step_of, times
from pipeline.effects import ALERTS
from pipeline.errors import UsageError
from pipeline.events.codec import moment
from pipeline.metrics.counts import OF_RULES
from pipeline.plural import plural
from pipeline.replay import Run
from pipeline.rules.compiled import BoardRule, Change, FirstRule, MetricRule, SilenceRule, Unusual
from pipeline.rules.look import Look, Sees, sees
from pipeline.rules.metric import alert_key
from pipeline.sources.files import Line
from pipeline.state.records import Series


class MetricStory:
    """One series against a rule on a metric or on what is new; or one event against a rule on silence."""

    def __init__(self, rule: BoardRule, subject: str, run: Run) -> None:
        self._rule, self._run = rule, run
        self._steps: list[Step] = []
        self._alerts = self._taken = 0
        self._sees: Sees | None = None
        self._nearest: tuple[float, int, Look] | None = None
        self._most = 0
        self._series: Series = ()
        self._key = subject
        if isinstance(rule, MetricRule):
            self._series = _series(rule, rule.dimensions, subject)
            self._sees = sees(rule)
            self._key = alert_key(rule.measured.key, self._series)
        elif isinstance(rule, FirstRule):
            self._series = _series(rule, rule.matches.dimensions, subject)
            self._key = alert_key(rule.matches.pattern.name, self._series)

    @property
    def batch(self) -> int:
        """Events until the next look: of few every one, of many fewer, for a look costs as much as an event."""
        return min(200, 1 + self._taken // 1_000)

    def take(self, lines: Sequence[Line]) -> None:
        """Take a batch, and look at the series as it is then."""
        self._run.take(lines)
        self._taken += len(lines)
        for alert in self._run.since(ALERTS, self._alerts):
            self._alerts += 1
            if alert["data"]["key"] == self._key:
                self._steps.append(step_of(alert))
        if self._sees is None or self._run.board_at < 0:
            return
        look = self._sees.look(self._series, self._run.now)
        self._most = max(self._most, look.samples)
        if look.result is not None and look.enough:
            missed = self._missed(look)
            if self._nearest is None or missed < self._nearest[0]:
                self._nearest = (missed, self._run.board_at, look)

    @property
    def steps(self) -> list[Step]:
        """All that happened."""
        return self._steps

    def now(self) -> Iterator[str]:
        """What it sees at the end."""
        if self._sees is not None and self._run.board_at >= 0:
            look = self._sees.look(self._series, self._run.now)
            if look.result is None:
                yield "there is no value"
            else:
                yield f"at {moment(self._run.board_at)} it is {self._sees.why_fired(look, '')[0]}"

    def verdict(self) -> str:
        """All of it in a sentence."""
        fired = [step for step in self._steps if step.fired]
        if fired:
            return f"It fired {times(fired)} at {moment(fired[0].at)}."
        if isinstance(self._rule, SilenceRule | FirstRule):
            return "It did not fire."
        if isinstance(self._rule.limit, Unusual) and self._nearest is None:
            return "It did not fire: what is usual is known from two weeks on."
        if self._nearest is None or self._sees is None:
            return (
                f"It did not fire: it never had the samples that it asks for ({self._rule.samples.words}); "
                f"{self._most} {plural(self._most, 'was', 'were')} the most."
            )
        missed, at, look = self._nearest
        held = "; it did not hold long enough" if missed <= 0 else ""
        return f"It did not fire. Nearest was {moment(at)}: {self._sees.why_fired(look, '')[0]}{held}."

    def _missed(self, look: Look) -> float:
        """By how much, in the metric's unit; 0: it holds."""
        assert isinstance(self._rule, MetricRule)
        assert look.result is not None
        if look.holds:
            return 0.0
        limit = self._rule.limit
        if isinstance(limit, Unusual):
            usual, _ = look.before
            moved = (look.result - usual) * (-1 if limit.by < 0 else 1)
            return max(abs(limit.by) * usual - moved, 1e-9)
        if isinstance(limit, Change):
            moved = (look.result - look.before[0]) * (-1 if limit.by < 0 else 1)
            return max(abs(limit.by) - moved, 1e-9)
        return max(abs(look.result - float(limit.right)), 1e-9)


def _series(rule: BoardRule, dimensions: tuple[str, ...], subject: str) -> Series:
    """The series that somebody means. Raises UsageError."""
    by = tuple(name for name in dimensions if not name.startswith(OF_RULES))
    place = tuple((name, "") for name in dimensions if name not in by)
    if not by:
        if subject != "total":
            raise UsageError(f'{rule.id} looks at the total; write "total" for what it is about')
        return place
    found = dict(part.partition("=")[::2] for part in subject.split(","))
    if tuple(sorted(found)) != by:
        example = ",".join(f"{name}=…" for name in by)
        raise UsageError(f'{rule.id} looks at {" and ".join(by)}; write for example "{example}"')
    return (*place, *sorted(found.items()))
