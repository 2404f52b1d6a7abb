"""Everything that a shard or the board remembers, and writes to its changelog.

What keeps a record says when it is forgotten. All times are ms UTC of event time.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from pipeline.span import duration

#: (dimension, value) pairs in order of dimension; () is the total.
Series = tuple[tuple[str, str], ...]
#: The values of an event's dimensions: of all, in the order of `catalogue.DIMENSIONS`, where they are remembered.
Dims = tuple[str | None, ...]
#: Counts by series and name.
Sums = dict[Series, dict[str, int]]
#: What is to be added to them.
Counts = list[tuple[Series, dict[str, int]]]

#: The states of what waits for an answer.
PENDING: Final = 0
FIRING: Final = 1
HELD: Final = 2
RESOLVED: Final = 3
#: The states of a follow-up.
OPEN: Final = "open"
ASSIGNED: Final = "assigned"
CONTACTED: Final = "contacted"
CLOSED: Final = "closed"


class Remembered(msgspec.Struct, array_like=True, gc=False):
    """One record. wake: ms UTC of event time; when the watermark is beyond it, the record's owner is told."""

    wake: int = 0


class Numerous(Remembered):
    """One of so many that it is kept packed while nobody looks at it: a third of the memory."""


class Contact(Numerous, kw_only=True, tag=0):
    """A contact with customer service.

    opened: ms; -1: not known yet. dims: of the opening. times: of its turns (ms), in order of (time, arrival).
    turns: what each of them was, see `metrics/contacts.py`.
    """

    opened: int = -1
    dims: Dims = ()
    times: list[int] = msgspec.field(default_factory=list)
    turns: list[int] = msgspec.field(default_factory=list)


class Review(Numerous, kw_only=True, tag=1):
    """at: ms, of the newest version; -1: only a response is known. posted: ms, of the first version.

    hundredths: of its rating. responded: ms, of the first response; -1: none is known.
    """

    at: int = -1
    event_id: str = ""
    hundredths: int = 0
    dims: Dims = ()
    responded: int = -1
    posted: int = -1


class Promised(Numerous, kw_only=True, tag=9):
    """A promise. made, due, kept, broken: ms, of the first event that says so; -1: none is known.

    dims: of the first event. overdue: nobody has said that it was kept or broken, and the watermark is beyond `due`.
    """

    made: int = -1
    due: int = -1
    kept: int = -1
    broken: int = -1
    dims: Dims = ()
    overdue: bool = False


class Rows(Numerous, kw_only=True, tag=10):
    """Rows of a few bytes that whoever remembers them can read. See `packed_rows`."""

    rows: bytes = b""


class Mood(Numerous, kw_only=True, tag=11):
    """What a customer answered, and who followed up, in order of (time, arrival).

    times: of scores (ms); unhappy: was each? helped: (time in ms, team, rule) of what was done about a follow-up.
    """

    times: list[int] = msgspec.field(default_factory=list)
    unhappy: list[bool] = msgspec.field(default_factory=list)
    helped: list[tuple[int, str, str]] = msgspec.field(default_factory=list)


class Pane(Remembered, kw_only=True):
    """What was counted in one pane, by series."""

    counts: Sums = msgspec.field(default_factory=dict)


class KnownValue(Remembered, kw_only=True):
    """A value of a dimension that has a series of its own. since: for panes that end later (ms)."""

    since: int = -1


class Overflow(Remembered, kw_only=True):
    """A dimension that had no room. until: the latest pane end (ms) of which something went to "other"."""

    until: int = -1


class Pace(Remembered, kw_only=True):
    """How often events of a type come.

    begun: the hour of the first, in hours since 1970. latest: of the newest (ms). silent: they have stopped coming.
    missed: up to this hour some may be missing, so that it tells nothing of what is usual.
    counts: thousandths of events that are usual, for each hour of a week; the first one is that of hour 0 of 1970.
    """

    begun: int
    latest: int
    counts: list[int]
    silent: bool = False
    missed: int = -1


class Silence(Remembered, kw_only=True):
    """shards: where events of a type have stopped coming, and since when (ms)."""

    shards: dict[str, int] = msgspec.field(default_factory=dict)


