"""What is open now: contacts by channel, reviews that wait by platform, promises that are overdue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline import parts
from pipeline.replay import Run
from pipeline.settings import Settings
from tests.generate import NOW

Row = tuple[str, str, dict[str, Any]]
CONTACT = {"contact_id": "k-1", "channel": "phone"}
PROMISE = {"promise_id": "p-1", "due": "2025-03-05T12:00:00Z"}
VISIT: Row = ("13:00", "touchpoint.visited", {"touchpoint": "website"})


@pytest.mark.parametrize(
    ("rows", "open_now"),
    [
        pytest.param([("10:00", "contact.opened", CONTACT)], {("contacts_open", "phone"): 1}, id="a contact"),
        pytest.param(
            [("10:00", "contact.opened", CONTACT), ("11:00", "contact.resolved", {"contact_id": "k-1"})],
            {},
            id="a contact that is resolved",
        ),
        pytest.param(
            [
                ("10:00", "contact.opened", CONTACT),
                ("11:30", "contact.reopened", {"contact_id": "k-1"}),
                ("11:00", "contact.resolved", {"contact_id": "k-1"}),
            ],
            {("contacts_open", "phone"): 1},
            id="a contact whose resolution comes late",
        ),
        pytest.param(
            [("10:00", "review.posted", {"review_id": "r-1", "rating": 2, "platform": "stars"})],
            {("reviews_waiting", "stars"): 1},
            id="a bad review",
        ),
        pytest.param(
            [
                ("10:00", "review.posted", {"review_id": "r-1", "rating": 2, "platform": "stars"}),
                ("11:00", "review.posted", {"review_id": "r-1", "rating": 3, "platform": "stars"}),
            ],
            {},
            id="a review that got better",
        ),
        pytest.param(
            [("10:00", "promise.made", PROMISE), VISIT], {("promises_overdue", ""): 1}, id="a promise"
        ),
        pytest.param(
            [VISIT, ("10:00", "promise.made", PROMISE)],
            {("promises_overdue", ""): 1},
            id="a promise that is overdue when it comes",
        ),
        pytest.param(
            [("10:00", "promise.made", PROMISE), VISIT, ("12:30", "promise.kept", {"promise_id": "p-1"})],
            {},
            id="a promise kept too late",
        ),
    ],
)
def test_what_is_open_now(rows: list[Row], open_now: dict[tuple[str, str], int], tmp_path: Path) -> None:
    events, rules = tmp_path / "events.jsonl", tmp_path / "rules.yml"
    rules.write_text("rules: []")
    lines = [
        {
            "specversion": "1.0",
            "id": f"e{number}",
            "source": "/test",
            "subject": "cust-1",
            "type": f"cx.{kind}",
            "time": f"2025-03-05T{time}:00Z",
            "data": data,
        }
        for number, (time, kind, data) in enumerate(rows)
    ]
    events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    run = Run(parts.build(Settings(), [rules]), 1, NOW)
    run.files([events])
    assert {name: n for name, n in run.levels().items() if n} == open_now
