"""A company that never was: a board, a health and records that look like the real ones and move."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import count
from typing import Any

import msgspec

from pipeline.metrics.catalogue import METRICS
from pipeline.metrics.confidence import Spread, interval
from pipeline.observe import Feed, PartitionView
from pipeline.state.records import Series
from tests.boards import record, segment

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOON = int(datetime(2026, 11, 22, 12, tzinfo=UTC).timestamp() * 1000)

SCORES = {
    "touchpoint": {
        "checkout": (-18.4, 2.9),
        "delivery": (4.2, 3.3),
        "returns": (11.0, 3.5),
        "support-call": (26.5, 3.9),
        "chat": (33.1, 4.0),
        "onboarding": (47.9, 4.3),
        "shop": (55.2, 4.4),
    },
    "channel": {"phone": (12.0, 3.5), "web": (28.1, 3.9), "app": (44.0, 4.2), "store": (58.3, 4.5)},
    "stage": {"delivery": (2.0, 3.2), "purchase": (20.8, 3.7), "use": (35.5, 4.0), "awareness": (41.0, 4.1)},
    "segment": {"business": (15.0, 3.6), "family": (31.2, 4.0), "student": (38.8, 4.1)},
}


@dataclass(frozen=True)
class Value:
    metric: str
    window: str
    dimension: str
    value: str
    at: int
    result: float
    samples: int
    interval: tuple[float, float] | None = None


def nps_interval(nps: float, detractors: float, answers: int) -> tuple[float, float] | None:
    """Of an NPS with that share of detractors."""
    promoters = nps / 100 + detractors
    variance = 1e4 * (promoters + detractors - (promoters - detractors) ** 2)
    return interval(Spread(answers, nps, variance, 3, -100, 100))


@dataclass
class FakeBoard:
    """Moves with `at`; `empty` has nothing to say."""

    at: int = NOON
    nps: float = 31.0
    answers: int = 1_204
    empty: bool = False
    extra: list[Value] = field(default_factory=list)
    open_now: dict[str, int] = field(default_factory=lambda: {"nps-low-at-touchpoint": 1})
    measured: Collection[str] = tuple(METRICS)

    def values(self) -> Iterator[Value]:
        if self.empty:
            return
        for window, size in (("24h", 1), ("7d", 6), ("28d", 23)):
            answers = self.answers * size
            detractors = (100 - self.nps) / 100 * 0.42
            promoters = self.nps / 100 + detractors
            for metric, result, samples in (
                ("nps", self.nps, answers),
                ("nps_promoters", promoters, answers),
                ("nps_passives", 1 - promoters - detractors, answers),
                ("nps_detractors", detractors, answers),
                ("csat", 3.4 + self.nps / 60, answers),
                ("csat_satisfied", 0.6 + self.nps / 200, answers),
                ("ces", 5.1 + self.nps / 100, answers // 2),
                ("review_rating", 3.5 + self.nps / 80, answers // 8),
                ("review_response", 0.71 + self.nps / 900, answers // 8),
                ("first_response_mean", 4_260 - 12 * self.nps, answers // 3),
                ("first_response_p90", 11_700 - 31 * self.nps, answers // 3),
            ):
                bounds = nps_interval(result, detractors, samples) if metric == "nps" else None
                yield Value(metric, window, "total", "", self.at, result, samples, bounds)
            for dimension, values in SCORES.items():
                for number, (value, (nps, csat)) in enumerate(values.items()):
                    moved = max(-100.0, min(100.0, nps + (self.nps - 31) * (1 + number / 3)))
                    share = answers // (number + 3)
                    detractors = (100 - moved) / 100 * 0.42
                    bounds = nps_interval(moved, detractors, share)
                    yield Value("nps", window, dimension, value, self.at, moved, share, bounds)
                    yield Value(
                        "nps_promoters", window, dimension, value, self.at, moved / 100 + detractors, share
                    )
                    yield Value("nps_detractors", window, dimension, value, self.at, detractors, share)
                    yield Value("csat", window, dimension, value, self.at, csat, share)
            yield Value("nps", window, "touchpoint", "gift-card", self.at, -50.0, 4)
            yield Value("csat", window, "touchpoint", "gift-card", self.at, 2.5, 4)
        yield from self.extra

    def kept(self) -> Collection[str]:
        return self.measured

    def levels(self) -> Mapping[tuple[str, str], int]:
        if self.empty:
            return {}
        return {
            **{("episodes_open", rule): number for rule, number in self.open_now.items()},
            ("followups_open", "care"): 3,
            ("followups_overdue", "care"): 1,
        }

    def heard(self) -> Mapping[str, int]:
        return {} if self.empty else {"checkout": NOON}

    def overflow(self) -> Mapping[str, int]:
        return {} if self.empty else {"touchpoint": 2}


@dataclass
class FakeHealth:
    """Says what it is told to say."""

    views: list[PartitionView] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    unready: list[str] = field(default_factory=list)
    to_mend: list[str] = field(default_factory=list)
    ends: bool = False

    def alive(self) -> Sequence[str]:
        return self.dead

    def ready(self) -> Sequence[str]:
        return self.unready

    def warnings(self) -> Sequence[str]:
        return self.to_mend

    def ending(self) -> bool:
        return self.ends

    def rebalances(self) -> int:
        return 3

    def partitions(self) -> Sequence[PartitionView]:
        return self.views


def partition(topic: str = "touchpoints", number: int = 0, **changes: object) -> PartitionView:
    """A partition that is well."""
    view = PartitionView(
        topic=topic,
        partition=number,
        state="running",
        applied=48_211,
        end=48_212,
        lag=0,
        watermark=NOON,
        idle_s=0.4,
        stats={"duplicates": 12, "late": 31, "type.cx.survey.answered": 48_000, "type.cx.clock.ticked": 90,
               "source./shop/web": 47_000,
               "rejected.time.future": 2, "held.detractor-follow-up": 7, "fired.detractor-follow-up": 40,
               "followups.detractor-follow-up": 38, "open.records": 512, "seen.ids": 48_000},
    )  # fmt: skip
    return replace(view, **changes)  # type: ignore[arg-type]


def events(number: int) -> dict[str, int]:
    """Counters of a heart that took so many events."""
    return {"type.cx.survey.answered": number}


def counts_record(offset: int, end: int, shard: str = "touchpoints/0", **counts: int) -> bytes:
    """A record of `cx.metrics`."""
    series: list[tuple[int, Series, dict[str, int]]] = [
        (end, (), counts),
        (end, (("channel", "web"),), counts),
    ]
    return record(shard, offset, segment(end, series))


def rfc3339(at: int) -> str:
    text = datetime.fromtimestamp(at / 1000, UTC).isoformat(
        timespec="milliseconds" if at % 1000 else "seconds"
    )
    return text.replace("+00:00", "Z")


def alert_record(number: int = 1, what: str = "fired", at: int = NOON, **data: Any) -> bytes:
    """A record of `cx.alerts`."""
    alert_id = f"a-{number:020x}"
    subject = data.pop("subject", f"cust-{1000 + number}")
    body = {
        "alert_id": alert_id,
        "rule": "detractor-follow-up",
        "key": subject,
        "severity": "warning",
        "title": "A detractor hears from a person within one business day.",
        "reasons": [{"text": "nps is 3, limit <= 6", "events": ["s-1"], "value": 3, "limit": "<= 6"}],
        "rules_version": "9f2c",
    } | data
    event_id = f"{alert_id}/{what}" + (f"/{body['step']}" if what == "escalated" else "")
    record = {
        "specversion": "1.0",
        "id": event_id,
        "source": f"/cxloop/rules/{body['rule']}",
        "type": f"cx.alert.{what}",
        "time": rfc3339(at),
        "subject": subject,
        "data": body,
    }
    return msgspec.json.encode(record)


def follow_up_record(
    number: int = 1,
    event: int = 1,
    what: str = "opened",
    at: int = NOON,
    due: int | None = NOON + DAY,
    **data: Any,
) -> bytes:
    """A record of `cx.followups`."""
    followup_id = f"f-{number:020x}"
    subject = data.pop("subject", f"cust-{1000 + number}")
    status = {"assigned": "assigned", "contacted": "contacted", "closed": "closed"}.get(what, "open")
    body = {
        "followup_id": followup_id,
        "alert_ids": [f"a-{number:020x}"],
        "rule": "detractor-follow-up",
        "key": subject,
        "team": "care",
        "priority": "normal",
        "due": None if due is None else rfc3339(due),
        "status": status,
        "reasons": ["nps is 3, limit <= 6"],
    } | data
    record = {
        "specversion": "1.0",
        "id": f"{followup_id}/{event}",
        "source": "/cxloop/followups",
        "type": f"cx.followup.{what}",
        "time": rfc3339(at),
        "subject": subject,
        "data": body,
    }
    return msgspec.json.encode(record)


_RULES = (
    ("detractor-follow-up", "warning", "A detractor hears from a person within one business day.",
     "nps is {n}, limit <= 6"),
    ("negative-review-unanswered", "critical", "A bad review without a public answer within a day.",
     "rating is 1.{n}, limit <= 2; no answer within 24h"),
    ("case-reopened-twice", "warning", "A case that was reopened twice needs one owner.",
     "2 times contact.reopened within 30d"),
    ("promise-broken", "critical", "A broken promise is mended the same day.", "promise p-{n} was broken"),
    ("thank-you", "info", "A promoter with three purchases gets a thank-you.", "3 purchases within 30d, nps is 10"),
)  # fmt: skip


class Company:
    """Feeds a page as a busy day would: each `step` is five minutes of event time."""

    def __init__(self, seed: int = 7, history: int = 200) -> None:
        self.feed = Feed()
        self.board = FakeBoard(at=NOON - history * 5 * MINUTE)
        self.health = FakeHealth()
        self._chance = random.Random(seed)
        self._numbers = count(1)
        self._events = 12_000
        for _ in range(history):
            self.step()

    def step(self) -> None:
        chance = self._chance
        board = self.board
        board.at += 5 * MINUTE
        board.nps = max(-20.0, min(70.0, board.nps + chance.gauss(0.01, 0.55)))
        board.answers += chance.randint(0, 3)
        self._events += chance.randint(300, 900)
        self.feed.sample(board)
        self.feed.metrics(
            counts_record(self._events, board.at, nps_promoters=chance.randint(0, 9), nps_detractors=3,
                          review_count=chance.randint(0, 2), first_response_count=chance.randint(0, 5))
        )  # fmt: skip
        for _ in range(chance.choice((0, 0, 1, 1, 2))):
            self._alert(board.at - chance.randint(0, 4) * MINUTE)
        quiet = board.at - 5 * MINUTE
        self.health.views = [
            partition(number=0, watermark=quiet, applied=self._events, stats=events(self._events)),
            partition(
                number=1,
                watermark=quiet - 40_000,
                applied=self._events + 311,
                lag=2,
                idle_s=0.1,
                stats=events(self._events + 300),
            ),
            partition(
                "reviews",
                0,
                watermark=quiet - 9_000,
                applied=self._events // 9,
                stats=events(self._events // 9),
            ),
            partition("metrics", 0, watermark=quiet, applied=self._events // 40),
        ]
        self.health.views = [replace(view, end=view.applied + 1 + (view.lag or 0)) for view in self.health.views]  # fmt: skip

    def _alert(self, at: int) -> None:
        chance, number = self._chance, next(self._numbers)
        rule, severity, title, text = chance.choices(_RULES, weights=(9, 3, 2, 2, 4))[0]
        reason = text.format(n=chance.randint(0, 6))
        data: dict[str, Any] = {
            "rule": rule,
            "severity": severity,
            "title": title,
            "reasons": [{"text": reason}],
        }
        if rule == "negative-review-unanswered":
            data["key"] = f"rev-{9000 + number}"
        self.feed.alert(alert_record(number, at=at, **data))
        if severity == "info":
            return
        team, priority = ("reputation", "high") if severity == "critical" else ("care", "normal")
        due = at + chance.choice((2, 4, 8, 24)) * HOUR
        common: dict[str, Any] = {"team": team, "priority": priority, "rule": rule, "reasons": [reason]}
        self.feed.followup(follow_up_record(number, 1, "opened", at, due, **common))
        end = chance.random()
        told: dict[str, Any] = data | {
            "reasons": [{"text": "nobody has contacted the customer; lead is told"}]
        }
        done: dict[str, Any] = data | {"reasons": [{"text": "its follow-up was closed: solved"}]}
        if end < 0.75:
            self.feed.followup(
                follow_up_record(number, 2, "closed", at + 30 * MINUTE, due, resolution="solved", **common)
            )
            self.feed.alert(
                alert_record(number, "resolved", at + 30 * MINUTE, code="followup_closed", **done)
            )
        elif end < 0.82:
            self.feed.followup(
                follow_up_record(number, 2, "assigned", at + MINUTE, due, agent="m.visser", **common)
            )
        elif end < 0.86:
            self.feed.alert(alert_record(number, "escalated", at + 2 * MINUTE, to="lead", step=1, **told))
        elif end < 0.9 and severity == "critical":
            self.feed.alert(alert_record(number, "retracted", at + 9 * MINUTE, code="late_truth", **data))
