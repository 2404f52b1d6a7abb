"""Once per key and span: which matches of a rule are held."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pipeline.rules.compiled import AnyRule
from pipeline.state.records import Cooldown
from pipeline.state.ref import Ref, ref_of
from pipeline.step import CORRECTION, Step

#: So many firings and held matches of a key are kept at most.
_KEPT: Final = 32


class Once:
    """The cooldown of one rule. Without `every` nothing is ever held.

    apart: ms of a cooldown that each part of a key has for itself, where the rule says nothing.
    """

    def __init__(self, rule: AnyRule, step: Step, apart: int | None = None) -> None:
        self._every = rule.every if rule.every is not None else apart
        self._apart = rule.every is None
        self._step, self._id, self._what = step, rule.id, f"{rule.id}/once"

    def holds(self, key: str, at: int, part: str = "", episode: str | None = None) -> bool:
        """Is a match at `at` held? With an episode it is remembered, for it may have to fire later."""
        if self._every is None:
            return False
        ref = self._ref(key, part)
        record = self._step.store.get(ref)
        if record is None or not isinstance(record, Cooldown) or not self._within(record, at):
            return False
        record.held += 1
        self._step.count(f"held.{self._id}")
        if episode is not None:
            record.waiting = [*record.waiting, (at, part, episode, record.firings[-1][1])][-_KEPT:]
        self._keep(ref, record)
        return True

    def fired(self, key: str, at: int, alert_id: str, part: str = "") -> None:
        """Begin a cooldown."""
        if self._every is None:
            return
        ref = self._ref(key, part)
        record = self._step.store.get(ref)
        if record is None or not isinstance(record, Cooldown):
            record = Cooldown()
        record.firings = [*record.firings, (at, alert_id)][-_KEPT:]
        self._keep(ref, record)

    def held(self, key: str, part: str = "") -> int:
        """How many matches of a key have been held."""
        record = self._step.store.get(self._ref(key, part)) if self._every is not None else None
        return record.held if record is not None and isinstance(record, Cooldown) else 0

    def released(self, key: str, alert_id: str) -> Iterable[tuple[int, str, str]]:
        """A firing was retracted: yields those of its held matches that no other firing holds, one by one, as each may fire."""
        ref = ref_of(self._what, key)
        record = self._step.store.get(ref) if self._every is not None else None
        if not isinstance(record, Cooldown):
            return
        record.firings = [firing for firing in record.firings if firing[1] != alert_id]
        self._keep(ref, record)
        for match in [match for match in record.waiting if match[3] == alert_id]:
            at, part, episode, _ = match
            record.waiting.remove(match)
            if self._within(record, at):
                record.waiting.append((at, part, episode, record.firings[-1][1]))
            else:
                record.held -= 1
                self._keep(ref, record)
                yield at, part, episode

    def over(self, key: str, part: str, episode: str) -> None:
        """A held match was answered: it will not fire any more."""
        ref = ref_of(self._what, key)
        record = self._step.store.get(ref) if self._every is not None else None
        if isinstance(record, Cooldown):
            record.waiting = [match for match in record.waiting if match[1:3] != (part, episode)]
            self._keep(ref, record)

    def _ref(self, key: str, part: str) -> Ref:
        return ref_of(self._what, key, part if self._apart else "")

    def _within(self, record: Cooldown, at: int) -> bool:
        assert self._every is not None
        return bool(record.firings) and abs(at - record.firings[-1][0]) <= self._every

    def _keep(self, ref: Ref, record: Cooldown) -> None:
        assert self._every is not None
        last = max((at for at, _ in record.firings), default=self._step.watermark)
        self._step.store.put(ref, record, last + self._every + CORRECTION)
