"""What a shard remembers for a rule and a key, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.events.codec import moment
from pipeline.plural import counted
from pipeline.rules.compiled import AnyRule, CountRule, SequenceRule
from pipeline.span import duration
from pipeline.state.records import (
    CLOSED,
    FIRING,
    HELD,
    PENDING,
    Ask,
    Cooldown,
    FollowUp,
    Hits,
    Judgement,
    Remembered,
    Trail,
    Waits,
)
from pipeline.state.ref import Ref, part_of, what_of


def in_words(rule: AnyRule, records: Iterable[tuple[Ref, Remembered]]) -> Iterator[str]:
    """One sentence for each thing that is remembered. records: of one key, whatever remembers them."""
    for ref, record in records:
        what, part = what_of(ref), part_of(ref)
        of = f" of {part}" if part else ""
        if isinstance(record, FollowUp):
            if any(why.rule == rule.id for why in record.reasons):
                yield _task(record)
        elif what.partition("/")[0] != rule.id:
            continue
        elif isinstance(record, Waits):
            yield from (_ask(one, of) for one in record.asks)
        elif isinstance(record, Hits) and isinstance(rule, CountRule):
            times = ", ".join(map(moment, record.times[-3:]))
            yield (
                f"{counted(len(record.times), 'match', 'matches')}{of} remembered, the last at {times}; "
                f"{rule.at_least} within {duration(rule.within)} are asked for"
            )
        elif isinstance(record, Trail) and isinstance(rule, SequenceRule):
            n = len(record.times)
            yield f"{counted(n, 'event')} of its steps remembered, the last at {moment(record.times[-1])}"
        elif isinstance(record, Cooldown) and record.firings:
            at, alert = record.firings[-1]
            until = f", and holds matches until {moment(at + rule.every)}" if rule.every is not None else ""
            held = f"; {counted(record.held, 'match', 'matches')} held so far" if record.held else ""
            yield f"fired last at {moment(at)} ({alert}){of}{until}{held}"
        elif isinstance(record, Judgement):
            since = moment(record.since)
            yield f"alert on {record.key} stands" if record.fired else f"its condition holds since {since}"


def _ask(ask: Ask, of: str) -> str:
    since = f"what {ask.event_id} began at {moment(ask.at)}{of}"
    if ask.state == PENDING:
        held = (
            f"; it is looked at again at {moment(ask.again)}, for no answers come at all" if ask.again else ""
        )
        return f"{since} waits until {moment(ask.deadline)}{held}"
    states = {FIRING: "has fired", HELD: "is held by a cooldown"}
    return f"{since}, and was due at {moment(ask.deadline)}, {states.get(ask.state, 'was resolved')}"


def _task(task: FollowUp) -> str:
    how = f"closed ({task.resolution or 'no resolution given'})" if task.status == CLOSED else task.status
    return f"follow-up {task.followup_id} of {task.team} is {how}, due at {moment(task.due)}"
