"""What the pipeline would have done with the events of files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.replay import ReplayResult, replay
from pipeline.settings import Settings
from pipeline.span import DAY, HOUR, MINUTE
from tests.oracle.reading import ms, rfc3339

NOON = ms("2025-03-05T12:00:00Z")
RULES = """rules:
  - id: bad-review
    summary: A bad review.
    when: {event: review.posted, rating: "<= 2"}
    alert: info
    follow_up: {team: reputation, due: 1h}
  - id: waits
    summary: Nobody answers.
    when: {event: contact.opened}
    unless: {event: contact.replied, same: contact_id, within: 1h}
    alert: warning
"""


def event(kind: str, at: int, name: str, subject: str | None = "cust-1", **data: Any) -> dict[str, Any]:
    found = {
        "specversion": "1.0",
        "id": name,
        "source": "/test",
        "type": f"cx.{kind}",
        "time": rfc3339(at),
        "data": data,
    }
    return found | ({"subject": subject} if subject else {})


class Files:
    """Files of events, and a replay over them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "rules.yml").write_text(RULES)

    def write(self, name: str, *events: dict[str, Any] | str) -> Path:
        file = self.folder / name
        lines = [one if isinstance(one, str) else json.dumps(one) for one in events]
        file.write_text("".join(f"{line}\n" for line in lines))
        return file

    def replay(self, *files: Path, **more: Any) -> ReplayResult:
        usual: dict[str, Any] = {"now": ms("2026-01-01T00:00:00Z"), "settings": Settings()}
        return replay(files, [self.folder / "rules.yml"], **(usual | more))


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [one["type"].removeprefix("cx.") for one in events]


def test_one_file_keeps_its_order_and_several_are_merged_by_time(files: Files) -> None:
    opened = event("contact.opened", NOON, "a", contact_id="k")
    replied = event("contact.replied", NOON + HOUR, "b", contact_id="k")
    later = event("touchpoint.visited", NOON + 9 * DAY, "c", touchpoint="home")
    # Alone in a file, the contact comes too late; with a file of its own, it comes first.
    assert kinds(files.replay(files.write("one", later, opened, replied)).deadletters) == ["deadletter"] * 2
    result = files.replay(files.write("late", later), files.write("early", opened, replied))
    assert (result.alerts, result.deadletters, result.events) == ([], [], 3)


@pytest.mark.parametrize(
    ("until", "alerts"),
    [
        (NOON + HOUR, []),
        (NOON + HOUR + 1, ["alert.fired"]),
        (NOON + 40 * DAY, ["alert.fired", "alert.resolved"]),
    ],
)
def test_until_skips_what_is_later_and_moves_time_there(until: int, alerts: list[str], files: Files) -> None:
    story = files.write(
        "story",
        event("contact.opened", NOON, "a", contact_id="k"),
        event("contact.opened", until + 1, "z", contact_id="y"),
    )
    result = files.replay(story, until=until)
    assert (kinds(result.alerts), result.events, result.skipped) == (alerts, 2, 1)


def test_without_until_what_is_pending_stays_so(files: Files) -> None:
    assert files.replay(files.write("story", event("contact.opened", NOON, "a", contact_id="k"))).alerts == []


def test_a_dead_letter_says_file_and_line(files: Files) -> None:
    story = files.write("story", "", "rubbish", event("survey.answered", NOON, "a", nps=11))
    letters = files.replay(story).deadletters
    assert [(one["data"]["origin"], one["data"]["reason"]) for one in letters] == [
        ({"file": str(story), "line": 2}, "json.invalid"),
        ({"file": str(story), "line": 3}, "field.wrong"),
    ]


@pytest.mark.parametrize("partitions", [1, 3])
def test_every_line_is_counted_whatever_became_of_it(partitions: int, files: Files) -> None:
    review, opened = (
        event("review.posted", NOON, "a", review_id="r", rating=1),
        event("contact.opened", NOON, "b"),
    )
    story = files.write("story", review, "rubbish", review, opened, event("contact.opened", NOON + DAY, "c"))
    result = files.replay(story, until=NOON, partitions=partitions)
    assert (result.events, result.duplicates, result.skipped, result.rejected) == (5, 1, 1, 2)


def test_an_event_from_after_the_run_is_from_the_future(files: Files) -> None:
    story = files.write("story", event("contact.opened", NOON, "a", contact_id="k"))
    assert files.replay(story, now=NOON - 5 * MINUTE).deadletters == []
    (letter,) = files.replay(story, now=NOON - 5 * MINUTE - 1).deadletters
    assert letter["data"]["reason"] == "time.future"


def test_what_is_written_is_the_same_each_time_and_sorted(files: Files, tmp_path: Path) -> None:
    reviews = [
        event("review.posted", NOON - number * MINUTE, f"e{number}", review_id=f"r{number}", rating=1)
        for number in range(4)
    ]
    story = files.write("story", *reviews)
    for name in ("one", "other"):
        files.replay(story, until=NOON + DAY).write(tmp_path / name)
    names = ["alerts.jsonl", "deadletters.jsonl", "followups.jsonl", "metrics.jsonl"]
    assert sorted(file.name for file in (tmp_path / "one").iterdir()) == names
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()
    times = [
        json.loads(line)["time"] for line in (tmp_path / "one" / "alerts.jsonl").read_text().splitlines()
    ]
    assert times == sorted(times)


@pytest.mark.parametrize("partitions", [1, 2, 5])
def test_partitions_change_nothing_for_customers_apart(partitions: int, files: Files) -> None:
    story = []
    for number in range(12):
        story.append(
            event("contact.opened", NOON + number * MINUTE, f"c{number}", f"cust-{number}", contact_id="k")
        )
        story.append(
            event(
                "review.posted",
                NOON + number * MINUTE,
                f"r{number}",
                f"cust-{number}",
                review_id=f"r{number}",
                rating=1 + number % 3,
            )
        )
    result = files.replay(files.write("story", *story), until=NOON + DAY, partitions=partitions)
    alone = files.replay(files.write("story", *story), until=NOON + DAY)
    assert [one["id"] for one in result.alerts] == [one["id"] for one in alone.alerts]
    assert [one["id"] for one in result.followups] == [one["id"] for one in alone.followups]
    assert result.metrics == alone.metrics


@pytest.mark.parametrize("partitions", [
    1, 3,
])  # fmt: skip
def test_a_follow_up_without_a_customer_can_be_closed(partitions: int, files: Files) -> None:
    review = event("review.posted", NOON, "a", None, review_id="r1", rating=1)
    (opened,) = files.replay(files.write("story", review)).followups
    closed = event(
        "followup.closed", NOON + MINUTE, "b", None, followup_id=opened["data"]["followup_id"], key="r1"
    )
    result = files.replay(files.write("story", review, closed), partitions=partitions)
    assert kinds(result.followups) == ["followup.opened", "followup.closed"]
    assert result.deadletters == []
