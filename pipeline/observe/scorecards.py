"""Rules with their score cards, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.followup.score import SCORES
from pipeline.rules.compiled import RuleSet


def cards(rules: RuleSet, levels: Mapping[tuple[str, str], int] | None) -> list[dict[str, Any]]:
    """One for each rule, in order of id. levels: of the board; None: nobody has counted."""
    return [
        {
            "id": rule.id, "summary": rule.summary, "kind": str(rule.kind), "severity": rule.severity,
            "shadow": rule.shadow, "team": rule.plan.team if rule.plan is not None else None,
            "due": str(rule.plan.due) if rule.plan is not None else None,
            **({name.removeprefix("rule_"): levels.get((name, rule.id), 0) for name in SCORES} if levels is not None else {}),
        }
        for rule in rules.rules
    ]  # fmt: skip
