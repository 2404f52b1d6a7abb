"""Rules on events that stop coming."""

from __future__ import annotations

from pipeline.events.codec import moment
from pipeline.events.model import event_name
from pipeline.rules.alerts import Alerts, reason
from pipeline.rules.compiled import SilenceRule
from pipeline.rules.pace import USUAL
from pipeline.state.records import Judgement, Silence
from pipeline.state.ref import Ref, key_of, ref_of
from pipeline.state.timers import NEVER
from pipeline.step import Step


class SilenceEpisodes:
    """Fires when events stop coming to the first shard, resolved when they come to all of them again."""

    def __init__(self, rule: SilenceRule, step: Step, alerts: Alerts) -> None:
        self._rule, self._step, self._alerts = rule, step, alerts
        self.id = rule.id
        self._events = {event_name(event) for event in rule.events}

    def judge(self, event: str, silence: Silence, at: int) -> None:
        """Look at the shards to which an event has stopped coming, when they are others. at: ms."""
        if event not in self._events:
            return
        ref = ref_of(self._rule.id, event)
        found = self._step.store.get(ref)
        if silence.shards and found is None:
            since = min(silence.shards.values())
            text = f"no {event} has come since {moment(since)}, and {USUAL} are usual in such a time"
            limit = f">= {USUAL} usual"
            self._alerts.fire(self._rule, event, None, str(at), at, [reason(text, [], None, limit)])
            self._step.store.put(ref, Judgement(since=at, fired=True, key=event), NEVER)
        elif isinstance(found, Judgement) and not silence.shards:
            why = reason(f"{event} comes again, since {moment(at)}", [], None, "")
            self._alerts.resolve(self._rule, event, None, str(found.since), at, "cleared", why)
            self._step.store.drop(ref)

    def goes_on(self, ref: Ref, episode: Judgement) -> bool:
        """Is an episode that was restored still about what this rule looks at?"""
        return key_of(ref) in self._events
