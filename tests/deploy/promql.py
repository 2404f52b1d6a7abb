"""What the expressions of rules ask for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import promql_parser
import yaml

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"


@dataclass(frozen=True)
class Rule:
    """A rule of a file. alert: its name, or "" for one that records; record likewise."""

    file: str
    alert: str
    record: str
    expr: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    for_s: float

    @property
    def name(self) -> str:
        return self.alert or self.record


@dataclass(frozen=True)
class Asked:
    """One selector of an expression, as of now. labels: those that it matches on.

    within: functions around it, outermost first. text: as PromQL.
    """

    name: str
    labels: frozenset[str]
    values: frozenset[tuple[str, str]]
    within: tuple[str, ...]
    text: str


_SIGNS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


def shipped_rules() -> list[Rule]:
    """All, in the order in which they are written."""
    return [
        rule
        for file in sorted((PROMETHEUS / "rules").glob("*.yml"))
        for rule in rules_of(file.name, yaml.safe_load(file.read_text()))
    ]


def rules_of(file: str, content: Any) -> Iterator[Rule]:
    """Of a file's content."""
    for group in content["groups"]:
        for rule in group["rules"]:
            yield Rule(
                file,
                rule.get("alert", ""),
                rule.get("record", ""),
                rule["expr"],
                rule.get("labels", {}),
                rule.get("annotations", {}),
                seconds(rule.get("for", "0s")),
            )


def seconds(duration: str) -> float:
    """A length of time as Prometheus writes it."""
    return 0.0 if duration == "0s" else promql_parser.parse_duration(duration).total_seconds()


def asked(expr: str) -> list[Asked]:
    """Every selector of an expression."""
    found: list[Asked] = []
    around: list[str] = []

    def enter(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.Call):
            around.append(node.func.name)
        elif isinstance(node, promql_parser.VectorSelector):
            matchers = node.matchers.matchers
            written = ",".join(f'{one.name}{_SIGNS[str(one.op)]}"{one.value}"' for one in matchers)
            found.append(
                Asked(
                    node.name or "",
                    frozenset(one.name for one in matchers),
                    frozenset((one.name, one.value) for one in matchers),
                    tuple(around),
                    f"{node.name}{{{written}}}",
                )
            )

    def leave(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.Call):
            around.pop()

    promql_parser.walk(promql_parser.parse(expr), enter, leave)
    return found


def grouped(expr: str) -> set[str]:
    """Labels by which an expression adds up or matches."""
    without_texts = re.sub(r'"[^"]*"', "", expr)
    lists = re.findall(r"\b(?:by|on|ignoring|without|group_left|group_right)\s*\(([^)]*)\)", without_texts)
    return {label.strip() for one in lists for label in one.split(",") if label.strip()}
