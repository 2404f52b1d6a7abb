"""Rules on a rolling metric."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from pipeline.metrics.counts import OF_RULES
from pipeline.rules.alerts import Alerts, reason
from pipeline.rules.compiled import AnyRule, MetricRule, Narrow
from pipeline.rules.look import Look, Now, Weekly, sees
from pipeline.rules.texts import shown
from pipeline.span import duration
from pipeline.state.records import Judgement, Series
from pipeline.state.ref import Ref, key_of, ref_of, what_of
from pipeline.state.timers import NEVER
from pipeline.step import Step


class MetricEpisodes:
    """Pending while the condition holds, firing after `hold`, resolved when it is clear.

    by: the dimensions of its series. windows: those that it looks at, the one that its metric is over first.
    """

    def __init__(self, rule: MetricRule, step: Step, alerts: Alerts) -> None:
        self._rule, self._step, self._alerts = rule, step, alerts
        self._sees = sees(rule)
        self.id, self.by, self.windows = rule.id, rule.dimensions, self._sees.windows
        self._is_narrow = bool(rule.only or rule.apart)
        self._only, self._apart = _all_of(rule.only), _any_of(rule.apart)

    def takes(self, series: Series) -> bool:
        """Is a series of its dimensions this rule's to judge?"""
        if not self._is_narrow:
            return True
        values = dict(series)
        return self._only(values) and not self._apart(values)

    def turns(self, now: Now) -> Sequence[int]:
        """When all series are to be judged (ms), whether or not anything is counted."""
        return self._sees.turns(now) if isinstance(self._sees, Weekly) else ()

    def judge(self, series: Series, now: Now) -> int | None:
        """Judge one series at a pane end. Returns when it must be judged again at the latest (ms), or None."""
        at = now.at
        ref = ref_of(self._rule.id, series_text(series))
        found = self._step.store.get(ref)
        episode = found if isinstance(found, Judgement) else Judgement()
        look = self._sees.look(series, now)
        if episode.fired:
            if look.result is None:
                self._resolve(ref, series, episode, at, "no_data", look)
            elif look.enough and look.clear:
                self._resolve(ref, series, episode, at, "cleared", look)
            return None
        if not look.enough or not look.holds:
            if found is not None:
                self._step.store.drop(ref)
            return None
        if episode.since < 0:
            episode.since, episode.key, episode.window = at, self._name(series), self._sees.name
            self._step.store.put(ref, episode, NEVER)
        if at - episode.since < self._rule.hold:
            return episode.since + self._rule.hold
        episode.fired = True
        self._step.store.put(ref, episode, NEVER)
        held = f", for {duration(self._rule.hold)}" if self._rule.hold else ""
        text, limit = self._sees.why_fired(look, held)
        why = reason(f"{self._title(series)} is {text}", [], look.result, limit) | {"samples": look.samples}
        self._alerts.fire(
            self._rule, self._name(series), None, str(episode.since), at, [why], values=self._values(series)
        )
        return None

    def open(self) -> Iterator[tuple[Series, int]]:
        """(series, when its `for` is over) of what is pending or firing, after a restore."""
        for ref, record in self._step.store.of(Judgement):
            if what_of(ref) == self._rule.id:
                yield msgspec.json.decode(key_of(ref), type=Series), record.since + self._rule.hold

    def goes_on(self, ref: Ref, episode: Judgement) -> bool:
        """Is an episode that was restored still about what this rule judges?"""
        series = msgspec.json.decode(key_of(ref), type=Series)
        same = tuple(name for name, _ in series) == self.by and self._name(series) == episode.key
        return same and self.takes(series) and episode.window == self._sees.name

    def _resolve(self, ref: Ref, series: Series, episode: Judgement, at: int, code: str, look: Look) -> None:
        text, limit = "there is no data any more", ""
        if look.result is not None:
            text, limit = self._sees.why_clear(look)
            text = f"{self._title(series)} is {text}"
        why = reason(text, [], look.result, limit) | {"samples": look.samples}
        self._alerts.resolve(
            self._rule, self._name(series), None, str(episode.since), at, code, why, self._values(series)
        )
        self._step.store.drop(ref)

    def _name(self, series: Series) -> str:
        return alert_key(self._rule.measured.key, series)

    def _values(self, series: Series) -> list[str]:
        return shown_of(self._rule, series)

    def _title(self, series: Series) -> str:
        return self._rule.measured.title.replace("{}", self._name(series), 1)


def _all_of(narrows: Sequence[Narrow]) -> Callable[[Mapping[str, str]], bool]:
    tests = [(name, comparison.test()) for narrow in narrows for name, comparison in narrow]
    return lambda values: all(test(values[name]) for name, test in tests)


def _any_of(narrows: Sequence[Narrow]) -> Callable[[Mapping[str, str]], bool]:
    tests = [_all_of([narrow]) for narrow in narrows]
    return lambda values: any(test(values) for test in tests)


def shown_of(rule: AnyRule, series: Series) -> list[str]:
    """The values of a series that the texts of a rule show."""
    values = dict(series)
    return [shown(values[name]) for name in rule.texts.fields]


def series_text(series: Series) -> str:
    """A series as a text that no two of them share."""
    return msgspec.json.encode(series).decode()


def alert_key(metric: str, series: Series) -> str:
    """What an alert on a series is about, such as nps{touchpoint=checkout}; of the total, nps."""
    values = [f"{name}={value}" for name, value in series if not name.startswith(OF_RULES)]
    return f"{metric}{{{','.join(values)}}}" if values else metric
