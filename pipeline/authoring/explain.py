"""Why a rule fired, or did not: what its events were like, one by one, and what became of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from pipeline import parts as all_parts
from pipeline.authoring.explain_event import EventStory
from pipeline.authoring.explain_metric import MetricStory
from pipeline.authoring.explanation import Explanation
from pipeline.errors import UsageError
from pipeline.nearest import did_you_mean
from pipeline.replay import Run, lines_of
from pipeline.rules.compiled import BoardRule
from pipeline.rules.load import rule_set
from pipeline.settings import Settings


def explain(
    rule_id: str, subject: str, events: Sequence[Path], settings: Settings, rules: Sequence[Path], source: Path | None = None
) -> Explanation:  # fmt: skip
    """Explain a rule's doings for a customer, a review or a series. Raises UsageError and what files raise."""
    parts = all_parts.build(settings, rules)
    rule = parts.rules.by_id().get(rule_id)
    if rule is None:
        ids = [one.id for one in parts.rules.rules]
        if rule_id in parts.rules.disabled:
            raise UsageError(f'the rule "{rule_id}" is switched off (enabled: false), so it looks at nothing')
        raise UsageError(f'there is no rule "{rule_id}"; {did_you_mean(rule_id, ids)}')
    alone = rule_set([rule])
    parts = replace(parts, shard=replace(parts.shard, rules=alone), board=replace(parts.board, rules=alone))
    run = Run(parts)
    story: EventStory | MetricStory
    story = MetricStory(rule, subject, run) if isinstance(rule, BoardRule) else EventStory(rule, subject, run)
    lines = lines_of(events, source)
    while chunk := list(islice(lines, story.batch)):
        story.take(chunk)
    return Explanation(rule.id, subject, story.steps, story.verdict(), list(story.now()))