class Ask(msgspec.Struct, array_like=True, gc=False):
    """An event that waits for its answer until the deadline, which stays, whatever becomes of the rule.

    ended: (time, code) that resolves it as soon as it fires. review: its id. Times are ms.
    known: the reasons for what had to be known of the customer.
    again: when it is looked at again, because its answers had stopped coming at the deadline; 0: they had not.
    stops: (time, does it stop?) of what stopped its clock, and started it again; stood: for how long it stands still (ms).
    shown: the values that the rule's texts show.
    """

    at: int
    deadline: int
    event_id: str
    source: str
    subject: str | None
    values: list[Any]
    state: int = PENDING
    ended: tuple[int, str] | None = None
    review: str | None = None
    known: list[dict[str, Any]] = msgspec.field(default_factory=list)
    stops: list[tuple[int, bool]] = msgspec.field(default_factory=list)
    stood: int = 0
    again: int = 0
    shown: list[str] = msgspec.field(default_factory=list)

    @property
    def episode(self) -> str:
        return f"{self.source}#{self.event_id}"

    @property
    def within(self) -> str:
        return duration(self.deadline - self.at - self.stood)

    def end(self, at: int, code: str) -> None:
        """Remember what would resolve it; the earliest by time counts."""
        if self.ended is None or at < self.ended[0]:
            self.ended = (at, code)


class Waits(Numerous, kw_only=True, tag=2):
    """What waits, of one key and part."""

    asks: list[Ask] = msgspec.field(default_factory=list)


class Answered(Numerous, kw_only=True, tag=3):
    """The times of answers (ms, ascending), of one key and part."""

    times: list[int] = msgspec.field(default_factory=list)


class Hits(Numerous, kw_only=True, tag=4):
    """Matches of one key and part in order of (time, arrival): a list for each field, for they are read at every step.

    times: ms. events: a text for each, packed one behind the other: see `rules/hits.py`.
    blocks: where those of older ones begin (ms, ascending).
    reviews, parts: of reviews, which an edit may move or take away; both are empty where it may not.
    """

    times: list[int] = msgspec.field(default_factory=list)
    events: bytes = b""
    blocks: tuple[int, ...] = ()
    reviews: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()


class Cooldown(Numerous, kw_only=True, tag=5):
    """firings: (time, alert id), newest arrival last. held: how many matches; waiting: (time, part, episode, alert that holds it)."""

    firings: list[tuple[int, str]] = msgspec.field(default_factory=list)
    held: int = 0
    waiting: list[tuple[int, str, str, str]] = msgspec.field(default_factory=list)


class Trail(Numerous, kw_only=True, tag=7):
    """Events of one key in order of (time, arrival): a list for each field.

    times: ms. events: see `rules/hits.py`. marks: what each one matches. parts: its value of the field `same`.
    reviews: the id of a review, which a later version takes the place of; else "". values: what conditions looked at.
    """

    times: list[int] = msgspec.field(default_factory=list)
    events: list[str] = msgspec.field(default_factory=list)
    marks: list[int] = msgspec.field(default_factory=list)
    parts: list[str] = msgspec.field(default_factory=list)
    reviews: list[str] = msgspec.field(default_factory=list)
    values: list[list[Any]] = msgspec.field(default_factory=list)


class Matched(Numerous, kw_only=True, tag=8):
    """A review that a rule wants counted: when its newest version is counted (ms), and where."""

    at: int
    series: Series


class Counting(Remembered, kw_only=True):
    """since: from when on something is counted for rules (ms); -1: from `first`, the end of the first pane (ms)."""

    since: dict[str, int] = msgspec.field(default_factory=dict)
    first: int = -1


class Familiar(Remembered, kw_only=True):
    """A value that is not new to a rule."""


class Judgement(Remembered, kw_only=True):
    """since: the pane end from which the condition holds; fired: has it been held long enough? Times in ms.

    key, window: of its alert, as the rule had them when it began.
    """

    since: int = -1
    fired: bool = False
    key: str = ""
    window: str = ""


class Reason(msgspec.Struct, array_like=True, gc=False):
    """An alert that the follow-up is about. steps: (number, time in ms, who is told) still to come."""

    alert_id: str
    rule: str
    kind: str
    key: str
    severity: str
    title: str
    text: str
    steps: list[tuple[int, int, str]] = []
    ended: bool = False
    message: str = ""


class FollowUp(Numerous, kw_only=True, tag=6):
    """One task. Times are ms; events: how many its life has had.

    opened: when its clock started, the first time. contacted: the first time that somebody was in touch; -1: nobody was.
    """

    followup_id: str
    rule: str
    subject: str | None
    team: str
    priority: str
    due: int
    allowance: tuple[int, bool]
    reasons: list[Reason]
    status: str = OPEN
    agent: str | None = None
    overdue: bool = False
    closed_at: int = 0
    resolution: str | None = None
    cause: str | None = None
    recovered: bool | None = None
    events: int = 0
    opened: int = 0
    contacted: int = -1


class ShardPosition(Remembered, kw_only=True):
    """How far a shard has come. watermark: ms, or None."""

    watermark: int | None = None


class Level(Remembered, kw_only=True):
    """How many are open now."""

    n: int = 0


class Head(msgspec.Struct, array_like=True, gc=False):
    """What a packed record begins with."""

    tag: int
    wake: int
