"""Runs golden cases and compares what came out with what a person wrote down.

A case is a folder under tests/golden/, named after its situation:

events.jsonl    the events in order of arrival
rules.yml       the rules
settings.yml    optional: until, now (RFC 3339) and zone; last_steps, and within, of the journey that comes with cxloop
expected.jsonl  one object a line: alerts, follow-ups and dead letters, all of them; and the metrics that the
                case is about, others may exist. A field that a line does not name is not compared.

`CXLOOP_WRITE_GOLDEN=1 pytest tests/unit/test_golden.py` writes what the replay says over expected.jsonl; then
read every line of the difference.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from tests.oracle import Oracle, run
from tests.oracle.measured.model import Model, default
from tests.oracle.reading import HOUR, ms, rfc3339
from tests.oracle.rules import duration, written_out

GOLDEN = Path(__file__).parent / "golden"
NOW = "2025-12-31T00:00:00Z"

Line = dict[str, Any]


@dataclass(frozen=True)
class Case:
    folder: Path
    rules: list[dict[str, Any]]
    expected: list[Line]
    until: int | None
    now: int
    zone: str
    last_steps: frozenset[str] | None = None
    within: int = HOUR

    @property
    def model(self) -> Model:
        """What the oracle measures by."""
        if self.last_steps is None:
            return default()
        journey = replace(default().journey, last_steps=self.last_steps, within=self.within)
        return replace(default(), journey=journey)

    @property
    def events(self) -> Path:
        return self.folder / "events.jsonl"

    @property
    def rules_file(self) -> Path:
        return self.folder / "rules.yml"

    @staticmethod
    def read(folder: Path) -> Case:
        settings_file = folder / "settings.yml"
        # The base loader keeps times as they are written.
        settings = yaml.load(settings_file.read_text(), yaml.BaseLoader) if settings_file.exists() else {}
        return Case(
            folder=folder,
            rules=written_out(yaml.safe_load((folder / "rules.yml").read_text())),
            expected=[json.loads(line) for line in (folder / "expected.jsonl").read_text().splitlines()],
            until=ms(settings["until"]) if "until" in settings else None,
            now=ms(settings.get("now", NOW)),
            zone=settings.get("zone", "UTC"),
            last_steps=frozenset(settings["last_steps"]) if "last_steps" in settings else None,
            within=duration(settings.get("within", "1h")),
        )


def names() -> list[str]:
    return sorted(folder.name for folder in GOLDEN.iterdir() if folder.is_dir())


def by_oracle(case: Case) -> list[Line]:
    lines = case.events.read_text().splitlines()
    return said(run(lines, case.rules, now=case.now, until=case.until, zone=case.zone, model=case.model))


def said(oracle: Oracle) -> list[Line]:
    """What the oracle says, as compact lines."""
    out = oracle.outputs
    lines: list[Line] = []
    for name, outputs in (("alert", out.alerts), ("followup", out.followups)):
        for one in outputs:
            times = {key: rfc3339(one[key]) for key in ("time", "due") if one.get(key) is not None}
            lines.append({name: one["type"]} | one | times)
    lines += [{"deadletter": letter["reason"], "line": letter["line"]} for letter in out.deadletters]
    values = oracle.board.values(oracle.counted)
    return lines + [value | {"at": rfc3339(value["at"])} for value in values]


def by_replay(case: Case) -> list[Line]:
    """What `pipeline.replay` says, as compact lines."""
    from pipeline import parts as all_parts
    from pipeline.replay import Run
    from pipeline.settings import Settings

    parts = all_parts.build(Settings(zone=case.zone), [case.rules_file])
    if case.last_steps is not None:
        journey = replace(
            parts.shard.journey,
            order=case.model.journey.order,
            last_steps=case.last_steps,
            within=case.within,
        )
        parts = replace(parts, shard=replace(parts.shard, journey=journey))
    found = Run(parts, 1, case.now)
    found.files([case.events], until=case.until)
    return compact(found.result())


def compact(result: Any) -> list[Line]:
    """The outputs of a replay as compact lines."""
    lines: list[Line] = [
        event["data"]
        | {name: event["type"].rpartition(".")[2], "time": event["time"], "id": event["id"]}
        | ({"subject": event["subject"]} if event.get("subject") else {})
        for name, events in (("alert", result.alerts), ("followup", result.followups))
        for event in events
    ]
    letters = [letter["data"] for letter in result.deadletters]
    lines += [{"deadletter": letter["reason"], "line": letter["origin"]["line"]} for letter in letters]
    return lines + list(result.metrics)


def difference(expected: Sequence[Line], actual: Sequence[Line]) -> str:
    """What is missing and what is too much, readable; empty if nothing is."""
    missing, left = [], list(actual)
    # The line that says most chooses first, so that one that says less does not take its match.
    for line in sorted(expected, key=len, reverse=True):
        found = next((one for one in left if covers(line, one)), None)
        if found is None:
            missing.append(line)
        else:
            left.remove(found)
    extra = [line for line in left if "metric" not in line]
    wanted = {(line["metric"], line["window"]) for line in missing if "metric" in line}
    near = [line for line in left if (line.get("metric"), line.get("window")) in wanted]
    rows = [("missing ", line) for line in missing] + [("too much", line) for line in extra]
    rows += [("there is", line) for line in near]
    return "\n".join(f"{what}: {json.dumps(shown(line))}" for what, line in sorted(rows, key=moment))


def covers(expected: Line, actual: Line) -> bool:
    """Whether the actual line has all that is expected."""
    return all(name in actual and same(expected, name, actual[name]) for name in expected)


def same(expected: Line, name: str, value: Any) -> bool:
    wanted = expected[name]
    if name == "result":
        # Quantiles come from a sketch with a relative error of 1 %.
        return math.isclose(
            wanted, value, rel_tol=0.0101 if is_quantile(expected["metric"]) else 1e-9, abs_tol=1e-9
        )
    return bool(wanted == value)


def is_quantile(metric: str) -> bool:
    return metric.endswith(("_p50", "_p90", "_p99"))


SHOWN = (
    "alert", "followup", "rule", "key", "time", "code", "to", "due", "priority", "change", "resolution",
    "deadletter", "line", "metric", "window", "dimension", "value", "result", "samples",
)  # fmt: skip


def shown(line: Line) -> Line:
    """The fields that matter, in a fixed order."""
    return {
        name: line[name]
        for name in SHOWN
        if line.get(name) is not None and not (name in ("rule", "value") and "followup" in line)
    }


def moment(row: tuple[str, Line]) -> tuple[str, str]:
    return (str(row[1].get("time", "")), json.dumps(row[1], sort_keys=True, default=str))


def write(case: Case, lines: Sequence[Line]) -> None:
    """Write what came out as what is expected; of metrics only those that were expected before."""
    metrics = {(m["metric"], m["window"], m["dimension"], m["value"]) for m in case.expected if "metric" in m}
    kept = [
        shown(line)
        for line in lines
        if "metric" not in line
        or (line["metric"], line["window"], line["dimension"], line["value"]) in metrics
    ]
    kept.sort(
        key=lambda line: ("metric" in line, "deadletter" in line, line.get("time", ""), line.get("line", 0))
    )
    text = "".join(json.dumps(line, ensure_ascii=False, separators=(",", ":")) + "\n" for line in kept)
    (case.folder / "expected.jsonl").write_text(text)
