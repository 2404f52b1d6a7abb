"""Values by which metrics are told apart are kept and written everywhere, so that none is long."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.replay import replay
from tests.generate import NOW

LONG = "x" * 300


def test_a_long_platform_is_rejected_and_a_long_team_cut_off(tmp_path: Path) -> None:
    events, rules = tmp_path / "events.jsonl", tmp_path / "rules.yml"
    rules.write_text("rules: []")
    of = {"specversion": "1.0", "source": "/test", "subject": "cust-1"}
    lines = [
        of
        | {
            "id": "1",
            "type": "cx.mention.posted",
            "time": "2025-03-05T10:00:00Z",
            "data": {"platform": LONG},
        },
        of
        | {"id": "2", "type": "cx.share.made", "time": "2025-03-05T10:00:00Z"}
        | {"data": {"attributes": {"team": LONG}}},
        of | {"id": "3", "type": "cx.share.made", "time": "2025-03-05T12:00:00Z", "data": {}},
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    found = replay([events], [rules], now=NOW)
    assert [letter["data"]["reason"] for letter in found.deadletters] == ["field.wrong"]
    assert {line["value"] for line in found.metrics if line["dimension"] == "team"} == {LONG[:256]}
