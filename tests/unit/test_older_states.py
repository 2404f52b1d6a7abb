"""States that older versions wrote: this one goes on with them as if it had written them itself."""

from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest

from pipeline.metrics.contacts import Contacts
from pipeline.metrics.moods import Moods
from pipeline.metrics.promises import Promises
from pipeline.metrics.reviews import Reviews
from pipeline.metrics.ways import Ways
from pipeline.shard import Shard
from pipeline.state.changelog import READABLE, VERSION
from pipeline.state.records import FollowUp, Pace, Remembered
from pipeline.state.ref import Ref, what_of
from tests.hearts import Fed, feed, log, reopened, rule_set, shard

STATES = Path(__file__).parents[1] / "data" / "states"
RULES = rule_set((STATES / "rules.yml").read_text().partition("rules:")[2])
EVENTS = log((STATES / "events.jsonl").read_text().splitlines())


def state(version: str) -> list[bytes]:
    """The changelog that a version wrote of the first events."""
    return [base64.b64decode(line) for line in (STATES / version / "changelog.txt").read_text().split()]


def remembered(one: Shard) -> dict[Ref, Remembered]:
    """What decides what comes out. For metrics, format 3 remembered less, and it looked at sources less often."""
    metrics = {Contacts.WHAT, Reviews.WHAT, Promises.WHAT, Ways.WHAT, Ways.BOUGHT, Moods.WHAT}
    found: dict[Ref, Remembered] = {}
    for ref, record in one._store:
        if isinstance(record, FollowUp):
            found[ref] = msgspec.structs.replace(record, opened=0, contacted=-1)
        elif isinstance(record, Pace):
            found[ref] = msgspec.structs.replace(record, wake=0)
        elif what_of(ref) not in metrics:
            found[ref] = record
    return found


@pytest.mark.parametrize("version", sorted(path.name for path in STATES.iterdir() if path.is_dir()))
def test_a_state_of_an_older_format_goes_on_as_if_it_were_of_this_one(version: str) -> None:
    records = state(version)
    assert {record[0] for record in records} == {int(version)}
    old = reopened(shard(RULES), records, Fed())
    assert isinstance(old, Shard)
    new = shard(RULES)
    new.apply(EVENTS[: old.applied + 1])
    assert remembered(old) == remembered(new)
    rest = EVENTS[old.applied + 1 :]
    went_on, always = feed(old, rest, {20, 50}), feed(new, rest, {20, 50})
    assert went_on.outputs == always.outputs
    assert len(always.outputs) > 10
    # What goes on is written in the format of today, behind the older one, and both are read as one state.
    again = reopened(shard(RULES), [*records, *went_on.changelog], Fed())
    assert isinstance(again, Shard)
    assert remembered(again) == remembered(new)


def test_there_is_a_state_of_every_older_format() -> None:
    assert [version for version in READABLE if version != VERSION] == sorted(
        int(path.name) for path in STATES.iterdir() if path.is_dir()
    )
