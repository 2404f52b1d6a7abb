"""Rules on a rolling metric."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from pipeline.metrics.catalogue import METRICS, WINDOWS
from pipeline.metrics.window import Window
from pipeline.rules.alerts import Alerts, reason
from pipeline.rules.compiled import MetricRule
from pipeline.span import duration
from pipeline.state.records import Judgement, Ref, Series
from pipeline.state.timers import NEVER
from pipeline.step import Step


class MetricEpisodes:
    """Pending while the condition holds, firing after `hold`, resolved when it is clear."""

    def __init__(self, rule: MetricRule, step: Step, alerts: Alerts) -> None:
        self._rule, self._step, self._alerts = rule, step, alerts
        self._metric = METRICS[rule.metric]
        self._limit, self._enough = rule.limit.test(), rule.samples.test()
        self._clear = rule.clear.test() if rule.clear is not None else None
        self.id, self.by = rule.id, rule.by
        self.window = next(Window(name, length) for name, length in WINDOWS.items() if length == rule.window)

    def judge(self, series: Series, counts: Mapping[str, int], at: int) -> int | None:
        """Judge one series at a pane end (ms). Returns when it must be judged again at the latest, or None."""
        ref = (self._rule.id, series_text(series), "")
        found = self._step.store.get(ref)
        episode = found if isinstance(found, Judgement) else Judgement()
        samples, result = self._metric.samples(counts), self._metric.result(counts)
        enough = result is not None and self._enough(samples)
        if episode.fired:
            if result is None:
                self._resolve(ref, series, episode, at, "no_data", None, samples)
            elif enough and (self._clear(result) if self._clear else not self._limit(result)):
                self._resolve(ref, series, episode, at, "cleared", result, samples)
            return None
        if not enough or not self._limit(result):
            if found is not None:
                self._step.store.drop(ref)
            return None
        if episode.since < 0:
            episode.since, episode.key, episode.window = at, self._name(series), self.window.name
            self._step.store.put(ref, episode, NEVER)
        if at - episode.since < self._rule.hold:
            return episode.since + self._rule.hold
        assert result is not None
        episode.fired = True
        self._step.store.put(ref, episode, NEVER)
        held = f", for {duration(self._rule.hold)}" if self._rule.hold else ""
        text = (
            f"{self._name(series)} is {result:.4g} over {self.window.name} ({self._rule.limit.words}){held}, "
            f"from {samples} samples"
        )
        why = reason(text, [], result, str(self._rule.limit)) | {"samples": samples}
        self._alerts.fire(self._rule, self._name(series), None, str(episode.since), at, [why])
        return None

    def open(self) -> Iterator[tuple[Series, int]]:
        """(series, when its `for` is over) of what is pending or firing, after a restore."""
        for ref, record in self._step.store.of(Judgement):
            if ref[0] == self._rule.id:
                yield msgspec.json.decode(ref[1], type=Series), record.since + self._rule.hold

    def goes_on(self, ref: Ref, episode: Judgement) -> bool:
        """Is an episode that was restored still about what this rule judges?"""
        series = msgspec.json.decode(ref[1], type=Series)
        same = tuple(name for name, _ in series) == self.by and self._name(series) == episode.key
        return same and episode.window == self.window.name

    def _resolve(
        self,
        ref: Ref,
        series: Series,
        episode: Judgement,
        at: int,
        code: str,
        result: float | None,
        samples: int,
    ) -> None:
        limit = str(self._rule.clear) if self._rule.clear is not None else f"not {self._rule.limit}"
        text = (
            f"{self._name(series)} is {result:.4g}, clear at {limit}"
            if result is not None
            else "there is no data any more"
        )
        why = reason(text, [], result, limit) | {"samples": samples}
        self._alerts.resolve(self._rule, self._name(series), None, str(episode.since), at, code, why)
        self._step.store.drop(ref)

    def _name(self, series: Series) -> str:
        return (
            f"{self._rule.metric}{{{','.join(f'{name}={value}' for name, value in series)}}}"
            if series
            else self._rule.metric
        )


def series_text(series: Series) -> str:
    """A series as a text that no two of them share."""
    return msgspec.json.encode(series).decode()
